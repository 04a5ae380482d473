"""A stand-in that is restarted on its state, with tasks in memory; test_standin_adoption kills a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Settings, Standin, load_state
from harness.marathon.standin.runner import AdoptedTask
from harness.marathon.standin.task import FAILED, KILLED
from tests.harness.marathon.scripted import ScriptedRunner, app, leaves, play, take


def test_state_survives_and_an_unfinished_deployment_goes_on(tmp_path: Path) -> None:
    """The new version is still wanted, and the old task still runs."""
    old = app()
    left: list[AdoptedTask] = []

    async def before(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": old}, force=False)
        await clock.settle()
        site.commands.submit({"/a": old.replace(cmd="next", cpus=99.0)}, force=False)
        await clock.settle()
        left.extend(leaves(site))

    async def after(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        await clock.settle()
        assert (site.state.deployments, len(site.state.apps["/a"].versions)) == ({}, 2)
        assert [task.app.cmd for task in site.state.tasks.values()] == ["next"]

    play(before, Settings(cpus=50), load_state(tmp_path))
    play(after, Settings(cpus=100), load_state(tmp_path), left)


def test_a_task_that_ended_meanwhile_is_replaced(tmp_path: Path) -> None:
    """Its end is on record as a failure."""
    left: list[AdoptedTask] = []

    async def before(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app()}, force=False)
        await clock.settle()
        left.extend(leaves(site, (FAILED, "Container exited with status 9")))

    async def after(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        await clock.advance(2)
        assert left[0].task_id not in site.state.tasks
        assert len(site.state.tasks) == 1
        failure = site.state.apps["/a"].last_failure
        assert failure is not None
        assert failure["message"] == "Container exited with status 9"

    play(before, None, load_state(tmp_path))
    play(after, None, load_state(tmp_path), left)


@pytest.mark.parametrize("meanwhile", [None, (FAILED, "Container exited with status 137")])
def test_a_kill_under_way_is_still_a_kill_and_ends_in_time(
    tmp_path: Path, meanwhile: tuple[str, str] | None
) -> None:
    """meanwhile: the task outlives the stand-in, or ends while no stand-in runs."""
    left: list[AdoptedTask] = []

    async def before(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app("deaf", taskKillGracePeriodSeconds=300)}, force=False)
        await clock.settle()
        site.commands.kill(list(site.state.tasks.values()), scale=False, force=False)
        await clock.advance(100)
        assert runner.signals == ["SIGTERM"]
        left.extend(leaves(site, meanwhile))

    async def after(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        events = site.bus.subscribe()
        if meanwhile is None:
            await clock.advance(199)
            assert (runner.signals, list(site.state.tasks)) == ([], [left[0].task_id])
            await clock.advance(1)
            assert runner.signals == ["SIGKILL"]
        await clock.settle()
        assert (len(site.state.tasks), left[0].task_id in site.state.tasks) == (1, False)
        told = [(e["taskId"], e["taskStatus"]) for e in take(events, "status_update_event")]
        assert meanwhile or (left[0].task_id, KILLED) in told
        assert site.state.apps["/a"].last_failure is None
        assert site.state.backoff.delays == {}

    play(before, None, load_state(tmp_path))
    play(after, None, load_state(tmp_path), left)


def test_a_kill_is_on_disk_before_its_task_can_be_dead(tmp_path: Path) -> None:
    """Otherwise a restart would take the end for a crash."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app("deaf", taskKillGracePeriodSeconds=300)}, force=False)
        await clock.settle()
        task = next(iter(site.state.tasks.values()))
        site.scheduler.kill(task)
        await clock.settle()
        assert load_state(tmp_path).killing == {task.id: clock.now() + 300}

    play(story, None, load_state(tmp_path))


def test_a_foreign_state_file_is_refused(tmp_path: Path) -> None:
    """It must neither be read as a state nor written over."""
    (tmp_path / "state.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="not a state of the stand-in"):
        load_state(tmp_path)
