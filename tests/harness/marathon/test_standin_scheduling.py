"""Scheduling on a manual clock with tasks in memory: launches, kills, backoff and rollouts."""

from __future__ import annotations

import asyncio

import pytest

from harness.marathon.standin import scheduler
from harness.marathon.standin.clock import ManualClock, RealClock
from harness.marathon.standin.core import Settings, Standin
from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.model import App
from harness.marathon.standin.state import State
from harness.marathon.standin.task import FAILED, KILLED, STAGING, Placement, Task
from tests.harness.marathon.scripted import ScriptedRunner, app, play


def test_a_deployment_without_checks_ends_when_its_tasks_run() -> None:
    """There is nothing else to wait for; it is listed before the first task."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app(instances=3)}, force=False)
        assert (len(site.state.deployments), len(site.state.tasks)) == (1, 0)
        await clock.settle()
        assert (len(site.state.deployments), len(site.state.tasks)) == (0, 3)

    play(story)


def test_sigkill_follows_when_the_grace_is_over_and_not_before() -> None:
    """To the second, on a manual clock."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app("deaf", taskKillGracePeriodSeconds=300)}, force=False)
        await clock.settle()
        first = next(iter(site.state.tasks.values()))
        site.commands.kill([first], scale=False, force=False)
        await clock.advance(299)
        assert (runner.signals, first.id in site.state.tasks) == (["SIGTERM"], True)
        await clock.advance(1)
        assert (runner.signals, first.id in site.state.tasks) == (["SIGTERM", "SIGKILL"], False)
        assert len(site.state.tasks) == 1

    play(story)


def test_backoff_grows_with_crashes_and_a_scale_does_not_reset_it() -> None:
    """A user who scales does not get around the wait."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        definition = app(backoffSeconds=10, backoffFactor=2.0)
        site.commands.submit({"/a": definition}, force=False)
        waits = []
        for _ in range(3):
            await clock.settle()
            runner.crash(next(iter(site.state.tasks)))
            waits.append(site.views.queue(offers=False)[0]["delay"])
            await clock.advance(waits[-1]["timeLeftSeconds"])
        assert waits == [{"timeLeftSeconds": s, "overdue": False} for s in (10, 20, 40)]
        runner.crash(next(iter(site.state.tasks)))
        current = site.commands.known("/a").app
        site.commands.submit({"/a": current.replace(instances=2)}, force=True)
        await clock.settle()
        assert (len(site.state.tasks), site.scheduler.pending("/a")) == (0, 2)
        site.commands.restart("/a", force=True)
        await clock.settle()
        assert len(site.state.tasks) == 2

    play(story)


def test_an_image_that_is_not_there_fails_the_task_and_is_remembered() -> None:
    """The deployment goes on and tries again."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app("missing")}, force=False)
        await clock.settle()
        failure = site.state.apps["/a"].last_failure
        assert failure is not None
        assert (failure["state"], failure["message"]) == (FAILED, "image missing is not here")
        assert len(site.state.deployments) == 1

    play(story)


class Slow(ScriptedRunner):
    """Launches of image "slow" block until the test ends them."""

    def __init__(self) -> None:
        """Begin without launches."""
        super().__init__()
        self.over = asyncio.Event()

    async def launch(self, app: App, task_id: str, staged_at: float) -> Placement:
        """Wait until the test ends the launch."""
        if app.container and app.container.docker and app.container.docker.image == "slow":
            await self.over.wait()
        return await super().launch(app, task_id, staged_at)


def test_a_task_that_takes_too_long_to_launch_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marathon's task_launch_timeout, 5 minutes; on the real clock, as a manual one waits for every launch."""
    monkeypatch.setattr(scheduler, "LAUNCH_TIMEOUT", 0.01)

    async def whole() -> None:
        clock, runner = RealClock(), Slow()
        site = Standin(clock, runner, State(None))
        await site.start()
        killed: asyncio.Queue[Task] = asyncio.Queue()
        site.scheduler.on_kill = killed.put_nowait
        site.commands.submit({"/a": app("slow")}, force=False)
        async with asyncio.timeout(20):
            late = await killed.get()
            assert late.state == STAGING
            runner.over.set()
            await late.over.wait()
            await clock.settle()
        assert (late.state, len(site.state.tasks), site.state.backoff.delays) == (KILLED, 1, {})
        await site.stop()

    asyncio.run(whole())


def test_a_rollback_does_not_wait_for_a_task_that_was_still_launching() -> None:
    """It is not among the running tasks that the bounds count, so it would never be ended."""

    async def whole() -> None:
        runner = Slow()
        site = Standin(RealClock(), runner, State(None))
        await site.start()
        events = site.bus.subscribe()

        async def told(name: str, condition: str | None = None) -> None:
            while (event := await events.get()) is None or (event["eventType"], event.get("condition")) != (
                name,
                condition,
            ):
                pass

        async with asyncio.timeout(20):
            site.commands.submit({"/a": app()}, force=False)
            await told("deployment_success")
            bad = site.commands.submit({"/a": app("slow")}, force=False)
            await told("instance_changed_event", "Created")
            site.commands.rollback(bad.id, force=False)
            await told("deployment_info")
            runner.over.set()
            await told("deployment_success")
        assert [task.app.version for task in site.state.tasks.values()] == [site.commands.known("/a").app.version]
        await site.stop()

    asyncio.run(whole())


def test_what_does_not_fit_waits_for_a_place() -> None:
    """The queue tells waiting for offers from backing off, and why."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app(cpus=1.5, instances=2)}, force=False)
        await clock.settle()
        waiting = site.views.queue(offers=True)[0]
        assert (waiting["count"], waiting["delay"]["overdue"]) == (1, True)
        reasons = waiting["processedOffersSummary"]["rejectSummaryLastOffers"]
        assert [entry["reason"] for entry in reasons] == ["InsufficientCpus"]
        site.commands.submit({"/a": site.commands.known("/a").app.replace(instances=1)}, force=True)
        await clock.settle()
        assert (site.views.queue(offers=False), site.state.deployments) == ([], {})

    play(story, Settings(cpus=2))


def test_a_unique_constraint_makes_a_rolling_update_hang() -> None:
    """The trap behind lint rule L22."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        pinned = app(constraints=[["hostname", "UNIQUE"]])
        site.commands.submit({"/a": pinned}, force=False)
        await clock.settle()
        site.commands.submit({"/a": pinned.replace(labels={"release": "next"})}, force=False)
        await clock.advance(3600)
        assert (len(site.state.tasks), len(site.state.deployments)) == (1, 1)

    play(story)


def test_too_many_running_deployments_are_refused() -> None:
    """Marathon has a limit, and its own text for it."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app("missing")}, force=False)
        await clock.settle()
        with pytest.raises(ApiError, match=r"Max number \(1\) of running deployments"):
            site.commands.submit({"/b": app(id="/b")}, force=False)

    play(story, Settings(max_running_deployments=1))


def test_a_restart_moves_the_scaling_time_and_keeps_the_configuration_time() -> None:
    """By that a client tells restarted tasks from old ones."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app()}, force=False)
        await clock.settle()
        first, before = set(site.state.tasks), site.commands.known("/a").app.version_info
        site.commands.restart("/a", force=False)
        await clock.settle()
        after = site.commands.known("/a").app.version_info
        assert before is not None
        assert after is not None
        assert after.last_config_change_at == before.last_config_change_at
        assert after.last_scaling_at > before.last_scaling_at
        assert not first & set(site.state.tasks)

    play(story)


@pytest.mark.parametrize(
    ("instances", "minimum", "over", "most"),
    [(1, 1.0, 1.0, 2), (1, 0.0, 0.0, 1), (3, 0.5, 0.0, 3), (3, 0.7, 0.3, 4), (4, 0.75, 0.25, 5)],
)
def test_a_replacement_never_runs_more_tasks_than_it_may(
    instances: int, minimum: float, over: float, most: int
) -> None:
    """The maximum of the strategy, and the one more where nothing could proceed."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        shares = {"minimumHealthCapacity": minimum, "maximumOverCapacity": over}
        site.commands.submit({"/a": app(instances=instances, upgradeStrategy=shares)}, force=False)
        await clock.settle()
        runner.most = 0
        site.commands.restart("/a", force=False)
        await clock.advance(10)
        assert (runner.most, len(runner.apps), site.state.deployments) == (most, instances, {})

    play(story)


def test_a_command_check_is_mirrored_and_satisfies_the_deployment() -> None:
    """The agent's result counts like Marathon's own."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        check = {"protocol": "COMMAND", "command": {"value": "true"}, "delaySeconds": 15}
        site.commands.submit({"/a": app(healthChecks=[check])}, force=False)
        await clock.advance(14.9)
        assert len(site.state.deployments) == 1
        await clock.advance(0.2)
        assert site.state.deployments == {}

    play(story)


def test_the_first_probe_comes_after_five_seconds_and_then_every_interval() -> None:
    """So a deploy may take one interval longer than the start."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        check = {"protocol": "TCP", "gracePeriodSeconds": 0, "intervalSeconds": 60, "maxConsecutiveFailures": 9}
        site.commands.submit({"/a": app(healthChecks=[check])}, force=False)
        task_counts = []
        for seconds in (4.9, 0.2, 59.7, 0.2):
            await clock.advance(seconds)
            task = next(iter(site.state.tasks.values()))
            task_counts.append(task.records[0].consecutive_failures if task.records else None)
        assert task_counts == [None, 1, 1, 2]

    play(story)
