"""The stand-in loses an agent from Marathon's point of view: the process runs on, and no kill arrives there."""

from __future__ import annotations

from typing import Any

import pytest

from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.partition import lose
from tests.harness.marathon.scripted import ScriptedRunner, app, play, take


@pytest.mark.parametrize(
    ("strategy", "listed", "later"),
    [
        ({}, False, False),
        ({"inactiveAfterSeconds": 60, "expungeAfterSeconds": 600}, True, False),
        ("disabled", True, True),
    ],
    ids=["at once", "later", "never"],
)
def test_a_lost_task_is_forgotten_when_its_app_says_so(strategy: Any, listed: bool, later: bool) -> None:
    """It is published, it is no failure, and it is replaced once it is no longer listed."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app(unreachableStrategy=strategy)}, force=False)
        await clock.settle()
        task, events = next(iter(site.state.tasks.values())), site.bus.subscribe()
        lose(site.scheduler, task)
        await clock.settle()
        assert {one["taskStatus"] for one in take(events, "status_update_event") if one["taskId"] == task.id} == {
            "TASK_UNREACHABLE"
        }
        assert (task.id in site.state.tasks) is listed
        await clock.advance(600)
        assert (task.id in site.state.tasks) is later
        assert len(site.state.tasks) == 1, "a new one takes its place, and not beside it"
        assert (task.id in runner.apps, runner.signals) == (True, []), "it runs on, and nobody asked it to end"
        assert site.state.apps["/a"].last_failure is None

    play(story)


def test_the_kill_of_a_lost_task_only_takes_it_off_the_list() -> None:
    """The deployment ends, but proves nothing about the task."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app(unreachableStrategy="disabled")}, force=False)
        await clock.settle()
        task = next(iter(site.state.tasks.values()))
        lose(site.scheduler, task)
        site.commands.update({"/a": {"instances": 0}}, force=False)
        await clock.settle()
        assert (len(site.state.deployments), len(site.state.tasks)) == (0, 0)
        assert (task.id in runner.apps, runner.signals) == (True, [])

    play(story)
