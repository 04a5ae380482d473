"""The commands of `replace`: the meaning of their exit codes, their environment, and no repetition."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import InfrastructureError, UsageError
from harness.marathon.__main__ import main
from harness.marathon.definition import App
from harness.marathon.interrupted import OngoingChange, Phase, report_if_interrupted
from harness.marathon.replacing import RUN, left_behind, need_running, new_run, shell
from harness.marathon.stopall import StepFailedError
from harness.releases import ROOT


def test_a_command_knows_the_image_and_its_step(tmp_path: Path) -> None:
    """The upgrade is run in the image that will be started."""
    shell("backup", f'echo "$RT_STEP $RT_NEW_IMAGE" >{tmp_path}/told; read line || true', "rt:2")()
    assert (tmp_path / "told").read_text() == "backup rt:2\n"


@pytest.mark.parametrize(
    ("name", "command", "kind"),
    [
        ("upgrade", "exit 7", StepFailedError),
        ("restore", "exit 1", StepFailedError),
        ("backup", "exit 1", InfrastructureError),
        ("upgrade", "/no/such/program", InfrastructureError),
        ("upgrade", "kill -KILL $$", StepFailedError),
    ],
)
def test_what_a_bad_end_means(name: str, command: str, kind: type[Exception]) -> None:
    """A failed upgrade is a finding. A full backup disk, or a missing program, proves nothing."""
    with pytest.raises(kind, match=f"--{name} ended with exit code") as caught:
        shell(name, f": secret; {command}", "rt:2")()
    assert type(caught.value) is kind
    assert "secret" not in str(caught.value), "a password may stand in a command"


def test_each_part_of_a_pipe_counts(tmp_path: Path) -> None:
    """A dump that fails in a pipe to gzip would leave a useless backup."""
    with pytest.raises(InfrastructureError):
        shell("backup", f"false | cat >{tmp_path}/before.sql", "rt:2")()
    shell("backup", f'echo "$RT_RUN" >{tmp_path}/run', "rt:2")()
    assert (tmp_path / "run").read_text().strip() == RUN


def test_two_runs_in_the_same_second_have_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """In two containers both are process 1: one would write its backup over the other's, and hold its mark."""
    monkeypatch.setattr(time, "strftime", lambda _: "20261126-120000")
    assert new_run() != new_run()


@pytest.mark.parametrize("live", [None, {"id": "/rt", "instances": 0}], ids=["unknown", "stopped"])
def test_what_does_not_run_is_not_replaced_without_a_word(live: App | None) -> None:
    """A second run would overwrite the good backup with the half upgraded database."""
    asked = argparse.Namespace(from_stopped=False)
    with pytest.raises(UsageError, match="either RT runs under another id"):
        need_running(asked, live)
    need_running(argparse.Namespace(from_stopped=True), live)
    need_running(asked, {"id": "/rt", "instances": 1})


def test_the_end_that_a_ci_server_asks_for_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise Python ends without a message, and the upgrade may go on."""

    def ended() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    assert report_if_interrupted(ended, lambda: left_behind(OngoingChange())) == 2
    assert "stay stopped" in capsys.readouterr().err


def test_what_nohup_keeps_alive_stays_alive() -> None:
    """A user who starts it so and closes the terminal wants it to go on."""
    program = (
        "import os, signal\nfrom harness.marathon.interrupted import report_if_interrupted\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "raise SystemExit(report_if_interrupted(lambda: os.kill(os.getpid(), signal.SIGHUP) or 0, str))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_listener_that_went_away_decides_nothing() -> None:
    """In `replace ... | tee log`, tee may die: the upgrade must go on to its end."""
    program = "from harness.marathon.replacing import shell\nshell('upgrade', 'true', 'rt:2')()\n"
    line = f'{{ sleep 0.1; {sys.executable} -c "{program}"; echo $? >&2; }} | true'
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "0", done.stderr


def test_without_commands_it_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A site must not be stopped without a known backup command."""
    with pytest.raises(SystemExit) as ended:
        main(["replace", "marathon.json", "--upgrade", "true"])
    assert (ended.value.code, "--backup" in capsys.readouterr().err) == (3, True)


def test_without_a_marathon_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither if none is named nor if it does not answer."""
    words = ["replace", "marathon.json", "--backup", f"touch {tmp_path}/begun", "--upgrade", "true"]
    monkeypatch.delenv("MARATHON_URL", raising=False)
    assert main(words) == 3
    monkeypatch.setenv("MARATHON_URL", "http://127.0.0.1:1")
    assert main(words) == 2
    assert "no answer" in capsys.readouterr().err
    assert not (tmp_path / "begun").exists()


def test_an_interruption_says_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    """No rollback happens automatically then."""

    def ends() -> int:
        raise KeyboardInterrupt

    ongoing = OngoingChange()
    ongoing.enter(Phase.STOPPING, "/rt", "97c136bf")
    assert report_if_interrupted(ends, lambda: left_behind(ongoing)) == 2
    said = capsys.readouterr().err
    assert "stay stopped" in said
    assert "The stop of /rt (deployment 97c136bf) goes on" in said


@pytest.mark.parametrize("upgraded", [True, False], ids=["upgraded", "restored"])
def test_an_interrupted_start_never_sends_the_old_release_to_the_new_database(upgraded: bool) -> None:
    """Nothing is stopped any more then; and undoing it like a plain deploy would meet the upgraded tables."""
    ongoing = OngoingChange()
    ongoing.enter(Phase.STOPPING, "/rt", "1")
    ongoing.enter(Phase.STOPPED, "/rt")
    assert "stay stopped" in left_behind(ongoing)
    ongoing.database_upgraded = upgraded
    ongoing.enter(Phase.DEPLOYING, "/rt", "97c136bf")
    said = left_behind(ongoing)
    assert "stay stopped" not in said
    assert ("restore the backup before the old release is started" in said) == upgraded
    assert ("a deploy of the old definition" in said) != upgraded
    ongoing.enter(Phase.REQUESTED, "/rt")  # undone in the same way
    assert ("DELETE /v2/deployments" in left_behind(ongoing)) != upgraded
    ongoing.enter(Phase.ROLLING_BACK, "/rt")
    assert "stay stopped" not in left_behind(ongoing)
    ongoing.enter(Phase.PROVEN, "/rt")
    assert "had come to its end" in left_behind(ongoing)
