"""One passing refusal by Marathon while nothing runs must not leave the site down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon import errors
from harness.marathon.deploy import Deployer
from harness.marathon.stopall import StepFailedError, replace_all
from tests.harness.marathon.deploying import ACROSS, Database, good, release, releases_live
from tests.harness.marathon.meddling import Fault, meddle

pytestmark = pytest.mark.engine
BUSY = {"message": "Max number of running deployments (100) reached"}
ZOOKEEPER = {"message": "KeeperErrorCode = ConnectionLoss for /marathon/state"}


@pytest.mark.parametrize(("status", "body"), [(403, BUSY), (500, ZOOKEEPER)], ids=["busy", "ZooKeeper"])
def test_the_new_release_is_started_although_marathon_refuses_twice(
    trial: Trial, deployer: Deployer, status: int, body: object
) -> None:
    """Nothing runs, and the database is upgraded: the same request is repeated, also after a 500."""
    database, fault = Database(trial, deployer), Fault("PUT .*partialUpdate=false", status, body, times=2)

    def upgraded() -> None:
        database.note("upgrade")
        meddle(deployer.client, fault)

    good(deployer.deploy(release(trial, "1")))
    steps = replace(database.steps(), upgrade=upgraded)
    good(replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps))
    assert (fault.times, releases_live(trial, deployer)) == (0, ["2"])


def test_the_old_release_is_started_although_marathon_is_busy(trial: Trial, deployer: Deployer) -> None:
    """The upgrade failed and the backup is restored: other deployments end, and then it is taken."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))
    fault = Fault("PUT /v2/apps", 403, BUSY, times=2)

    def restored() -> None:
        database.note("restore")
        meddle(deployer.client, fault)

    good(deployer.deploy(release(trial, "1")))
    steps = replace(database.steps(), restore=restored)
    report = replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps)
    assert report.facts["then"] == "the old release is live again", str(report)
    assert (fault.times, releases_live(trial, deployer)) == (0, ["1"])


def test_a_marathon_that_stays_busy_is_told(trial: Trial, deployer: Deployer) -> None:
    """The error is that of the change, and the old release serves."""
    good(deployer.deploy(release(trial, "1")))
    deployer.pace = replace(deployer.pace, acceptance_limit=0.2)
    meddle(deployer.client, Fault("PUT /v2/apps", 403, BUSY, times=999))
    with pytest.raises(errors.TooManyDeploymentsError):
        deployer.deploy(release(trial, "2"))
    assert releases_live(trial, deployer) == ["1"]
