"""A deploy must survive lost requests and answers of Marathon, and tell its own changes from others'."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon import errors
from harness.marathon.client import Marathon
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.model import Change
from tests.harness.marathon.deploying import good, release, releases_live
from tests.harness.marathon.meddling import LOCKED, Fault, meddle

pytestmark = pytest.mark.engine


class Overtaken(Marathon):
    """A Marathon to which someone else's PUT arrives and ours does not."""

    theirs: App

    def put(self, app_id: str, definition: App, *, force: bool = False, whole: bool = False) -> Change:
        """Put the other definition, lose ours."""
        super().put(app_id, self.theirs, force=force, whole=whole)
        raise errors.UnreachableError(f"PUT of {definition['id']}: no answer")


class Late(Marathon):
    """A Marathon on which a PUT is delayed, and completes just before it is repeated."""

    trial: Trial
    lost = False

    def put(self, app_id: str, definition: App, *, force: bool = False, whole: bool = False) -> Change:
        """Lose the first; let the second find it completed."""
        if not self.lost:
            self.lost = True
            raise errors.UnreachableError(f"PUT of {app_id}: no answer")
        self.trial.settle(super().put(app_id, definition, force=force, whole=whole).deployment_id)
        return super().put(app_id, definition, force=force, whole=whole)


@pytest.mark.parametrize("status", [0, 502, 500, 504], ids=["time-out", "502", "500", "504"])
def test_a_put_whose_answer_is_lost_is_followed(trial: Trial, deployer: Deployer, status: int) -> None:
    """Marathon applied it: the deployment continues whether it is watched or not."""
    good(deployer.deploy(release(trial, "1")))
    meddle(deployer.client, Fault("PUT /v2/apps", status, taken=True))
    report = deployer.deploy(release(trial, "2", health="503"))
    assert report.facts["old release live again"] is True, str(report)
    assert releases_live(trial, deployer) == ["1"]
    meddle(deployer.client, Fault("PUT /v2/apps", status, taken=True))
    good(deployer.deploy(release(trial, "3")))
    assert releases_live(trial, deployer) == ["3"]


def test_a_put_that_was_not_taken_is_raised_with_what_is_known(trial: Trial, deployer: Deployer) -> None:
    """Nothing has changed: the error is that of the PUT."""
    good(deployer.deploy(release(trial, "1")))
    deployer.pace = replace(deployer.pace, acceptance_limit=0.2)
    meddle(deployer.client, Fault("PUT /v2/apps", 502, times=999))
    with pytest.raises(errors.LeaderUnreachableError, match="not known"):
        deployer.deploy(release(trial, "2"))
    assert releases_live(trial, deployer) == ["1"]


def test_a_put_that_marathon_stumbled_over_is_not_asked_for_again(trial: Trial, deployer: Deployer) -> None:
    """Some versions answer 500 to a check that they do not accept: the next answer would be the same."""
    good(deployer.deploy(release(trial, "1")))
    meddler = meddle(deployer.client, Fault("PUT /v2/apps", 502), Fault("PUT /v2/apps", 500, times=999))
    with pytest.raises(errors.ServerError, match="not known"):
        deployer.deploy(release(trial, "2"))
    assert meddler.count("PUT /v2/apps") == 2
    assert releases_live(trial, deployer) == ["1"]


@pytest.mark.parametrize("status", [0, 502, 503], ids=["time-out", "502", "503"])
@pytest.mark.parametrize("here", [True, False], ids=["update", "first"])
def test_a_put_that_was_not_taken_is_asked_for_again(
    trial: Trial, deployer: Deployer, status: int, here: bool
) -> None:
    """The app is unchanged and no deployment of it runs, so the same definition may be put once more."""
    if here:
        good(deployer.deploy(release(trial, "1")))
    meddle(deployer.client, Fault("PUT /v2/apps", status, times=2))
    good(deployer.deploy(release(trial, "2")))
    assert releases_live(trial, deployer) == ["2"]


def test_a_put_that_is_taken_late_meets_our_own_lock(trial: Trial, deployer: Deployer) -> None:
    """The first PUT is applied between our look and the second request, which our own lock refuses."""
    good(deployer.deploy(release(trial, "1")))
    meddle(deployer.client, Fault("PUT /v2/apps"), Fault("PUT /v2/apps", 409, LOCKED, taken=True))
    good(deployer.deploy(release(trial, "2")))
    assert releases_live(trial, deployer) == ["2"]


def test_a_put_that_is_taken_late_and_over_leaves_nothing_to_change(trial: Trial, deployer: Deployer) -> None:
    """Marathon answers the second request with a version that the app does not get."""
    trial.create(release(trial, "1"))
    url, token = os.environ.get("MARATHON_URL") or trial.url, os.environ.get("MARATHON_TOKEN", "")
    with Late(url, token=token) as client:
        client.trial, deployer.client = trial, client
        good(deployer.deploy(release(trial, "2")))
    assert releases_live(trial, deployer) == ["2"]


def test_what_somebody_else_put_while_our_answer_was_lost_is_not_ours(trial: Trial, deployer: Deployer) -> None:
    """The version has changed, and to another definition: it must be neither watched nor undone."""
    good(deployer.deploy(release(trial, "1")))
    url, token = os.environ.get("MARATHON_URL") or trial.url, os.environ.get("MARATHON_TOKEN", "")
    with Overtaken(url, token=token) as client:
        client.theirs = release(trial, "7", cpus=0.06)
        deployer.client = client
        with pytest.raises(errors.UnreachableError, match="not to what was sent"):
            deployer.deploy(release(trial, "2"))
    trial.eventually("Theirs", lambda: not client.deployments())
    assert deployer.client.app(f"{trial.group}/app").labels["RT_RELEASE"] == "7"
