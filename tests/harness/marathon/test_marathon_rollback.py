"""A bad deploy must be undone in spite of Marathon's own trouble: elections, lost answers, expired tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon import errors
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.live_rule import Wanted
from harness.marathon.model import Change
from harness.verdict import Report
from tests.harness.marathon.deploying import good, release, releases_live
from tests.harness.marathon.meddling import LOCKED, Fault, meddle

pytestmark = pytest.mark.engine
LOGIN = b"<html>Log in</html>"


def bad(trial: Trial) -> App:
    """Return a release of which no instance becomes healthy within three checks."""
    return release(trial, "2", health="503")


@pytest.mark.parametrize(
    "fault",
    [Fault("GET /v2/queue", 403, times=99), Fault("GET /v2/queue", 200, LOGIN, times=99)],
    ids=["forbidden", "page"],
)
def test_a_bad_deploy_is_undone_whatever_else_cannot_be_read(
    trial: Trial, deployer: Deployer, fault: Fault
) -> None:
    """The launch queue is only for the report; the bad deployment continues until it is undone."""
    good(deployer.deploy(release(trial, "1")))
    meddle(deployer.client, fault)
    report = deployer.deploy(bad(trial))
    assert report.facts["old release live again"] is True
    assert "Not to be had" in str(report)
    assert releases_live(trial, deployer) == ["1"]


UNDER_WAY: dict[str, list[Fault]] = {
    "no leader": [Fault("DELETE /v2/deployments", 503, times=3)],
    "cancelled, and not told": [Fault("DELETE /v2/deployments", taken=True)],
    "a proxy's page": [Fault("DELETE /v2/deployments", 200, LOGIN, taken=True)],
}


@pytest.mark.parametrize("case", UNDER_WAY)
def test_the_way_back_is_asked_for_until_it_is_taken(trial: Trial, deployer: Deployer, case: str) -> None:
    """A leader is elected just then; or an answer is lost although the rollback runs and holds the lock."""
    good(deployer.deploy(release(trial, "1")))
    meddle(deployer.client, *UNDER_WAY[case])
    report = deployer.deploy(bad(trial))
    assert report.facts["old release live again"] is True, str(report)
    assert releases_live(trial, deployer) == ["1"]


@pytest.mark.parametrize("taken", [False, True], ids=["refused", "taken"])
def test_the_old_version_is_put_until_it_is_taken(trial: Trial, deployer: Deployer, taken: bool) -> None:
    """The bad deployment is over and cannot be cancelled. After a lost answer our own lock refuses the next."""
    good(deployer.deploy(release(trial, "1")))
    before = deployer.client.app(f"{trial.group}/app")
    failed = deployer.client.put(before.id, bad(trial), whole=True)
    deployer.client.cancel(failed.deployment_id, force=True)
    trial.settle(failed.deployment_id)
    lost, locked = Fault("PUT /v2/apps", 502, taken=taken), Fault("PUT /v2/apps", 409, LOCKED, times=int(taken))
    meddler = meddle(deployer.client, lost, locked)
    report = Report("marathon-deploy", "")
    deployer.roll_back_unless_changed(bad(trial), before, failed, None, report)
    assert report.facts["old release live again"] is True, str(report)
    assert meddler.count("PUT /v2/apps") == 2
    assert releases_live(trial, deployer) == ["1"]


def test_a_lock_of_somebody_else_is_no_way_back(trial: Trial, deployer: Deployer) -> None:
    """The app has not the old definition, and the holder of the lock brings another one."""
    good(deployer.deploy(release(trial, "1")))
    before = deployer.client.app(f"{trial.group}/app")
    failed = deployer.client.put(before.id, bad(trial), whole=True)
    deployer.client.cancel(failed.deployment_id, force=True)
    trial.settle(failed.deployment_id)
    meddle(deployer.client, Fault("PUT /v2/apps", 409, LOCKED, times=9))
    with pytest.raises(errors.AppLockedError):
        deployer.restore_version(before)


def test_a_way_back_that_marathon_does_not_take_is_a_finding(trial: Trial, deployer: Deployer) -> None:
    """The deploy was found bad: that stays, with what is still running and how to end it."""
    good(deployer.deploy(release(trial, "1")))
    deployer.pace = replace(deployer.pace, acceptance_limit=0.2)
    meddle(deployer.client, Fault("DELETE /v2/deployments", 503, times=999))
    report = deployer.deploy(bad(trial))
    assert len(report.findings) == 2
    assert "could not be taken back" in report.findings[1].what
    assert f"DELETE /v2/deployments/{report.facts['deployment']}" in report.findings[1].repair


def test_a_bad_first_deploy_is_removed_although_an_answer_is_lost(trial: Trial, deployer: Deployer) -> None:
    """The rollback has removed the app by the time that it is requested again."""
    meddle(deployer.client, Fault("DELETE /v2/deployments", taken=True))
    report = deployer.deploy(bad(trial))
    assert report.facts["nothing ran before, nothing runs now"] is True, str(report)
    assert deployer.client.find_app(f"{trial.group}/app") is None


def test_an_expired_token_leaves_no_bad_deployment_behind(trial: Trial, deployer: Deployer) -> None:
    """Polling ends with an error that is no outage; the rollback must still be tried, and reported."""
    good(deployer.deploy(release(trial, "1")))
    meddle(deployer.client, Fault("GET /v2/deployments", 401, after=2))
    with pytest.raises(errors.AuthenticationError) as caught:
        deployer.deploy(bad(trial))
    assert "taken back, the old release is proven live" in str(caught.value)
    assert releases_live(trial, deployer) == ["1"]


def test_where_the_way_back_is_closed_too_it_is_said_what_goes_on(trial: Trial, deployer: Deployer) -> None:
    """The report must say how to end it with a valid token."""
    good(deployer.deploy(release(trial, "1")))
    meddle(deployer.client, Fault("GET /v2/deployments", 401, after=2), Fault("DELETE ", 401, times=9))
    with pytest.raises(errors.AuthenticationError) as caught:
        deployer.deploy(bad(trial))
    running = [one.id for one in deployer.client.deployments() if f"{trial.group}/app" in one.apps]
    assert len(running) == 1
    assert f"{running[0]} goes on unwatched: DELETE /v2/deployments/{running[0]}" in str(caught.value)


def test_one_empty_look_does_not_prove_that_nothing_runs(trial: Trial, deployer: Deployer) -> None:
    """A task in backoff is in no list, and a rollback is stored before it is listed."""
    trial.create(release(trial, "1", instances=0))
    deployer.pace = replace(deployer.pace, stop=0.3)
    before = deployer.client.app(f"{trial.group}/app")
    crashing = release(
        trial, "2", args=["sh", "-c", "exit 3"], backoffSeconds=100_000, maxLaunchDelaySeconds=100_000
    )
    failed = deployer.client.put(before.id, crashing, whole=True)
    trial.eventually(
        "A task that backs off", lambda: (one := deployer.client.queued(before.id)) and not one.overdue
    )
    deployer.client.cancel(failed.deployment_id, force=True)
    trial.settle(failed.deployment_id)
    assert not deployer.client.tasks(before.id)
    report = Report("marathon-deploy", "")
    deployer._wait_gone(crashing, before, Change(None, "unlisted"), report)
    assert "is not proven" in str(report)
    assert "nothing ran before, nothing runs now" not in report.facts


def test_failures_of_what_was_there_are_not_those_of_what_comes(trial: Trial, deployer: Deployer) -> None:
    """A variable is removed: to Marathon that is a change, and tasks of the old version are not ours."""
    old = release(trial, "1")
    good(deployer.deploy({**old, "env": {**old["env"], "MORE": "1"}}))
    before = deployer.client.app(f"{trial.group}/app")
    changed = deployer.client.put(before.id, old, whole=True)
    wanted = deployer._unmoved(gate_wanted(before.id, changed), before)
    assert wanted.also is None
    trial.settle(changed.deployment_id)
    again = deployer.client.app(before.id)
    same = deployer.client.put(before.id, old, whole=True)
    assert deployer._unmoved(gate_wanted(before.id, same), again).also == again.version


def gate_wanted(app_id: str, change: Change) -> Wanted:
    """Return the wanted state of a deploy, as far as it matters here."""
    return Wanted(app_id, "", 1, change.deployment_id, change.version)


def test_a_good_deploy_during_which_marathon_is_silent_for_long_is_not_undone(
    trial: Trial, deployer: Deployer
) -> None:
    """Nobody has seen the instances meanwhile, so nothing is known against them."""
    if not trial.manual:
        pytest.skip("a real Marathon is not silent for a test")
    silence, moved, now = Fault("GET /v2/deployments", 503, after=1, times=5), deployer.pace.clock, 0.0
    good(deployer.deploy(release(trial, "1")))

    def clock() -> float:
        nonlocal now
        if silence.after == 0 and silence.times:
            now += 12  # the agents' time stands still, so that the next look finds them as they were
        else:
            moved()
            now += 4
        return now

    deployer.pace = replace(deployer.pace, clock=clock)
    meddle(deployer.client, silence)
    good(deployer.deploy(release(trial, "2", health="503 503 200")))
    assert (silence.times, releases_live(trial, deployer)) == (0, ["2"])
