"""Definitions refused before a deploy: those that cannot be proven, and those that would meet another RT."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import UsageError
from harness.marathon.__main__ import main
from harness.marathon.claim import REPLACING
from harness.marathon.definition import App, load
from harness.marathon.model import AppState
from harness.marathon.preconditions import dialect_of, need_alone, need_others_stopped, need_provable, objections
from harness.marathon.standin.process import StandinProcess
from harness.releases import ROOT
from harness.rt import SECRETS

GOOD: dict[str, Any] = load(ROOT / "marathon.json")


def changed(**changes: Any) -> dict[str, Any]:
    """Return the repository's definition with other top-level values."""
    return copy.deepcopy(GOOD) | changes


@pytest.mark.parametrize(
    "wrong",
    [{"healthChecks": []}, {"labels": {"RT_SCHEMA": "5.0.3"}}, {"instances": 0}],
    ids=["check", "label", "instances"],
)
def test_what_cannot_be_proven_is_refused(wrong: dict[str, Any]) -> None:
    """If this is only found when it is live, it costs a rollback, and after an upgrade a restore."""
    need_provable(GOOD)
    with pytest.raises(UsageError, match=r"no health check|RT_RELEASE|wants no instance"):
        need_provable(changed(**wrong))


def other(
    app_id: str, instances: int = 1, folder: str = "/opt/share/docker/secrets/rt/", volume: App | None = None
) -> AppState:
    """Return another app of the cluster that has RT's secrets from a folder, or mounted in some other way."""
    mount = volume or {"containerPath": SECRETS, "hostPath": folder, "mode": "RO"}
    return AppState.read({"id": app_id, "instances": instances, "container": {"volumes": [mount]}})


def test_another_app_on_the_same_database_is_refused() -> None:
    """Under another id the deploy looks like a first one, but two releases would share a database."""
    with pytest.raises(UsageError, match="/support/rt runs with the same secrets") as caught:
        need_alone(GOOD, [other("/rt"), other("/support/rt")], [])
    assert "--beside /support/rt" in str(caught.value)
    with pytest.raises(UsageError, match=r"^/dev, /support/rt run with the same secrets"):
        need_alone(GOOD, [other("/support/rt"), other("/dev")], [])
    need_alone(GOOD, [other("/rt"), other("/support/rt")], ["support/rt"])
    need_alone(GOOD, [other("/stopped", 0), other("/dev-rt", folder="/opt/secrets/dev")], [])
    need_alone(changed(container={"docker": {"image": "rt:1"}}), [other("/support/rt")], [])


def test_no_other_app_may_run_while_the_database_changes() -> None:
    """After the backup it would write on, and the way back deletes that."""
    with pytest.raises(UsageError, match="/support/rt runs with the same secrets") as caught:
        need_others_stopped(GOOD, [other("/rt"), other("/support/rt")])
    assert "scale it to 0" in caught.value.repair
    ending = AppState.read({**other("/support/rt", 0).definition, "tasksRunning": 1})
    with pytest.raises(UsageError, match="/support/rt runs"):
        need_others_stopped(GOOD, [ending])
    need_others_stopped(GOOD, [other("/rt"), other("/stopped", 0), other("/dev-rt", folder="/opt/secrets/dev")])


@pytest.mark.parametrize(
    ("inside", "folder"),
    [
        (SECRETS.rpartition("/")[0], "/opt/share/docker/secrets"),
        (f"{SECRETS}/rt-db", "/opt/share/docker/secrets/rt/rt-db"),
    ],
    ids=["above", "the file"],
)
def test_another_app_is_found_however_it_mounts_the_secrets(inside: str, folder: str) -> None:
    """Only the file with the database's name matters."""
    volume = {"containerPath": inside, "hostPath": folder, "mode": "RO"}
    with pytest.raises(UsageError, match="/support/rt runs with the same secrets"):
        need_alone(GOOD, [other("/support/rt", volume=volume)], [])
    need_alone(GOOD, [other("/dev-rt", volume={**volume, "hostPath": "/opt/dev/x"})], [])


@pytest.mark.parametrize(
    ("version", "dialect"),
    [
        ("1.3.6", "1.4"),
        ("1.4.13", "1.4"),
        ("1.5.15", "1.6"),
        ("1.7.1", "1.6"),
        ("1.8.244", "1.10"),
        ("1.10.26", "1.10"),
        ("v1.11.0-SNAPSHOT", "1.10"),
        ("", "1.6"),
        ("unknown", "1.6"),
    ],
)
def test_lint_speaks_the_dialect_of_the_marathon_at_hand(version: str, dialect: str) -> None:
    """Compared as text 1.10 would come before 1.4."""
    assert dialect_of(version) == dialect


def test_lint_compares_with_what_runs() -> None:
    """Fewer instances together with another change: rule L02 needs both definitions to report it."""
    fewer = changed(instances=1, cpus=2.0)
    warned = {one.rule.id for one in objections(fewer, "1.6", changed())[1]}
    assert "L02" in warned - {one.rule.id for one in objections(fewer, "1.6", None)[1]}


Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Main:
    """Run the command line on a definition; return its exit code, its output and its errors."""
    monkeypatch.setenv("MARATHON_URL", os.environ.get("MARATHON_URL") or trial.url)

    def run(what: str, definition: App, *options: str) -> tuple[int, str, str]:
        file = tmp_path / "app.json"
        file.write_text(json.dumps(definition))
        code = main([what, str(file), *options])
        return (code, *capsys.readouterr())

    return run


@pytest.mark.engine
def test_nothing_is_sent_for_what_is_refused(trial: Trial, command: Main, tmp_path: Path) -> None:
    """Neither a deploy nor the start of a replacement may send it; and no command of the latter is run."""
    mine = {
        **trial.definition(),
        "labels": {"RT_RELEASE": "1", "RT_SCHEMA": "1"},
        "healthChecks": [{"protocol": "HTTP", "path": "/cgi-bin/health", "portIndex": 0}],
    }
    steps = ["--backup", f"touch {tmp_path}/begun", "--upgrade", "true", "--from-stopped"]
    for wrong in ({**mine, "healthChecks": []}, {**mine, "labels": {}}):
        assert command("deploy", wrong)[0] == 3
        assert command("replace", wrong, *steps)[0] == 3
    assert not trial.own_apps()
    assert not (tmp_path / "begun").exists()
    assert command("deploy", mine, "--dry-run")[0] == 0


@pytest.mark.engine
def test_another_id_is_found_on_the_marathon(trial: Trial, command: Main) -> None:
    """Its release would share the database with the new one."""
    volume = {
        "containerPath": SECRETS,
        "hostPath": f"/opt/secrets{trial.group}",
        "mode": "RO",
    }
    container = {**trial.definition()["container"], "volumes": [volume]}
    trial.create({**trial.definition("old"), "container": container, "cpus": 9999}, settled=False)
    mine = {**changed(id=f"{trial.group}/new"), "container": container}
    code, _, complaint = command("deploy", mine, "--dry-run")
    assert (code, f"{trial.group}/old runs with the same secrets" in complaint) == (3, True), complaint
    beside = ["--dry-run", "--beside", f"{trial.group}/old"]
    assert command("deploy", mine, *beside)[0] == 0
    words = [*beside, "--backup", "false", "--upgrade", "false", "--from-stopped"]
    code, _, complaint = command("replace", mine, *words)
    assert (code, "What to do: scale it to 0" in complaint) == (3, True), "it would write after the backup"
    trial.update({"id": f"{trial.group}/old", "instances": 0}, force=True)
    assert command("replace", mine, *words)[0] == 0
    trial.update({"id": f"{trial.group}/old", "labels": {REPLACING: "theirs"}}, force=True)
    for what, given in (("replace", words), ("deploy", beside)):
        code, _, complaint = command(what, mine, *given)
        assert (code, f"{trial.group}/old is marked by run theirs" in complaint) == (3, True), complaint
        assert command(what, mine, *given, "--ended", "theirs")[0] == 0


@pytest.mark.engine
def test_warnings_are_seen_and_stop_nothing(trial: Trial, command: Main) -> None:
    """They go to stderr, where they are not read as an answer."""
    impatient = changed(id=f"{trial.group}/app", taskKillGracePeriodSeconds=None)
    code, said, warned = command("deploy", impatient, "--dry-run")
    assert (code, "L15" in warned, "L15" in said) == (0, True, False), warned


@pytest.mark.engine
def test_lint_asks_the_marathon_at_hand(
    trial: Trial, command: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that one version accepts is ignored by another."""
    mine, ignored = changed(id=f"{trial.group}/app"), "1.4 ignores it"
    assert ignored in command("deploy", mine, "--dry-run", "--dialect", "1.4")[2]
    assert ignored not in command("deploy", mine, "--dry-run", "--dialect", "1.10")[2]
    server = StandinProcess(tmp_path / "old", ["--dialect", "1.4"])
    monkeypatch.setenv("MARATHON_URL", server.start())
    try:
        assert ignored in command("deploy", mine, "--dry-run")[2]
    finally:
        server.stop()


@pytest.mark.engine
def test_a_container_of_null_is_no_traceback(trial: Trial, command: Main) -> None:
    """The image is put in its place, and lint reports what else is missing."""
    without = changed(id=f"{trial.group}/app", container=None)
    code, said, _ = command("deploy", without, "--image", "rt:5.0.3-2", "--dry-run")
    assert (code, "L21" in said) == (1, True), said


@pytest.mark.engine
def test_a_check_that_only_fails_or_only_passes_goes_nowhere(trial: Trial, command: Main) -> None:
    """Marathon would only report that the task is unhealthy for ever, or that it is healthy whatever it does."""
    mine = {**trial.definition(), "labels": {"RT_RELEASE": "1", "RT_SCHEMA": "1"}}
    asked = ["--wanted-steps", "1", "--ask-images", "--dry-run"]
    cases = (("/opt/no-such-program", "cannot be run"), ("check", "without an RT"), ("CHECKS=1 check", ""))
    for value, told in cases:
        check = {"protocol": "COMMAND", "command": {"value": value}}
        code, said, doubts = command("deploy", {**mine, "healthChecks": [check]}, *asked)
        assert f"Not checked: whether {trial.image} is the same image elsewhere" in doubts, "its tag may move"
        assert (code, told in said) == (int(bool(told)), True), said
