"""An agent is cut off: Marathon forgets its tasks, and they continue to write. That is no stop."""

from __future__ import annotations

import os
from typing import Any

import pytest

from fixtures.marathon_trial import Trial
from harness.errors import HarnessError
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.events import TASK_STATUS, Event
from harness.marathon.model import Change, Task
from harness.marathon.rolling import Decision
from harness.marathon.stop_proof import StopProof, StopUnprovenError
from harness.marathon.stopall import replace_all
from harness.marathon.stopping import end_and_stop
from tests.harness.marathon.deploying import ACROSS, Database, good, release, releases_live

KEPT = {"inactiveAfterSeconds": 300, "expungeAfterSeconds": 600}
DEAF = ["sh", "-c", "trap '' TERM; httpd -f -p 8080 -h /www; :"]
FIRST = Decision("first", ("of the test",))


class CutOff(Marathon):
    """A Marathon that loses an agent just after it was told to stop the tasks there."""

    trial: Trial

    def scale(self, app_id: str, instances: int, *, force: bool = False) -> Change:
        """Stop, then lose the tasks, whose end takes a while."""
        change = super().scale(app_id, instances, force=force)
        for task in self.tasks(app_id) if instances == 0 else ():
            lose(self.trial, task.id)
        return change


def lose(trial: Trial, task_id: str) -> None:
    """Cut a task's agent off."""
    trial.json("POST", "/standin/lost", {"id": task_id})


def cut_off(trial: Trial, deployer: Deployer) -> None:
    """Give the deployer a Marathon whose agent is cut off at the stop."""
    if not trial.manual:
        pytest.skip("a real Marathon does not lose its agents for a test")
    client = CutOff(trial.url, token=os.environ.get("MARATHON_TOKEN", ""))
    client.trial, deployer.client = trial, client


@pytest.mark.engine
def test_a_task_that_is_out_of_reach_is_not_stopped(trial: Trial, deployer: Deployer) -> None:
    """For a while it is listed as unreachable. Nothing may be changed then, not even stopped."""
    database = Database(trial, deployer)
    cut_off(trial, deployer)
    good(deployer.deploy(release(trial, "1", unreachableStrategy=KEPT)))
    before = deployer.client.app(f"{trial.group}/app").version_text
    lose(trial, next(iter(trial.ids())))
    with pytest.raises(StopUnprovenError, match=r"1 task\(s\) .*TASK_UNREACHABLE") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps())
    assert (caught.value.exit_code, database.log) == (2, [])
    assert deployer.client.app(f"{trial.group}/app").version_text == before


@pytest.mark.engine
def test_a_task_that_was_forgotten_between_two_looks_is_heard_of(trial: Trial, deployer: Deployer) -> None:
    """By default Marathon forgets it at once. The old release must be started again: it still runs there."""
    database = Database(trial, deployer)
    cut_off(trial, deployer)
    good(deployer.deploy(release(trial, "1", args=DEAF, taskKillGracePeriodSeconds=60), FIRST))
    with pytest.raises(HarnessError, match="may run on out of Marathon's reach") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps())
    assert "old definition was put back; the database was not touched, and it is proven live" in str(caught.value)
    assert (database.log, releases_live(trial, deployer)) == ([], ["1"])


@pytest.mark.engine
def test_a_new_release_that_is_out_of_reach_is_not_restored_below(trial: Trial, deployer: Deployer) -> None:
    """It runs on the upgraded database, which must not be restored under it."""
    cut_off(trial, deployer)
    silent = ["sh", "-c", "trap '' TERM; sleep 600; :"]
    new = release(trial, "2", args=silent, taskKillGracePeriodSeconds=60)
    made = deployer.client.put(f"{trial.group}/app", new, whole=True)
    trial.eventually("It to run", lambda: deployer.client.app(f"{trial.group}/app").running)
    with pytest.raises(StopUnprovenError):
        end_and_stop(deployer, new, made.deployment_id)


def status_event(state: str, app: str = "/rt") -> Event:
    """Return Mesos's status of a task, as an event."""
    return Event(TASK_STATUS, {"taskId": "rt.1", "taskStatus": state, "appId": app})


@pytest.mark.parametrize(
    ("heard", "listed", "unsure"),
    [
        ([], "TASK_RUNNING", False),
        ([], "TASK_UNREACHABLE", True),
        ([], "TASK_LOST", True),
        ([status_event("TASK_UNREACHABLE")], "", True),
        ([status_event("TASK_UNREACHABLE"), status_event("TASK_KILLED")], "", False),
        ([status_event("TASK_UNREACHABLE")], "TASK_KILLING", False),
        ([status_event("TASK_UNREACHABLE", app="/other")], "", False),
        ([Event("instance_changed_event", {"runSpecId": "/rt", "condition": "Unreachable"})], "", False),
    ],
)
def test_the_last_word_of_a_task_counts(heard: list[Event], listed: str, unsure: bool) -> None:
    """An agent that comes back ends its tasks as requested, and reports it."""
    proof = StopProof("/rt")
    read: dict[str, Any] = {"id": "rt.1", "state": listed}
    proof.record([Task.read(read)] if listed else [], heard)
    assert bool(proof.out_of_reach) is unsure
    if unsure:
        with pytest.raises(StopUnprovenError, match=r"rt\.1 \(TASK_"):
            proof.require_in_reach()
