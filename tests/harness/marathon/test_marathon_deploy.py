"""Deploys on a Marathon: a good one is proven, a bad one is found, and the old release is live after it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon import errors
from harness.marathon.deploy import Deployer
from harness.marathon.rolling import Decision, RollingRefusedError
from harness.verdict import Report
from tests.harness.marathon.deploying import BAD, good, release, releases_live

pytestmark = pytest.mark.engine

SAME_STEPS = Decision("rolling", ("of the test",))


def test_a_good_deploy_is_proven_on_every_instance(trial: Trial, deployer: Deployer) -> None:
    """The first deploy, another release, no change, scaling: each must be proven anew."""
    good(deployer.deploy(release(trial, "1", instances=2)))
    report = deployer.deploy(release(trial, "2", instances=2))
    assert (report.looked_at, report.findings, releases_live(trial, deployer)) == (2, [], ["2", "2"])
    good(deployer.deploy(release(trial, "2", instances=2)))
    good(deployer.scale(f"{trial.group}/app", 1))
    assert deployer.scale(f"{trial.group}/app", 3).looked_at == 3


def test_polling_does_without_events(trial: Trial, deployer: Deployer) -> None:
    """If a proxy blocks the stream, the rule must still give the same result."""
    deployer.pace = replace(deployer.pace, events=False)
    good(deployer.deploy(release(trial, "1")))
    report = deployer.deploy(release(trial, "2", health="503"))
    assert (bool(report), report.facts["events"], report.facts["old release live again"]) == (False, "none", True)


def test_what_a_definition_no_longer_says_is_gone(trial: Trial, deployer: Deployer) -> None:
    """Marathon keeps keys that a PUT lacks, and a removed readiness check would continue to run."""
    check = {"name": "ready", "portName": "http", "path": "/cgi-bin/health", "httpStatusCodesForReady": [200]}
    good(deployer.deploy(release(trial, "1", readinessChecks=[check])))
    good(
        deployer.deploy(
            release(trial, "2", upgradeStrategy={"minimumHealthCapacity": 0, "maximumOverCapacity": 0})
        )
    )
    good(deployer.deploy(release(trial, "3")))
    app = deployer.client.app(f"{trial.group}/app")
    assert not app.definition.get("readinessChecks")
    assert app.definition["upgradeStrategy"]["minimumHealthCapacity"] == 1


@pytest.mark.parametrize("case", BAD)
def test_a_bad_deploy_is_found_and_the_old_release_proven_live(
    trial: Trial, deployer: Deployer, case: str
) -> None:
    """Afterwards every instance must report the release that was good before."""
    changes, expected = BAD[case]
    good(deployer.deploy(release(trial, "1")))
    report = deployer.deploy(release(trial, "2", **changes), SAME_STEPS)
    assert re.search(expected, str(report), re.DOTALL), str(report)
    assert len(report.findings) == 1, str(report)
    assert releases_live(trial, deployer) == ["1"]
    assert report.facts.get("old release live again", case == "refused definition")


def test_a_bad_first_deploy_leaves_nothing(trial: Trial, deployer: Deployer) -> None:
    """There is no earlier release to go back to, so nothing may run."""
    report = deployer.deploy(release(trial, "1", health="503"))
    assert report.findings
    assert deployer.client.find_app(f"{trial.group}/app") is None


def test_a_restart_is_proven_by_new_tasks_alone(trial: Trial, deployer: Deployer) -> None:
    """The definition is unchanged, so old tasks match the wanted configuration too, but must be replaced."""
    good(deployer.deploy(release(trial, "1", health="503 503 200", instances=2)))
    before = trial.ids()
    report = deployer.restart(f"{trial.group}/app")
    good(report)
    assert not trial.ids() & before
    assert {*report.facts["old tasks gone"]} == before


def test_a_lock_is_shown_and_never_forced(trial: Trial, deployer: Deployer) -> None:
    """Another deploy is in progress: name it with its start time, and leave it alone."""
    good(deployer.deploy(release(trial, "1")))
    theirs = deployer.client.put(f"{trial.group}/app", release(trial, "2", health="503"))
    with pytest.raises(errors.AppLockedError) as caught:
        deployer.deploy(release(trial, "3"))
    assert caught.value.deployments == (theirs.deployment_id,)
    assert re.search(rf"{theirs.deployment_id}  \d+ s old", str(caught.value))
    assert theirs.deployment_id in [one.id for one in deployer.client.deployments()]


def test_nothing_goes_first_where_something_runs(trial: Trial, deployer: Deployer) -> None:
    """The decision is about an earlier moment: an autoscaler may have started the app since."""
    good(deployer.deploy(release(trial, "1")))
    with pytest.raises(RollingRefusedError, match="where none were to run"):
        deployer.deploy(release(trial, "2"), Decision("first", ("nothing ran",)))
    assert releases_live(trial, deployer) == ["1"]


def test_what_older_tasks_run_is_asked_too(trial: Trial, deployer: Deployer) -> None:
    """After a deployment cancelled by force the app says 2, and its tasks are 1: that 2 must not roll."""
    good(deployer.deploy(release(trial, "1")))
    new = release(trial, "2", schema="2", health="503")
    forced = deployer.client.put(f"{trial.group}/app", new, whole=True)
    deployer.client.cancel(forced.deployment_id, force=True)
    app = deployer.client.app(f"{trial.group}/app")
    assert {one["labels"]["RT_SCHEMA"] for one in deployer.running(app)} == {"1", "2"}
    with pytest.raises(RollingRefusedError, match="schema goes from 1 to 2"):
        deployer.deploy(new)


def test_a_decision_about_another_definition_is_not_carried_out(trial: Trial, deployer: Deployer) -> None:
    """Pulling images between decision and deploy takes minutes, in which a colleague may deploy."""
    good(deployer.deploy(release(trial, "1")))
    seen = deployer.client.app(f"{trial.group}/app")
    good(deployer.scale(seen.id, 2))
    with pytest.raises(RollingRefusedError, match="changed by somebody after it was decided"):
        deployer.deploy(release(trial, "2"), decided_on=seen.version_text)
    assert releases_live(trial, deployer) == ["1", "1"]


def test_what_somebody_else_changed_is_not_taken_back(trial: Trial, deployer: Deployer) -> None:
    """A change by an autoscaler during a deploy is newer than the deploy's own."""
    good(deployer.deploy(release(trial, "1")))
    before = deployer.client.app(f"{trial.group}/app")
    change = deployer.client.put(before.id, release(trial, "2"), whole=True)
    report = Report("marathon-deploy", "")
    assert deployer.is_unchanged(before.id, change, None, report)
    trial.settle(change.deployment_id)
    deployer.client.scale(before.id, 2)
    assert not deployer.is_unchanged(before.id, change, None, report)
    assert "Somebody else has changed the app" in str(report)
