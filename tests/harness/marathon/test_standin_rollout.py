"""Replacement, readiness and cancelling on a manual clock with tasks in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Standin, load_state
from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.probes import Result
from harness.marathon.standin.task import Task
from tests.harness.marathon.scripted import ScriptedRunner, app, play, take

UNASKED = [{"path": "/", "gracePeriodSeconds": 3600, "intervalSeconds": 3600, "maxConsecutiveFailures": 0}]
"""A health check whose results a test sets itself, in the first five seconds."""


def healthy(site: Standin, tasks: Sequence[Task]) -> None:
    """Let the health check of tasks pass."""
    for task in tasks:
        site.monitor.take(task, 0, Result(True))


@pytest.mark.parametrize("selection", ["YOUNGEST_FIRST", "OLDEST_FIRST"])
def test_a_rollback_takes_the_oldest_task_first_though_it_is_the_good_one(selection: str) -> None:
    """TaskReplaceActor's queue has the order of the tracker: neither health nor killSelection matter."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        definition = app(healthChecks=UNASKED, killSelection=selection)
        site.commands.submit({"/a": definition}, force=False)
        await clock.settle()
        good = site.state.tasks_of("/a")
        healthy(site, good)
        await clock.advance(1)
        bad = site.commands.submit({"/a": definition.replace(cmd="bad")}, force=False)
        await clock.settle()
        assert [task.app.cmd for task in site.state.tasks_of("/a")] == [None, "bad"]
        site.commands.rollback(bad.id, force=False)
        await clock.advance(1)
        left = site.state.tasks_of("/a")
        assert ([task.app.cmd for task in left], good[0] in left) == (["bad", None], False)
        healthy(site, left[1:])
        await clock.settle()
        assert (site.state.tasks_of("/a"), site.state.deployments) == (left[1:], {})

    play(story)


@pytest.mark.parametrize(("dead", "kept"), [(0, [1, 2]), (2, [1])])
def test_an_old_task_that_dies_by_itself_keeps_its_turn(dead: int, kept: list[int]) -> None:
    """dead: which of three old ones dies; kept: which of them are there when one new task is healthy."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        shares = {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.34}
        definition = app(instances=3, healthChecks=UNASKED, upgradeStrategy=shares)
        site.commands.submit({"/a": definition}, force=False)
        await clock.settle()
        old = site.state.tasks_of("/a")
        healthy(site, old)
        await clock.advance(1)
        site.commands.submit({"/a": definition.replace(cmd="next")}, force=False)
        await clock.settle()
        runner.crash(old[dead].id)
        new = [task for task in site.state.tasks_of("/a") if task not in old]
        healthy(site, new[:1])
        await clock.settle()
        assert [number for number, task in enumerate(old) if task.id in site.state.tasks] == kept

    play(story)


def test_readiness_is_told_of_new_tasks_and_while_their_deployment_lasts() -> None:
    """The ports of tasks in memory have no listener, so none of them is ever ready."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        port = {"containerPort": 80, "name": "http"}
        container = {"docker": {"image": "good"}, "portMappings": [port]}
        checks = [{"portName": "http", "intervalSeconds": 3, "timeoutSeconds": 1}]
        definition = app(container=container, readinessChecks=checks)
        first = site.commands.submit({"/a": definition}, force=False)
        await clock.advance(1)
        assert [result["ready"] for result in site.rollout.readiness_of("/a")] == [False]
        site.commands.rollback(first.id, force=True)
        await clock.settle()
        assert site.rollout.readiness_of("/a") == []
        old = site.state.tasks_of("/a")
        site.commands.submit({"/a": definition.replace(cmd="next")}, force=False)
        await clock.advance(1)
        new = [task.id for task in site.state.tasks_of("/a") if task not in old]
        assert ([r["taskId"] for r in site.rollout.readiness_of("/a")], len(new)) == (new, 1)
        site.commands.delete("/a", force=True)
        await clock.settle()
        assert site.rollout.readiness_of("/a") == []

    play(story)


def listed(site: Standin) -> list[tuple[str, int]]:
    """Return id and current step of each deployment that is listed."""
    return [(deployment.id, deployment.current) for deployment in site.state.deployments.values()]


def test_a_cancelled_deployment_is_listed_and_locks_until_it_is_over(tmp_path: Path) -> None:
    """Marathon answers at once and takes its time."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        definition = app("missing", backoffSeconds=1000)
        first = site.commands.submit({"/a": definition}, force=False)
        await clock.settle()
        events = site.bus.subscribe()
        for _again in range(2):
            assert site.commands.rollback(first.id, force=True) is None
        assert (listed(site), take(events)) == ([(first.id, 2)], [])
        with pytest.raises(ApiError, match="locked"):
            site.commands.submit({"/a": definition.replace(cmd="next")}, force=False)
        assert load_state(tmp_path).deployments == {}
        await clock.settle()
        assert [event["eventType"] for event in take(events)] == ["deployment_step_failure", "deployment_failed"]
        assert (listed(site), site.scheduler.pending("/a")) == ([], 1)

    play(story, None, load_state(tmp_path))


def test_a_forced_deployment_is_listed_at_once_and_begins_when_those_before_it_are_over() -> None:
    """The second of three never begins: it is cancelled while it still waits for the first."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        first = site.commands.submit({"/a": app("missing", backoffSeconds=1000)}, force=False)
        await clock.settle()
        events = site.bus.subscribe()
        second = site.commands.submit({"/a": app(cmd="second")}, force=True)
        assert listed(site) == [(first.id, 2), (second.id, 0)]
        third = site.commands.submit({"/a": app(cmd="third")}, force=True)
        assert listed(site) == [(first.id, 2), (second.id, 0), (third.id, 0)]
        await clock.settle()
        told = take(events, "deployment_failed", "deployment_info", "deployment_success")
        assert [(event["eventType"], event["plan"]["id"]) for event in told] == [
            ("deployment_failed", first.id),
            ("deployment_failed", second.id),
            ("deployment_info", third.id),
            ("deployment_success", third.id),
        ]
        assert [task.app.cmd for task in site.state.tasks_of("/a")] == ["third"]

    play(story)
