"""Assemble the parts of the stand-in: start, adoption of running tasks, stop."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from harness.marathon.standin.clock import ManualClock, RealClock
from harness.marathon.standin.commands import Commands
from harness.marathon.standin.events import Bus
from harness.marathon.standin.monitor import Monitor
from harness.marathon.standin.placement import Agent
from harness.marathon.standin.readiness import Readiness
from harness.marathon.standin.rollout import Rollout
from harness.marathon.standin.runner import AdoptedTask, Runner
from harness.marathon.standin.scheduler import Scheduler
from harness.marathon.standin.state import State
from harness.marathon.standin.task import RUNNING, Task
from harness.marathon.standin.views import Views

log = logging.getLogger(__name__)
SAVE_AFTER = 0.5
"""Real seconds between a change that no request made and its write to disk."""


@dataclass(frozen=True)
class Settings:
    """Settings of a stand-in; cpus and mem are the total offer of the one agent."""

    dialect: str = "1.6"
    max_running_deployments: int = 100
    cpus: float = 1_000.0
    mem: float = 1_000_000.0


class Standin:
    """One stand-in: create it, `await start()`, serve `api.build(standin)`, `await stop()`."""

    def __init__(
        self, clock: RealClock | ManualClock, runner: Runner, state: State, settings: Settings | None = None
    ) -> None:
        """Connect the parts; nothing runs before `start`."""
        self.settings = settings or Settings()
        self.clock, self.runner, self.state = clock, runner, state
        self.bus = Bus(clock)
        agent = Agent(
            host=runner.host,
            id=f"{state.identity}-S0",
            cpus=self.settings.cpus,
            mem=self.settings.mem,
        )
        dialect = self.settings.dialect
        self.scheduler = Scheduler(clock, runner, state, self.bus, agent=agent, dialect=dialect)
        self.monitor = Monitor(self.scheduler)
        self.readiness = Readiness(self.scheduler)
        self.rollout = Rollout(self.scheduler, self.monitor, self.readiness)
        self.commands = Commands(self.rollout, self.settings.max_running_deployments)
        self.views = Views(self.rollout, dialect)
        self.scheduler.on_change = self._changed
        self.scheduler.on_running = self.monitor.begin
        self.scheduler.on_end = self.readiness.forget
        self.scheduler.on_kill = self._killed
        self._saving: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Adopt the running tasks and continue deployments and kills in progress."""
        # Subscribe to ends before listing the tasks: none can fall between the two.
        self.runner.watch(self.scheduler.exited)
        for found in await self.runner.adopt():
            await self._adopt(found)
        for known in self.state.apps.values():
            self.monitor.register(known.app)
        for task in self.state.tasks.values():
            self.monitor.register(task.app)
            self.monitor.begin(task)
        for deployment in list(self.state.deployments.values()):
            self.rollout.resume(deployment)
        for app_id in list(self.state.apps):
            self.rollout.drive(app_id)

    async def _adopt(self, found: AdoptedTask) -> None:
        app = self.state.definition(found.app_id, found.version)
        if app is None:
            log.warning("task %s belongs to no known app and is ended", found.task_id)
            await self.runner.remove(found.placed)
            return
        started = self.state.started.get(found.task_id, found.staged_at)
        task = Task(found.task_id, app, found.staged_at, RUNNING, started, found.placed)
        self.state.tasks[task.id] = task
        log.info("adopted task %s", task.id)
        if task.id in self.state.killing:
            # A requested end is no failure, and SIGKILL comes at its original time.
            self.scheduler.go_on_killing(task, self.state.killing[task.id])
        if found.ended:
            self.scheduler.exited(task.id, *found.ended)

    def _changed(self, app_id: str) -> None:
        self.rollout.drive(app_id)
        if self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(SAVE_AFTER, self._save)

    def _killed(self, _task: Task) -> None:
        """Save before the task is dead: after a restart its end would be taken for a failure."""
        if self._saving is not None:
            self._saving.cancel()
        self._saving = asyncio.get_running_loop().call_later(0, self._save)

    def _save(self) -> None:
        self._saving = None
        self.state.save(self.clock.now())

    async def stop(self, *, end_tasks: bool = False) -> None:
        """Stop and keep the state; tasks continue unless `end_tasks`."""
        self.rollout.stopped = True
        self.bus.close()
        if self._saving is not None:
            self._saving.cancel()
        for work in list(self.clock.running):
            work.cancel()
        self.state.save(self.clock.now())
        if end_tasks:
            for task in self.state.tasks.values():
                task.killing = True  # a requested end is no failure
            placed = [task.placed for task in self.state.tasks.values() if task.placed is not None]
            await asyncio.gather(*(self.runner.remove(place) for place in placed))
        await self.runner.close()


def load_state(directory: Path | None) -> State:
    """Open a state directory, creating it if missing. Raises UsageError if it is not the harness's own."""
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
    state = State(directory)
    state.load()
    if state.path is not None and not state.path.exists():
        # The identity is on disk before the first task carries it: a task can always be adopted. An existing file
        # stays as it is: this state has no tasks yet, and would say that none is being killed.
        state.save(state.moment)
    return state
