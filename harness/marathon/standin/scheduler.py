"""Launch and end tasks: the queue with its backoff, kills with their grace, and the handling of a death."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.marathon.standin.clock import Clock, Timer
from harness.marathon.standin.event_fields import failure_fields, instance_fields, status_fields
from harness.marathon.standin.events import Bus
from harness.marathon.standin.model import App
from harness.marathon.standin.placement import Agent, refusal
from harness.marathon.standin.runner import LaunchError, Runner
from harness.marathon.standin.state import State
from harness.marathon.standin.task import (
    CONDITIONS,
    FAILED,
    FINISHED,
    KILLED,
    RUNNING,
    STAGING,
    UNREACHABLE,
    Task,
    new_task_id,
)

log = logging.getLogger(__name__)
LAUNCH_TIMEOUT = 300.0
"""Seconds that a task may take to run, Marathon's task_launch_timeout; a longer pull never ends by itself."""
KILL_GRACE = 3.0
"""Seconds from SIGTERM to SIGKILL if the app gives none."""
KILL_AGAIN = 10.0
"""Seconds after which an ineffective kill is repeated, Marathon's kill_retry_timeout."""
SETTLE_AFTER_SIGNAL = 1.0
"""Real seconds that a manual clock gives a task to die of a signal before time goes on."""


@dataclass
class Pending:
    """Tasks of one app that wait to be launched."""

    app: App
    count: int
    since: float
    timer: Timer | None = None
    refusals: dict[str, int] = field(default_factory=dict)
    processed: int = 0


class Scheduler:
    """Owns every change of a task's state."""

    def __init__(
        self, clock: Clock, runner: Runner, state: State, bus: Bus, *, agent: Agent, dialect: str
    ) -> None:
        """Connect the parts; `on_change` and the like are set by subscribers."""
        self.clock, self.runner, self.state, self.bus = clock, runner, state, bus
        self.agent, self.dialect = agent, dialect
        self.settle_after_signal = SETTLE_AFTER_SIGNAL
        self.queue: dict[str, Pending] = {}
        self.on_change: Callable[[str], None] = lambda _app_id: None
        self.on_running: Callable[[Task], None] = lambda _task: None
        self.on_end: Callable[[Task], None] = lambda _task: None
        self.on_kill: Callable[[Task], None] = lambda _task: None

    # Launching

    def want(self, app: App, count: int) -> None:
        """Set how many more tasks of this definition are to be launched; it replaces the earlier number."""
        pending = self.queue.get(app.id)
        if count <= 0:
            if pending and pending.timer:
                pending.timer.cancel()
            self.queue.pop(app.id, None)
            return
        if pending is None:
            self.queue[app.id] = Pending(app, count, self.clock.now())
        else:
            pending.app, pending.count = app, count
        self.pump(app.id)

    def pending(self, app_id: str) -> int:
        """Return the number of an app's waiting tasks."""
        return self.queue[app_id].count if app_id in self.queue else 0

    def pump(self, app_id: str) -> None:
        """Launch the tasks that may be launched now; come back when the backoff is over."""
        pending = self.queue.get(app_id)
        while pending and pending.count > 0:
            left = self.state.backoff.left(pending.app, self.clock.now())
            if left > 0:
                if pending.timer:
                    pending.timer.cancel()
                pending.timer = self.clock.call_later(left, lambda: self.pump(app_id))
                return
            pending.processed += 1
            reason = refusal(pending.app, list(self.state.tasks.values()), self.agent)
            if reason:
                pending.refusals[reason] = pending.refusals.get(reason, 0) + 1
                return
            pending.count -= 1
            self._launch(pending.app)
        self.queue.pop(app_id, None)

    def _launch(self, app: App) -> None:
        task = Task(new_task_id(app.id, self.dialect), app, self.clock.now())
        self.state.tasks[task.id] = task
        # Nothing has come from Mesos yet, so there is no status_update_event (InstanceUpdater.launchEphemeral).
        condition = "Provisioned" if self.dialect == "1.10" else "Created"
        self.tell(task, condition)
        task.timers.append(self.clock.call_later(LAUNCH_TIMEOUT, lambda: self._overdue(task)))
        self.clock.spawn(self._start(task))

    def _overdue(self, task: Task) -> None:
        if task.state == STAGING:
            log.warning("%s is not running after %g s and is killed", task.id, LAUNCH_TIMEOUT)
            self.kill(task)

    async def _start(self, task: Task) -> None:
        try:
            task.placed = await self.runner.launch(task.app, task.id, task.staged_at)
        except Exception as error:
            # A task whose launch fails in any way has ended: else it would be staging for ever.
            if not isinstance(error, LaunchError):
                log.exception("the launch of %s broke", task.id)
            self.ended(task.id, FAILED, str(error) or type(error).__name__)
            return
        doomed = task.killing
        self._runs(task)
        if task.early_end:
            self.ended(task.id, *task.early_end)
        elif doomed:
            await self._terminate(task)

    def _runs(self, task: Task) -> None:
        task.state, task.started_at = RUNNING, self.clock.now()
        self.tell_status(task, "")
        self.on_running(task)
        self.on_change(task.app.id)

    # Ending

    def kill(self, task: Task) -> None:
        """Request a task's end: SIGTERM, and SIGKILL when its grace is over. Repetition has no further effect."""
        if task.killing:
            return
        task.killing = True
        self.on_kill(task)
        self.tell(task, "Killing")
        if task.state == RUNNING:
            self.clock.spawn(self._terminate(task))
        elif task.state == UNREACHABLE:
            self.clock.spawn(self.forget(task))

    async def forget(self, task: Task) -> None:
        """Remove from the list a task whose agent is out of reach; its process runs on."""
        task.killing = False  # a kill cannot be known there
        self.ended(task.id, UNREACHABLE, "its agent is out of reach")

    async def _terminate(self, task: Task) -> None:
        if task.placed is None:
            return
        grace = task.app.task_kill_grace_period_seconds
        wait = KILL_GRACE if grace is None else float(grace)
        if wait > 0:
            self._put_down_later(task, self.clock.now() + wait)
            self.on_kill(task)
            await self.runner.signal(task.placed, "SIGTERM")
            await self._let_die(task)
        else:
            await self._put_down(task)

    def go_on_killing(self, task: Task, put_down_at: float | None) -> None:
        """Continue a kill that an earlier process began; put_down_at: None if it had sent no SIGTERM yet."""
        task.killing = True
        if put_down_at is None:
            self.clock.spawn(self._terminate(task))
        else:
            self._put_down_later(task, put_down_at)

    def _put_down_later(self, task: Task, moment: float) -> None:
        task.put_down_at = moment
        wait = moment - self.clock.now()
        task.timers.append(self.clock.call_later(wait, lambda: self.clock.spawn(self._put_down(task))))

    async def _put_down(self, task: Task) -> None:
        if task.placed is None:
            return
        await self.runner.signal(task.placed, "SIGKILL")
        await self._let_die(task)
        if task.over.is_set():
            return
        # The engine may have reported the end while no one was subscribed, or have been away at the signal.
        ending = await self.runner.ending(task.placed)
        if ending is not None:
            self.ended(task.id, *ending)
        else:
            self._put_down_later(task, self.clock.now() + KILL_AGAIN)

    async def _let_die(self, task: Task) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task.over.wait(), self.settle_after_signal)

    def exited(self, task_id: str, state: str, message: str) -> None:
        """Handle the runner's report that a task's process is gone, which may precede its launch's return."""
        task = self.state.tasks.get(task_id)
        if task is not None and task.placed is None:
            task.early_end = (state, message)
        else:
            self.ended(task_id, state, message)

    def ended(self, task_id: str, state: str, message: str) -> None:
        """Record that a task's process is gone: history, backoff, events, and waiting callers."""
        task = self.state.tasks.get(task_id)
        if task is None:
            return
        del self.state.tasks[task_id]
        for timer in task.timers:
            timer.cancel()
        task.over.set()
        task.state = KILLED if task.killing else state
        if task.state in (FAILED, FINISHED):
            delay = self.state.backoff.ended(task.app, self.clock.now())
            log.info("%s ended (%s); its app waits %.1f s", task.id, message, delay.seconds)
        if task.state == FAILED:
            self.remember_failure(task, FAILED, message)
        self.tell_status(task, message if task.state != KILLED else "Container was killed on request")
        self.on_end(task)
        if task.placed is not None and state != UNREACHABLE:
            self.clock.spawn(self.runner.remove(task.placed))
        self.on_change(task.app.id)
        for app_id in list(self.queue):
            self.pump(app_id)

    def remember_failure(self, task: Task, state: str, message: str) -> None:
        """Keep the app's last failure; it stays until the app is deleted."""
        known = self.state.apps.get(task.app.id)
        if known:
            known.last_failure = failure_fields(task, state, message, self.agent, self.clock.now())

    # Events

    def tell(self, task: Task, condition: str) -> None:
        """Publish an instance's new condition."""
        self.bus.publish("instance_changed_event", **instance_fields(task, condition, self.agent))

    def tell_status(self, task: Task, message: str) -> None:
        """Publish Mesos's status of a task."""
        self.bus.publish("status_update_event", **status_fields(task, message, self.agent))
        self.tell(task, CONDITIONS[task.state])
