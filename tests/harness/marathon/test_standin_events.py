"""The content and form of the event stream, with tasks in memory."""

from __future__ import annotations

import asyncio
import json

import pytest

from fixtures.marathon_trial import Json
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.events import Bus, lightened
from harness.marathon.standin.probes import Result
from tests.harness.marathon.scripted import ScriptedRunner, app, play, take

SLOW = {"gracePeriodSeconds": 0, "intervalSeconds": 3600, "maxConsecutiveFailures": 0}


def test_a_launch_is_no_status_update() -> None:
    """Mesos has not reported yet: a launch is published by instance_changed_event alone."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        events = site.bus.subscribe()
        site.commands.submit({"/a": app()}, force=False)
        await clock.settle()
        told = take(events, "instance_changed_event", "status_update_event")
        assert [event.get("condition") or event["taskStatus"] for event in told] == [
            "Created",
            "TASK_RUNNING",
            "Running",
        ]

    play(story)


@pytest.mark.parametrize(
    ("flips", "told"),
    [
        ("0+", []),
        ("0+ 1+", [True]),
        ("0+ 1+ 0-", [True, False]),
        ("0+ 1+ 0- 1-", [True, False]),
        ("0+ 1+ 0- 1- 1+", [True, False]),
        ("0+ 1+ 0- 1- 1+ 0+", [True, False, True]),
    ],
)
def test_the_health_of_an_instance_is_told_when_it_changes_not_with_every_check(
    flips: str, told: list[bool]
) -> None:
    """flips: which of two checks passes (+) or fails (-), half a second apart, before their own ticks."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        checks = [{**SLOW, "path": "/one"}, {**SLOW, "path": "/two"}]
        site.commands.submit({"/a": app(healthChecks=checks)}, force=False)
        await clock.settle()
        task = next(iter(site.state.tasks.values()))
        events = site.bus.subscribe()
        for flip in flips.split():
            await clock.advance(0.5)
            site.monitor.take(task, int(flip[0]), Result(flip[1] == "+", "down"))
        seen = take(events)
        healths = [e["healthy"] for e in seen if e["eventType"] == "instance_health_changed_event"]
        checks_told = [e["alive"] for e in seen if e["eventType"] == "health_status_changed_event"]
        assert (healths, checks_told) == (told, [flip[1] == "+" for flip in flips.split()])

    play(story)


PLAN = {"id": "x", "original": {}, "target": {}, "steps": [], "version": "v"}


def test_a_light_plan_has_no_groups_and_all_else() -> None:
    """The groups may be of any size, and clients may decline them."""
    assert lightened({"eventType": "deployment_info", "plan": PLAN}) == {
        "eventType": "deployment_info",
        "plan": {"id": "x", "steps": [], "version": "v"},
    }
    assert lightened({"eventType": "status_update_event", "plan": None}) == {
        "eventType": "status_update_event",
        "plan": None,
    }


@pytest.mark.parametrize("light", [True, False])
def test_a_stream_is_light_for_those_who_ask(light: bool) -> None:
    """By default plans are complete, which older client libraries need."""

    async def first() -> Json:
        bus = Bus(ManualClock())
        stream = bus.stream({"deployment_info"}, "", light=light)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        bus.publish("deployment_info", plan=PLAN)
        found: Json = json.loads((await waiting).partition(b"data: ")[2])
        bus.close()
        return found

    assert ("original" in asyncio.run(first())["plan"]) is not light
