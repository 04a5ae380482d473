"""The watch's memory of earlier polls and events: flips, kills, served tasks, lost old tasks."""

from __future__ import annotations

from typing import Any

import pytest

from harness.marathon.events import Event
from harness.marathon.follow import facts_of
from harness.marathon.watch import State
from tests.harness.marathon.gate_rule import LIVE, OURS, app, run, snapshot, stamp, task


def test_flapping_is_counted_and_ends_the_watch() -> None:
    """One flip restarts the soak; the second one counts as flapping."""
    sick = snapshot(app([task(1), task(2, alive=False)]))
    assert run(LIVE, sick, LIVE)[0][-1] is State.WAITING
    assert run(LIVE, sick, LIVE, LIVE)[0][-1] is State.GOOD
    states, seen = run(LIVE, sick, LIVE, sick)
    assert states[-1] is State.BAD
    assert seen.observations.flapped["rt.2"] == 2


def test_flapping_between_polls_is_heard() -> None:
    """Polls may miss changes that the event stream reports."""
    blip = [
        Event(
            "instance_health_changed_event",
            {"runSpecId": "/rt", "instanceId": "rt.marathon-2", "runSpecVersion": stamp(0), "healthy": healthy},
        )
        for healthy in (True, False, True)
    ]
    assert run(LIVE, LIVE, LIVE, events={1: blip})[0] == [State.WAITING, State.WAITING, State.WAITING]
    assert run(LIVE, LIVE, LIVE, events={1: blip, 2: blip})[0][-1] is State.BAD


def heard(kind: str, **data: Any) -> Event:
    """Return an event about the health of task 2."""
    return Event(
        kind,
        {
            "runSpecId": "/rt",
            "appId": "/rt",
            "instanceId": "rt.marathon-2",
            "runSpecVersion": stamp(0),
            "version": stamp(0),
            **data,
        },
    )


def test_two_checks_of_one_outage_are_one_flip() -> None:
    """Each check reports separately; Marathon's aggregate of them is reported once."""
    one, both = "health_status_changed_event", "instance_health_changed_event"
    outage = [
        heard(one, alive=True),
        heard(both, healthy=True),
        heard(one, alive=False),
        heard(both, healthy=False),
        heard(one, alive=True),
        heard(one, alive=False),
        heard(one, alive=True),
        heard(one, alive=True),
        heard(both, healthy=True),
    ]
    _, seen = run(LIVE, LIVE, events={1: outage})
    assert seen.observations.flapped.total() == 1
    alone = [event for event in outage if event.type == one]
    assert run(LIVE, LIVE, events={1: alone})[1].observations.flapped.total() == 2, "1.4 tells nothing else"


def test_a_release_served_when_one_task_was_ever_healthy() -> None:
    """Cases: at a poll, by its record if it is ill by now, or by an event if it is ill again at the next poll."""
    ill = task(1, alive=False)
    recorded = {**ill, "healthCheckResults": [{"alive": False, "firstSuccess": stamp(3)}]}
    blip = [heard("instance_health_changed_event", healthy=now) for now in (True, False)]
    assert not run(snapshot(app([ill]), OURS))[1].observations.served
    assert run(snapshot(app([recorded]), OURS))[1].observations.served
    assert run(snapshot(app([ill]), OURS), events={0: blip})[1].observations.served
    assert run(snapshot(app([task(1)]), OURS), snapshot(app([ill]), OURS))[1].observations.served
    assert facts_of(run(snapshot(app([recorded]), OURS))[1], app(), None)["a new instance served"] is True


def test_a_task_that_was_told_to_stop_before_may_go() -> None:
    """After a stop that was undone this is no sign of a bad release; another task that disappears is."""
    both, one = snapshot(app([task(1), task(2)])), snapshot(app([task(1), task(3)]))
    assert run(both, one, one, leaving=frozenset({"rt.2"}))[0][-1] is State.GOOD
    assert run(both, one, one, leaving=frozenset({"rt.1"}))[0][-1] is State.BAD


def test_a_health_kill_heard_of_ends_the_watch() -> None:
    """Only of the wanted version: a rolling deploy may meet an old task that was ill before."""
    kill = {"appId": "/rt", "taskId": "rt.2", "reason": "503"}
    new = Event("unhealthy_instance_kill_event", {**kill, "version": stamp(0)})
    old = Event("unhealthy_instance_kill_event", {**kill, "version": stamp(-60)})
    assert run(LIVE, LIVE, events={1: [new]})[0][-1] is State.BAD
    assert run(LIVE, LIVE, events={1: [old]})[0][-1] is State.GOOD


def test_old_tasks_that_go_are_remembered() -> None:
    """The number of old tasks lost must be known during a deploy, not only the state at its end."""
    both = snapshot(app([task(8, -60), task(9, -60), task(1, alive=False)]), OURS)
    one = snapshot(app([task(8, -60), task(1, alive=False)]), OURS)
    _, kept = run(both, both)
    assert kept.observations.old == {"rt.8": True, "rt.9": True}
    _, lost = run(both, one, one)
    assert lost.observations.old == {"rt.8": True, "rt.9": False}
    assert facts_of(lost, app(), None)["old tasks gone"] == ["rt.9"]
    _, put_late = run(snapshot(app([task(8, -60)], version=stamp(-60))), snapshot(app([task(8, -60), task(1)])))
    assert put_late.observations.old == {"rt.8": True}


@pytest.mark.parametrize(("seconds", "warned"), [(44.0, False), (46.0, True)])
def test_a_start_that_takes_half_of_the_grace_period_is_told(seconds: float, warned: bool) -> None:
    """On a busier day it may take more than all of it, and then every start is killed."""
    started = task(1) | {"startedAt": stamp(5)}
    started["healthCheckResults"][0]["firstSuccess"] = stamp(5 + seconds)
    _, found = run(snapshot(app([started, task(2)])))
    facts = facts_of(found, app(healthChecks=[{"protocol": "COMMAND", "gracePeriodSeconds": 90}]), None)
    assert facts["seconds from running to first healthy"] == seconds
    assert ("warning" in facts) == warned
    assert "92" in facts.get("warning", "92")
