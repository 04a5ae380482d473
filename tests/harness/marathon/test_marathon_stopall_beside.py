"""While the database changes no other app may run on it, whenever it was started, and not even by a word."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import InfrastructureError, UsageError
from harness.marathon.claim import REPLACING, OtherAppRunsError
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.model import Change
from harness.marathon.stopall import StepFailedError, replace_all
from harness.rt import SECRETS
from tests.harness.marathon.deploying import ACROSS, Database, good, release, releases_live

pytestmark = pytest.mark.engine


class Busy(Marathon):
    """A Marathon on which another app is started while ours stops."""

    start: Callable[[], None]

    def scale(self, app_id: str, instances: int, *, force: bool = False) -> Change:
        """Start the other one, then scale."""
        self.start()
        return super().scale(app_id, instances, force=force)


def on_our_database(trial: Trial) -> dict[str, Any]:
    """Return a container with secrets of this test's own; an agent makes the folder once an instance starts."""
    folder = f"/opt/secrets{trial.group}"
    return {
        **trial.definition()["container"],
        "volumes": [{"containerPath": SECRETS, "hostPath": folder, "mode": "RO"}],
    }


def start_other(trial: Trial) -> None:
    """Start an app on the same database; no agent has room for it, so that it is only wanted."""
    other = {**trial.definition("mail"), "container": on_our_database(trial), "cpus": 9999}
    trial.create(other, settled=False)


def new(trial: Trial) -> dict[str, Any]:
    """Return release 2, on the database of the other app; none of these tests may come to start it."""
    return release(trial, "2", schema="2", container=on_our_database(trial))


def test_nothing_is_stopped_while_another_app_runs_there(trial: Trial, deployer: Deployer) -> None:
    """It costs nobody anything to know it before the stop."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    start_other(trial)
    with pytest.raises(UsageError, match=f"{trial.group}/mail runs with the same secrets") as caught:
        replace_all(deployer, new(trial), ACROSS, database.steps())
    assert "scale it to 0" in caught.value.repair
    assert (database.log, releases_live(trial, deployer)) == ([], ["1"])


@pytest.mark.parametrize("when", ["stop", "backup"])
def test_an_app_that_was_started_meanwhile_keeps_the_upgrade_from_being_begun(
    trial: Trial, deployer: Deployer, when: str
) -> None:
    """What it writes would be missing in the backup. Nothing is touched yet, so our app can serve again."""
    database = Database(trial, deployer)
    steps = database.steps()
    good(deployer.deploy(release(trial, "1")))
    url, token = os.environ.get("MARATHON_URL") or trial.url, os.environ.get("MARATHON_TOKEN", "")
    with Busy(url, token=token) as client:
        client.start = lambda: start_other(trial)
        if when == "stop":
            deployer.client = client
        else:
            steps = replace(steps, backup=client.start)
        with pytest.raises(OtherAppRunsError, match="/mail runs with the same secrets") as caught:
            replace_all(deployer, new(trial), ACROSS, steps)
        assert "the old release is live again" in str(caught.value)
        assert (database.log, releases_live(trial, deployer)) == ([], ["1"])
    assert REPLACING not in deployer.client.app(f"{trial.group}/app").labels


@pytest.mark.parametrize("error", [StepFailedError("Step 5.0.2 ended with 11."), InfrastructureError("Full.")])
def test_nothing_is_restored_below_another_app(
    trial: Trial, deployer: Deployer, error: InfrastructureError | StepFailedError
) -> None:
    """The mail that it has accepted would be lost."""
    database = Database(trial, deployer)

    def upgrade() -> None:
        start_other(trial)
        raise error

    good(deployer.deploy(release(trial, "1")))
    steps = replace(database.steps(), upgrade=upgrade)
    if isinstance(error, StepFailedError):
        report = replace_all(deployer, new(trial), ACROSS, steps)
        said = str(report.facts["then"])
        [repair] = [finding.repair for finding in report.findings if "/mail runs" in finding.what]
        assert "new release" not in repair, "it does not run"
        assert "stop what runs there" in repair
    else:
        with pytest.raises(InfrastructureError) as caught:
            replace_all(deployer, new(trial), ACROSS, steps)
        said = str(caught.value)
    assert "nothing was restored: somebody's instances run" in said
    assert "see what it has written since the backup, then restore that by hand and start the old release" in said
    assert [what for what, _ in database.log] == ["backup"]
    assert releases_live(trial, deployer) == []
