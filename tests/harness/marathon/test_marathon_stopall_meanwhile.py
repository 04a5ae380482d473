"""Two people replace one app: who decided before the other stopped it must not touch the database."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon import commands
from harness.marathon.__main__ import main
from harness.marathon.client import Marathon
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.model import Change
from harness.marathon.rolling import Decision, RollingRefusedError
from harness.marathon.stopall import replace_all
from tests.harness.marathon.deploying import ACROSS, Database, good, release, releases_live

pytestmark = pytest.mark.engine


class Outrun(Marathon):
    """A Marathon on which a colleague stops an app just before we do."""

    trial: Trial

    def scale(self, app_id: str, instances: int, *, force: bool = False) -> Change:
        """Let the colleague's stop come to its end, then scale."""
        self.trial.settle(super().scale(app_id, instances, force=force).deployment_id)
        return super().scale(app_id, instances, force=force)


def test_an_app_that_was_stopped_since_the_decision_is_not_replaced(trial: Trial, deployer: Deployer) -> None:
    """Nothing runs, and that is a colleague's doing: the backup or the upgrade of theirs is under way."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    seen = deployer.client.app(f"{trial.group}/app")
    trial.settle(deployer.client.scale(seen.id, 0).deployment_id)
    new = release(trial, "2", schema="2")
    with pytest.raises(RollingRefusedError, match="changed by somebody after it was decided"):
        replace_all(deployer, new, ACROSS, database.steps(), decided_on=seen.version_text)
    assert (database.log, releases_live(trial, deployer)) == ([], [])


def test_a_stop_that_was_not_ours_is_not_built_upon(trial: Trial, deployer: Deployer) -> None:
    """Between our look and our stop. Neither is anything put back: the colleague's upgrade would meet it."""
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
    """Images are pulled for minutes once the app was read; the colleague's backup is not written over."""
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
