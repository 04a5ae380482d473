"""A restore that was not begun is no restore that failed: what failed is the look at a Marathon that is silent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import HarnessError, InfrastructureError
from harness.marathon import stopall
from harness.marathon.claim import REPLACING, Claim, mark
from harness.marathon.deploy import Deployer
from harness.marathon.stopall import StepFailedError, replace_all
from harness.marathon.way_back import RestoreNotBegunError
from tests.harness.marathon.deploying import ACROSS, SILENT, Database, good, release, releases_live
from tests.harness.marathon.meddling import Fault, meddle

pytestmark = pytest.mark.engine


def elect(deployer: Deployer) -> Fault:
    """Let Marathon elect a leader for longer than the deployer waits; the fault's `times` ends that."""
    deployer.pace = replace(deployer.pace, acceptance_limit=0.3)
    fault = Fault("GET /v2/apps", 503, times=9999)
    meddle(deployer.client, fault)
    return fault


def require_not_begun(trial: Trial, deployer: Deployer, error: RestoreNotBegunError, fault: Fault) -> None:
    """Assert that the error says what to do, and that all is stopped and still marked once Marathon answers."""
    assert error.exit_code == InfrastructureError.exit_code, "the infrastructure is at fault"
    assert error.sentence.startswith("The restore was not begun: ")
    assert "restore failed" not in str(error)
    assert "the restore command was not run" in str(error)
    assert "restore the backup by hand" in error.repair
    assert "--ended mine" in error.repair
    fault.times = 0
    assert deployer.client.app(f"{trial.group}/app").labels[REPLACING] == "mine"
    assert releases_live(trial, deployer) == []


@pytest.mark.parametrize("failed", [StepFailedError("Step 5.0.2 ended with 11."), InfrastructureError("Full.")])
def test_an_election_after_a_failed_upgrade_is_no_failed_restore(
    trial: Trial, deployer: Deployer, failed: HarnessError
) -> None:
    """The backup was not touched; who reads that its restore failed would go and look for another one."""
    database, faults = Database(trial, deployer), list[Fault]()

    def upgrade() -> None:
        faults.append(elect(deployer))
        raise failed

    good(deployer.deploy(release(trial, "1")))
    steps = replace(database.steps(), upgrade=upgrade)
    with pytest.raises(RestoreNotBegunError) as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps, run="mine")
    assert f"The upgrade failed: {failed.sentence}" in str(caught.value), "the reason to restore is not lost"
    require_not_begun(trial, deployer, caught.value, faults[0])
    assert [what for what, _ in database.log] == ["backup"]


def test_an_election_after_a_bad_start_is_no_failed_restore(
    trial: Trial, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new release never served and is stopped again when Marathon falls silent."""
    database, faults = Database(trial, deployer), list[Fault]()

    def then_silent(*words: Any) -> Claim:
        claim = mark(*words)
        faults.append(elect(deployer))
        return claim

    good(deployer.deploy(release(trial, "1")))
    monkeypatch.setattr(stopall, "mark", then_silent)
    with pytest.raises(RestoreNotBegunError) as caught:
        replace_all(deployer, release(trial, "2", schema="2", args=SILENT), ACROSS, database.steps(), run="mine")
    assert "Before that" in str(caught.value)
    require_not_begun(trial, deployer, caught.value, faults[0])
    assert [what for what, _ in database.log] == ["backup", "upgrade"]


def test_a_restore_that_fails_is_told_as_one(trial: Trial, deployer: Deployer) -> None:
    """It was begun, and the database is whatever it left."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))

    def restore() -> None:
        raise StepFailedError("The dump is cut off.")

    good(deployer.deploy(release(trial, "1")))
    report = replace_all(
        deployer, release(trial, "2", schema="2"), ACROSS, replace(database.steps(), restore=restore)
    )
    assert report.facts["then"] == "all instances stay stopped: the restore failed as well"
    assert "The restore failed: The dump is cut off." in str(report)
    assert releases_live(trial, deployer) == []
