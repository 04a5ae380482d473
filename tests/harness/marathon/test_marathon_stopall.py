"""Across a schema step: stop all, back up, upgrade once, start all; and roll back if that fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import InfrastructureError
from harness.marathon import stopall
from harness.marathon.claim import REPLACING
from harness.marathon.deploy import Deployer
from harness.marathon.rolling import Decision, RollingRefusedError
from harness.marathon.stopall import StepFailedError, replace_all
from harness.verdict import Report
from tests.harness.marathon.deploying import ACROSS, CHECK, SILENT, Database, good, release, releases_live

pytestmark = pytest.mark.engine
BRIEF = {
    "args": ["sh", "-c", "serve & until [ -s /tmp/health.uses ]; do sleep 0.1; done; sleep 1; exit 1"],
    "healthChecks": [{**CHECK, "maxConsecutiveFailures": 0}],
    "backoffSeconds": 3600,
}
"""An instance that serves until a second after its first health check, and gets no successor for an hour."""


def across(
    trial: Trial, deployer: Deployer, database: Database, *, restore: bool = True, **changes: Any
) -> Report:
    """Deploy release 1, then release 2 of another schema."""
    good(deployer.deploy(release(trial, "1")))
    return replace_all(
        deployer, release(trial, "2", schema="2", **changes), ACROSS, database.steps(restore=restore)
    )


def test_across_a_schema_step_a_rolling_deploy_is_refused(trial: Trial, deployer: Deployer) -> None:
    """A refused deploy must not have changed anything."""
    good(deployer.deploy(release(trial, "1")))
    with pytest.raises(RollingRefusedError, match="schema goes from 1 to 2"):
        deployer.deploy(release(trial, "2", schema="2"))
    assert releases_live(trial, deployer) == ["1"]


def test_stop_all_back_up_upgrade_once_start_all(trial: Trial, deployer: Deployer) -> None:
    """Nothing may run while the database changes."""
    database = Database(trial, deployer)
    report = across(trial, deployer, database)
    assert (report.findings, report.looked_at, releases_live(trial, deployer)) == ([], 1, ["2"])
    assert database.log == [("backup", 0), ("upgrade", 0)]


def test_a_failed_upgrade_is_restored_and_the_old_release_started(trial: Trial, deployer: Deployer) -> None:
    """The finding is the upgrade's; the site is as it was."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))
    report = across(trial, deployer, database)
    assert [found.what for found in report.findings] == ["The upgrade failed: Step 5.0.2 ended with 11."]
    assert database.log == [("backup", 0), ("upgrade", 0), ("restore", 0)]
    assert releases_live(trial, deployer) == ["1"]


def test_without_a_restore_all_stays_stopped(trial: Trial, deployer: Deployer) -> None:
    """An old release must never be started on a database that an upgrade has changed."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))
    report = across(trial, deployer, database, restore=False)
    assert "stay stopped" in report.facts["then"]
    assert releases_live(trial, deployer) == []


def test_a_new_release_that_does_not_live_is_taken_back_with_the_backup(trial: Trial, deployer: Deployer) -> None:
    """Marathon's own rollback would start the old release on the new schema."""
    database = Database(trial, deployer)
    report = across(trial, deployer, database, args=SILENT)
    assert report.findings
    assert database.log[-1] == ("restore", 0)
    assert releases_live(trial, deployer) == ["1"]


def test_once_it_has_served_nothing_is_restored(trial: Trial, deployer: Deployer) -> None:
    """Users have written since, and the backup lacks that. The fault is reported, the release left running."""
    database = Database(trial, deployer)
    report = across(trial, deployer, database, health="200 200 503")
    assert report.findings
    assert report.facts["then"] == stopall.SERVED
    assert database.log == [("backup", 0), ("upgrade", 0)]


@pytest.mark.parametrize("changes", [{}, BRIEF], ids=["runs", "has ended"])
def test_what_answers_is_not_restored_over_although_marathon_never_calls_it_healthy(
    trial: Trial, deployer: Deployer, changes: dict[str, Any]
) -> None:
    """A health check may be wrong (its password was changed), and a mail server that knows an instance delivers.

    One that has answered and ended is not there to be asked after the verdict.
    """
    database = Database(trial, deployer)
    report = across(trial, deployer, database, health="503", **changes)
    assert report.findings
    assert report.facts["then"] == stopall.SERVED
    assert database.log == [("backup", 0), ("upgrade", 0)]


def test_somebody_who_scales_up_meanwhile_keeps_the_upgrade_from_being_begun(
    trial: Trial, deployer: Deployer
) -> None:
    """Otherwise the old release would write during the upgrade."""
    database = Database(trial, deployer)
    steps = database.steps()

    def scaled_up() -> None:
        assert deployer.scale(f"{trial.group}/app", 1)

    good(deployer.deploy(release(trial, "1")))
    with pytest.raises(InfrastructureError, match="Somebody started") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, replace(steps, backup=scaled_up))
    assert "was left to who started it" in str(caught.value)
    assert database.log == []
    assert deployer.client.app(f"{trial.group}/app").instances == 1, "nothing was put over what they did"
    assert releases_live(trial, deployer) == ["1"]


def test_a_marathon_that_is_gone_after_the_upgrade_is_told_with_what_is_left(
    trial: Trial, deployer: Deployer
) -> None:
    """The error must say what is left: what runs is unknown, and an exception has no report."""
    database = Database(trial, deployer)
    url = deployer.client.url

    def lost() -> None:
        deployer.client.url = "http://127.0.0.1:1"

    good(deployer.deploy(release(trial, "1")))
    steps = replace(database.steps(), upgrade=lost)
    with pytest.raises(InfrastructureError) as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps, run="mine")
    deployer.client.url = url
    assert stopall.UNSURE.format(run="mine") in str(caught.value)
    assert deployer.client.app(f"{trial.group}/app").labels[REPLACING] == "mine", "what --ended is to name"
    assert database.log == [("backup", 0)]


@pytest.mark.parametrize("error", [InfrastructureError("The disk is full."), OSError("no more processes")])
def test_infrastructure_is_no_finding(trial: Trial, deployer: Deployer, error: Exception) -> None:
    """A full disk proves nothing about the release; the old one goes on after any kind of error."""
    database = Database(trial, deployer, error)
    with pytest.raises(InfrastructureError, match=str(error).rstrip(".")) as caught:
        across(trial, deployer, database)
    assert [name for name, _ in database.log] == ["backup", "upgrade", "restore"]
    assert "old release is live again" in str(caught.value)
    assert releases_live(trial, deployer) == ["1"]


def test_a_refused_decision_is_refused_here_too(trial: Trial, deployer: Deployer) -> None:
    """A downgrade must be refused in any manner."""
    downgrade = Decision("refused", ("it is a downgrade",))
    with pytest.raises(RollingRefusedError):
        replace_all(deployer, release(trial, "1"), downgrade, Database(trial, deployer).steps())
