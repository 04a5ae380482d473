"""Replacing an app must notice others who change it: a second run, or an autoscaler that scales up and down."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import HarnessError
from harness.marathon import commands, stopall
from harness.marathon.__main__ import main
from harness.marathon.claim import REPLACING, SomebodyStartedError
from harness.marathon.client import Marathon
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.model import Change
from harness.marathon.rolling import Decision, RollingRefusedError
from harness.marathon.stopall import StepFailedError, replace_all
from tests.harness.marathon.deploying import ACROSS, SILENT, Database, good, release, releases_live

pytestmark = pytest.mark.engine


class Outrun(Marathon):
    """A Marathon on which a colleague stops an app just before we do."""

    trial: Trial

    def scale(self, app_id: str, instances: int, *, force: bool = False) -> Change:
        """Let the colleague's stop complete, then scale."""
        self.trial.settle(super().scale(app_id, instances, force=force).deployment_id)
        return super().scale(app_id, instances, force=force)


class MovedBeforeStart(Marathon):
    """A Marathon on which someone changes an app just before a whole definition is put."""

    move: Callable[[], None] | None = None

    def put(self, app_id: str, definition: App, *, force: bool = False, whole: bool = False) -> Change:
        """Let the change complete, then put."""
        if whole and self.move:
            self.move()
        return super().put(app_id, definition, force=force, whole=whole)


def test_an_app_that_was_stopped_since_the_decision_is_not_replaced(trial: Trial, deployer: Deployer) -> None:
    """Nothing runs because a colleague stopped it: their backup or upgrade is in progress."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    seen = deployer.client.app(f"{trial.group}/app")
    trial.settle(deployer.client.scale(seen.id, 0).deployment_id)
    new = release(trial, "2", schema="2")
    with pytest.raises(RollingRefusedError, match="changed by somebody after it was decided"):
        replace_all(deployer, new, ACROSS, database.steps(), decided_on=seen.version_text)
    assert (database.log, releases_live(trial, deployer)) == ([], [])


def test_a_stop_that_was_not_ours_is_not_built_upon(trial: Trial, deployer: Deployer) -> None:
    """The other stop came between our look and ours. Putting the app back would start it during their upgrade."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    url, token = os.environ.get("MARATHON_URL") or trial.url, os.environ.get("MARATHON_TOKEN", "")
    with Outrun(url, token=token) as client:
        client.trial, deployer.client = trial, client
        with pytest.raises(RollingRefusedError, match="at the same moment"):
            replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps())
        assert (database.log, releases_live(trial, deployer)) == ([], [])


def test_the_command_knows_the_version_it_decided_on(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Images are pulled for minutes after the app was read; the colleague's backup must not be overwritten."""
    trial.create(release(trial, "1"))
    monkeypatch.setenv("MARATHON_URL", os.environ.get("MARATHON_URL") or trial.url)
    decided = commands._decided

    def for_minutes(options: argparse.Namespace, running: list[App], wanted: App) -> Decision:
        trial.update({"id": f"{trial.group}/app", "instances": 0})
        return decided(options, running, wanted)

    monkeypatch.setattr(commands, "_decided", for_minutes)
    file = tmp_path / "app.json"
    file.write_text(json.dumps(release(trial, "2", schema="2")))
    steps = ["--backup", f"touch {tmp_path}/begun", "--upgrade", "false"]
    code = main(["replace", str(file), *steps])
    assert (code, (tmp_path / "begun").exists()) == (3, False)
    assert "changed by somebody after it was decided" in capsys.readouterr().err


def up_and_down(trial: Trial, deployer: Deployer) -> None:
    """Scale to 1, as an autoscaler does, and back: the app looks unchanged, but users wrote in between."""
    trial.settle(deployer.client.scale(f"{trial.group}/app", 1).deployment_id)
    trial.settle(deployer.client.scale(f"{trial.group}/app", 0).deployment_id)


@pytest.mark.parametrize("when", ["backup", "upgrade"])
def test_instances_that_came_and_went_are_found(trial: Trial, deployer: Deployer, when: str) -> None:
    """Writes they acknowledged are missing in a backup begun before, or were made during the upgrade."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    steps = replace(database.steps(), **{when: lambda: up_and_down(trial, deployer)})
    with pytest.raises(SomebodyStartedError, match="may have come and gone") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps)
    assert [what for what, _ in database.log] == ([] if when == "backup" else ["backup"])
    assert (stopall.MET in str(caught.value)) is (when == "upgrade")
    assert releases_live(trial, deployer) == []


@pytest.mark.parametrize("when", ["upgrade", "restore"])
def test_nothing_is_restored_or_started_after_what_came_and_went(
    trial: Trial, deployer: Deployer, when: str
) -> None:
    """A restore would delete acknowledged writes; and a database written to meanwhile must not be started on."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))

    def meanwhile() -> None:
        up_and_down(trial, deployer)
        if when == "upgrade":
            raise StepFailedError("Step 5.0.2 ended with 11.")

    good(deployer.deploy(release(trial, "1")))
    report = replace_all(
        deployer, release(trial, "2", schema="2"), ACROSS, replace(database.steps(), **{when: meanwhile})
    )
    assert "may have come and gone" in str(report)
    assert ("not started" if when == "restore" else "nothing was restored") in report.facts["then"]
    assert "restore" not in [what for what, _ in database.log]
    assert releases_live(trial, deployer) == []


@pytest.mark.parametrize("here", [True, False], ids=["stopped", "unknown"])
@pytest.mark.parametrize("ended", [False, True], ids=["refused", "by a word"])
def test_two_never_upgrade_one_database(trial: Trial, deployer: Deployer, here: bool, ended: bool) -> None:
    """Both runs found no instance of the app. The mark keeps the second away; overriding it stops the first."""
    first, second = Database(trial, deployer), Database(trial, deployer)
    new, app_id = release(trial, "2", schema="2"), f"{trial.group}/app"
    if here:
        trial.create(release(trial, "1", instances=0))

    def colleague() -> None:
        now = deployer.client.find_app(app_id)
        over = [now.labels.get(REPLACING, "")] if now and ended else []
        version = now.version_text if now else ""
        good(replace_all(deployer, new, ACROSS, second.steps(), decided_on=version, ended=over))

    steps = replace(first.steps(), backup=colleague)
    wanted = pytest.raises(HarnessError, match="Somebody started" if ended else f"marked by run .*{REPLACING}")
    with wanted as caught:
        replace_all(deployer, new, ACROSS, steps, decided_on=None)
    assert isinstance(caught.value, SomebodyStartedError if ended else RollingRefusedError)
    assert [what for what, _ in [*first.log, *second.log]].count("upgrade") == ended


def test_a_mark_is_seen_while_it_is_changed(trial: Trial, deployer: Deployer) -> None:
    """The mark is visible in every phase in which the database is changed; and not afterwards."""
    app_id, seen = f"{trial.group}/app", list[str]()

    def look() -> None:
        seen.append(deployer.client.app(app_id).labels.get(REPLACING, "none"))

    steps = stopall.DatabaseCommands(look, look, look)
    good(deployer.deploy(release(trial, "1")))
    bad = replace_all(deployer, release(trial, "2", schema="2", args=SILENT), ACROSS, steps, run="mine")
    assert (bad.facts["then"], seen) == ("the old release is live again", ["mine"] * 3)
    look()
    good(replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps, run="mine"))
    look()
    assert seen[3:] == ["none", "mine", "mine", "none"]


def test_a_stop_of_somebody_else_after_the_upgrade_is_not_restored_over(trial: Trial, deployer: Deployer) -> None:
    """Someone else's instances may have served; and why the start of the new release failed must not be lost."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    url, token = os.environ.get("MARATHON_URL") or trial.url, os.environ.get("MARATHON_TOKEN", "")
    with MovedBeforeStart(url, token=token) as client:
        client.move, deployer.client = lambda: up_and_down(trial, deployer), client
        with pytest.raises(RollingRefusedError, match="stopped or changed") as caught:
            replace_all(deployer, release(trial, "2", schema="2", cpus=-1), ACROSS, database.steps())
    assert stopall.NOT_ENDED in str(caught.value)
    assert "HTTP 422" in str(caught.value)
    assert [what for what, _ in database.log] == ["backup", "upgrade"]


@pytest.mark.parametrize("here", [True, False], ids=["stopped", "unknown"])
def test_a_mark_goes_with_a_way_back_to_nothing(trial: Trial, deployer: Deployer, here: bool) -> None:
    """If the backup was restored the next run needs no mark; if the database was left as it is, it does."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))
    new, app_id = release(trial, "2", schema="2"), f"{trial.group}/app"
    if here:
        trial.create(release(trial, "1", instances=0))
    report = replace_all(deployer, new, ACROSS, database.steps())
    assert report.facts["then"] == "nothing ran before, so nothing was started"
    assert REPLACING not in deployer.client.app(app_id).labels
    left = replace_all(deployer, new, ACROSS, database.steps(restore=False), run="a")
    assert "stay stopped" in left.facts["then"]
    with pytest.raises(RollingRefusedError, match="--ended a"):
        replace_all(deployer, new, ACROSS, database.steps())
    database.fails = None
    good(replace_all(deployer, new, ACROSS, database.steps(), ended=["a"]))
    assert REPLACING not in deployer.client.app(app_id).labels


def test_a_definition_that_marathon_refuses_is_found_before_the_backup(trial: Trial, deployer: Deployer) -> None:
    """An app that does not exist yet is created first, to hold the mark."""
    database = Database(trial, deployer)
    report = replace_all(deployer, release(trial, "2", cpus=-1), ACROSS, database.steps())
    assert (len(report.findings), database.log) == (1, []), str(report)


@pytest.mark.parametrize("what", ["deploy", "replace"])
def test_nothing_is_started_on_a_database_in_somebody_else_s_hands(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """A deploy sees an app of which nothing runs: it would be the first, in the middle of an upgrade."""
    labels = {"RT_RELEASE": "1", "RT_SCHEMA": "1", REPLACING: "theirs"}
    trial.create(release(trial, "1", instances=0, labels=labels))
    monkeypatch.setenv("MARATHON_URL", os.environ.get("MARATHON_URL") or trial.url)
    file = tmp_path / "app.json"
    file.write_text(json.dumps(release(trial, "2", schema="2")))
    words = [what, str(file), "--dry-run"]
    if what == "replace":
        words += ["--backup", "true", "--upgrade", "true", "--from-stopped"]
    assert main(words) == 3
    assert "say so: --ended theirs" in capsys.readouterr().err
    assert main([*words, "--ended", "theirs"]) == 0
