"""Replacing an app across a schema step must survive a hanging stop, an autoscaler and late health."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import HarnessError, InfrastructureError
from harness.marathon import stopall
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.model import Change
from harness.marathon.rollback import stop_limit
from harness.marathon.rolling import Decision
from harness.marathon.stopall import StepFailedError, replace_all
from harness.marathon.stopping import end_and_stop
from harness.verdict import Report
from tests.harness.marathon.deploying import ACROSS, SILENT, Database, good, release, releases_live
from tests.harness.marathon.meddling import LOCKED, Fault, meddle

pytestmark = pytest.mark.engine
DEAF = ["sh", "-c", "trap '' TERM; httpd -f -p 8080 -h /www; :"]
FIRST = Decision("first", ("of the test",))


class Late(Marathon):
    """A Marathon in which the tasks to be stopped become healthy just before that."""

    trial: Trial

    def scale(self, app_id: str, instances: int, *, force: bool = False) -> Change:
        """Wait for health, then stop."""
        self.trial.eventually("Health", lambda: self.app(app_id).healthy)
        return super().scale(app_id, instances, force=force)


def hanging(trial: Trial, deployer: Deployer) -> None:
    """Deploy release 1 so that its stop takes longer than the time limit."""
    old = release(trial, "1", args=DEAF, taskKillGracePeriodSeconds=300)
    good(deployer.deploy(old, FIRST))
    deployer.pace = replace(deployer.pace, stop=0.5)


def test_a_stop_that_hangs_is_taken_back_and_the_old_release_proven(trial: Trial, deployer: Deployer) -> None:
    """The stop's deployment holds the lock, so that one is cancelled. The task that was told to stop may end."""
    database = Database(trial, deployer)
    hanging(trial, deployer)
    with pytest.raises(HarnessError, match="Stop of all tasks") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps())
    assert "put back; the database was not touched, and it is proven live" in str(caught.value)
    assert (releases_live(trial, deployer), database.log) == (["1"], [])


def test_an_end_during_the_proof_of_the_way_back_names_the_way_back(
    trial: Trial, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling that deployment, as otherwise advised, would take the old release down."""
    hanging(trial, deployer)
    prove, said = deployer.prove, list[str]()

    def ended(*words: Any) -> Report:
        report = prove(*words)
        said.append(deployer.ongoing.message)
        return report

    clock = deployer.pace.clock

    def watched() -> float:
        said.append(deployer.ongoing.message)
        return clock()

    monkeypatch.setattr(deployer, "prove", ended)
    deployer.pace = replace(deployer.pace, clock=watched)
    with pytest.raises(HarnessError, match="it is proven live"):
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, Database(trial, deployer).steps())
    back = [one for one in said if one.startswith("The rollback")]
    assert back, said
    assert not any("a deploy of the old definition" in one for one in said)
    assert "had come to its end" in said[-1]


def test_a_stop_that_hangs_and_cannot_be_taken_back_is_told(trial: Trial, deployer: Deployer) -> None:
    """All may be stopped in the end, and an operator has to know."""
    hanging(trial, deployer)
    deployer.pace = replace(deployer.pace, acceptance_limit=0.2)
    meddle(deployer.client, Fault("DELETE /v2/deployments", 503, times=999))
    with pytest.raises(HarnessError) as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, Database(trial, deployer).steps())
    assert "could not be started again: scale them up" in str(caught.value)


def test_a_stop_has_the_time_that_its_tasks_may_take() -> None:
    """Five minutes, or a minute and two kill grace periods, whichever is longer."""
    assert stop_limit({}) == 300
    assert stop_limit({"taskKillGracePeriodSeconds": 600}) == 1260


@pytest.mark.parametrize("then", ["again", "locked"])
def test_a_stop_whose_answer_is_lost_is_known_by_its_deployment(
    trial: Trial, deployer: Deployer, then: str
) -> None:
    """The second request changes nothing, or meets our own lock: the deployment of the first is what hangs."""
    hanging(trial, deployer)
    faults = [Fault("PUT /v2/apps", 503, taken=True), Fault("PUT /v2/apps", 409, LOCKED, times=then == "locked")]
    meddle(deployer.client, *faults)
    with pytest.raises(HarnessError, match="Stop of all tasks") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, Database(trial, deployer).steps())
    assert "it is proven live" in str(caught.value)


@pytest.mark.parametrize("taken", [False, True], ids=["not taken", "taken"])
def test_a_stop_a_mark_and_a_start_whose_answers_are_lost(trial: Trial, deployer: Deployer, taken: bool) -> None:
    """An election in the middle: each request is repeated, and our own lock is not taken for another's."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))
    good(deployer.deploy(release(trial, "1", args=DEAF, taskKillGracePeriodSeconds=20), FIRST))
    meddler = meddle(deployer.client, Fault("PUT /v2/apps", 503, taken=taken))
    meddler.faults.append(Fault("PUT /v2/apps", 503, after=1, times=1, taken=taken))

    def restored() -> None:
        database.note("restore")
        assert [one.times for one in meddler.faults] == [0, 0], "the stop's and the mark's"
        meddler.faults.append(Fault("PUT /v2/apps", 503, taken=taken))

    steps = replace(database.steps(), restore=restored)
    report = replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps)
    assert meddler.faults[-1].times == 0
    assert report.facts["then"] == "the old release is live again", str(report)
    assert database.log == [("backup", 0), ("upgrade", 0), ("restore", 0)]


@pytest.mark.parametrize(
    "lost",
    [
        Fault("GET /v2/apps", 503, after=1),
        Fault("PUT .*partialUpdate=false", 503),
        Fault("PUT .*partialUpdate=false", 503, taken=True),
    ],
    ids=["look", "start", "start, taken"],
)
def test_an_election_after_the_upgrade_does_not_keep_the_new_release_from_its_start(
    trial: Trial, deployer: Deployer, lost: Fault
) -> None:
    """Everything is stopped and upgraded: to give up at one answer would leave a site down that is ready."""
    database, fault = Database(trial, deployer), replace(lost)

    def upgraded() -> None:
        database.note("upgrade")
        meddle(deployer.client, fault)

    good(deployer.deploy(release(trial, "1")))
    steps = replace(database.steps(), upgrade=upgraded)
    good(replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps))
    assert fault.times == 0
    assert database.log == [("backup", 0), ("upgrade", 0)]
    assert releases_live(trial, deployer) == ["2"]


def test_a_definition_that_marathon_refuses_after_the_upgrade_is_restored_and_told(
    trial: Trial, deployer: Deployer
) -> None:
    """Nothing of the new release ever ran, so the backup lacks nothing."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    report = replace_all(deployer, release(trial, "2", schema="2", cpus=-1), ACROSS, database.steps())
    assert database.log == [("backup", 0), ("upgrade", 0), ("restore", 0)]
    assert report.facts["then"] == "the old release is live again", str(report)
    assert "HTTP 422" in report.findings[0].what
    assert releases_live(trial, deployer) == ["1"]


def test_an_autoscaler_during_the_upgrade_is_not_met_by_the_new_release(trial: Trial, deployer: Deployer) -> None:
    """Old and new would write to one database; and a restore would happen below running instances."""
    database = Database(trial, deployer)

    def scaled_up() -> None:
        assert deployer.scale(f"{trial.group}/app", 1)

    good(deployer.deploy(release(trial, "1")))
    with pytest.raises(InfrastructureError, match="while the database was upgraded") as caught:
        replace_all(
            deployer, release(trial, "2", schema="2"), ACROSS, replace(database.steps(), upgrade=scaled_up)
        )
    assert stopall.MET in str(caught.value)
    assert database.log == [("backup", 0)]
    assert releases_live(trial, deployer) == ["1"]


@pytest.mark.parametrize("when", ["upgrade", "restore"])
def test_nothing_is_restored_or_started_beside_what_somebody_started(
    trial: Trial, deployer: Deployer, when: str
) -> None:
    """The upgrade fails while an autoscaler starts instances: before the restore, or during it."""
    database = Database(trial, deployer)

    def scaled_up() -> None:
        database.note(when)
        assert deployer.scale(f"{trial.group}/app", 1)
        if when == "upgrade":
            raise StepFailedError("Step 5.0.2 ended with 11.")

    database.fails = StepFailedError("Step 5.0.2 ended with 11.")
    steps = replace(database.steps(), **{when: scaled_up})
    good(deployer.deploy(release(trial, "1")))
    report = replace_all(deployer, release(trial, "2", schema="2"), ACROSS, steps)
    assert "Somebody started" in str(report)
    assert "live again" not in report.facts["then"]
    assert [what for what, _ in database.log] == ["backup", "upgrade", *(["restore"] if when == "restore" else [])]


@pytest.mark.parametrize(
    ("changes", "served"),
    [({"health": "200"}, "runs"), ({"health": "503"}, "runs"), ({"args": SILENT}, "")],
    ids=["healthy", "answers", "silent"],
)
def test_health_and_answers_are_looked_at_once_more_before_a_stop(
    trial: Trial, deployer: Deployer, changes: dict[str, Any], served: str
) -> None:
    """A release that became healthy after the verdict, or answers, is left running; another is stopped."""
    app = release(trial, "2", **changes)
    made = deployer.client.put(f"{trial.group}/app", app, whole=True)
    trial.eventually(
        "A word of its health", lambda: any(one.known for one in deployer.client.tasks(f"{trial.group}/app"))
    )
    assert end_and_stop(deployer, app, made.deployment_id).served == served
    assert releases_live(trial, deployer) == (["2"] if served else [])


def test_health_that_comes_while_it_is_stopped_is_not_restored_over(trial: Trial, deployer: Deployer) -> None:
    """Between the last poll and the stop; Marathon reports a task's health until it is gone.

    It names another release than the wanted one, so that not its answer but its health tells that it served.
    """
    other = {"RELEASE": "9", "HEALTH": "200"}
    app = release(trial, "2", args=DEAF, taskKillGracePeriodSeconds=60, env=other)
    made = deployer.client.put(f"{trial.group}/app", app, whole=True)
    trial.eventually("It to run", lambda: deployer.client.app(f"{trial.group}/app").running, step=0)
    assert not any(one.known for one in deployer.client.tasks(f"{trial.group}/app"))
    url, token = os.environ.get("MARATHON_URL") or trial.url, os.environ.get("MARATHON_TOKEN", "")
    with Late(url, token=token) as client:
        client.trial, deployer.client = trial, client
        assert end_and_stop(deployer, app, made.deployment_id).served == "stopped"
    assert releases_live(trial, deployer) == []


def test_a_proof_that_breaks_off_keeps_the_report(trial: Trial, deployer: Deployer) -> None:
    """The upgrade failed and the backup is restored: that is certain, whatever Marathon answers afterwards."""
    database = Database(trial, deployer, StepFailedError("Step 5.0.2 ended with 11."))
    steps = database.steps()

    def then_the_token_expires() -> None:
        database.note("restore")
        meddle(deployer.client, Fault("GET /v2/deployments", 401, times=99))

    good(deployer.deploy(release(trial, "1")))
    report = replace_all(
        deployer, release(trial, "2", schema="2"), ACROSS, replace(steps, restore=then_the_token_expires)
    )
    assert "was started, and whether it is live is not known" in report.facts["then"]
    assert "The upgrade failed" in str(report)
