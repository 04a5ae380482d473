"""A command of `replace` that is interrupted ends with all its processes: none may go on upgrading unwatched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.common.waits import Retry, wait_until
from harness.marathon import replacing
from harness.marathon.interrupted import report_if_interrupted
from harness.marathon.replacing import shell
from harness.releases import ROOT


@pytest.mark.usefixtures("endable")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=["term", "hup", "ctrl-c"])
def test_what_a_command_started_ends_with_it(tmp_path: Path, number: int) -> None:
    """A shell that is ended alone leaves its upgrade running, although all is reported as stopped."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom harness.marathon.interrupted import report_if_interrupted\n"
        "from harness.marathon.replacing import LEFT, shell\n"
        "sys.exit(report_if_interrupted(lambda: shell('upgrade', sys.argv[1], 'rt:2')() or 0, lambda: LEFT))\n"
    )
    line = f"(echo $BASHPID >{tmp_path}/begun; mv {tmp_path}/begun {tmp_path}/pid; exec sleep 600); true"
    # A shell that starts this in its background ignores some of these signals, and all children inherit that.
    child = subprocess.Popen(
        ["env", "--default-signal=INT,HUP,TERM", sys.executable, str(program), line],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def begun() -> int:
        if not (tmp_path / "pid").exists():
            raise Retry("the command has not begun")
        return int((tmp_path / "pid").read_text())

    try:
        pid = wait_until("The command", begun, 60)
        child.send_signal(number)
        said = child.communicate(timeout=120)[1]
    finally:
        child.kill()
    assert (child.returncode, "stay stopped" in said) == (2, True), said
    assert not Path(f"/proc/{pid}/cmdline").exists() or b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.usefixtures("endable")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=["term", "hup", "ctrl-c"])
def test_a_command_that_is_interrupted_while_it_starts_ends_too(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """The process exists before its number is known here; in a session of its own nobody else would end it."""
    started: list[subprocess.Popen[bytes]] = []

    class InterruptedAtStart(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **more: Any) -> None:
            super().__init__(*words, **more)
            started.append(self)
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", InterruptedAtStart)
        code = report_if_interrupted(lambda: shell("upgrade", "exec sleep 600", "rt:2")() or 0, str)
    [child] = started
    ended = child.poll()
    if ended is None:
        child.kill()
        child.wait()
    assert (code, ended) == (2, -signal.SIGTERM)


def test_a_command_of_somebody_else_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run by sudo, for example: it goes on, and the first error must not be lost."""
    child = subprocess.Popen(["true"], start_new_session=True)

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refuse)
    before = signal.getsignal(signal.SIGTERM)
    replacing._end(child)
    child.wait()
    assert "could not be ended: it goes on" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.usefixtures("endable")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=["term", "hup", "ctrl-c"])
def test_who_asks_twice_does_not_get_half_of_a_commands_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """The message must name what is waited for, as for everything else that must not be interrupted."""
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    end = os.killpg

    def asked_again(group: int, sent: int) -> None:
        os.kill(os.getpid(), number)
        end(group, sent)

    monkeypatch.setattr(os, "killpg", asked_again)
    replacing._end(child)
    assert child.wait() == -signal.SIGTERM
    assert "replace: ending the command" in capfd.readouterr().err
