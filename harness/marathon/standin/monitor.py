"""Run the health checks at their times and act on the results."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from harness.marathon.standin import probes
from harness.marathon.standin.checks import HealthCheck
from harness.marathon.standin.health import AgentJudge, Record, Update, aggregate, judge
from harness.marathon.standin.model import App
from harness.marathon.standin.namespace_sockets import NamespaceConnector, NotPermittedError
from harness.marathon.standin.probes import Connect, Result
from harness.marathon.standin.scheduler import Scheduler
from harness.marathon.standin.task import KILLED, Placement, Task, instance_id

log = logging.getLogger(__name__)
FIRST_TICK = 5.0
"""Seconds after its registration at which a Marathon-level check first runs, if its interval is longer."""
SHORTEST_INTERVAL = 0.1
OUTSIDE, INSIDE = 100, 32
"""Maximum parallel probes of one app: by Marathon, and by the agent beside its tasks.

An app whose tasks all hang delays only its own probes.
"""

Key = tuple[str, str, int]


class Monitor:
    """One ticker for each app version and Marathon-level check; one timer for each task for the agent's check."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Attach to one scheduler."""
        self.scheduler = scheduler
        self.clock, self.state, self.bus = scheduler.clock, scheduler.state, scheduler.bus
        self.tickers: set[Key] = set()
        self._slots: dict[tuple[str, bool], asyncio.Semaphore] = {}
        self._waiting: set[tuple[str, int]] = set()
        self._warned = False

    # Marathon-level checks

    def register(self, app: App) -> None:
        """Start the ticker for a version of an app, as a deployment step does when it starts."""
        for index, check in enumerate(app.health_checks):
            key = (app.id, app.version, index)
            if check.by_marathon and key not in self.tickers:
                self.tickers.add(key)
                self.bus.publish(
                    "add_health_check_event", appId=app.id, version=app.version, healthCheck=check_json(check)
                )
                self.clock.call_later(min(check.interval_seconds, FIRST_TICK), self._ticker(app, index))

    def _ticker(self, app: App, index: int) -> Callable[[], None]:
        return lambda: self._tick(app, index)

    def _tick(self, app: App, index: int) -> None:
        check = app.health_checks[index]
        tasks = [t for t in self.state.tasks.values() if t.app.id == app.id and t.app.version == app.version]
        known = self.state.apps.get(app.id)
        if not tasks and (known is None or known.app.version != app.version):
            self.tickers.discard((app.id, app.version, index))
            self.bus.publish("remove_health_check_event", appId=app.id)
            return
        self.clock.call_later(max(check.interval_seconds, SHORTEST_INTERVAL), self._ticker(app, index))
        for task in tasks:
            # If probes hang longer than their interval, those that wait for a slot must not pile up.
            if task.running and (task.id, index) not in self._waiting:
                self._waiting.add((task.id, index))
                self.clock.spawn(self._probe(task, index, check))

    def _slot(self, app: App, check: HealthCheck) -> asyncio.Semaphore:
        size = OUTSIDE if check.by_marathon else INSIDE
        return self._slots.setdefault((app.id, check.by_marathon), asyncio.Semaphore(size))

    async def _probe(self, task: Task, index: int, check: HealthCheck) -> None:
        async with self._slot(task.app, check):
            self._waiting.discard((task.id, index))
            result = await ask_from_outside(check, task.placed, self.scheduler.agent.host)
        self.take(task, index, result)

    # Agent-level checks

    def begin(self, task: Task) -> None:
        """Start the agent's check of a task that has begun to run; Mesos gets one at most."""
        for index, check in enumerate(task.app.health_checks):
            if not check.by_marathon:
                launched = task.started_at if task.started_at is not None else self.clock.now()
                self._agent_later(task, index, AgentJudge(check, launched), check.delay_seconds)
                return

    def _agent_later(self, task: Task, index: int, mind: AgentJudge, delay: float) -> None:
        task.timers = [timer for timer in task.timers if timer.action is not None]
        task.timers.append(
            self.clock.call_later(delay, lambda: self.clock.spawn(self._agent_probe(task, index, mind)))
        )

    async def _agent_probe(self, task: Task, index: int, mind: AgentJudge) -> None:
        if not task.running or task.placed is None:
            return
        async with self._slot(task.app, mind.check):
            result = await self._ask_from_inside(mind.check, task.placed)
        if not task.running:
            return
        update = mind.observe(result.passed, self.clock.now())
        if update is not None:
            self._mirror(task, index, update)
        if task.running:
            wait = max(mind.check.interval_seconds, SHORTEST_INTERVAL)
            self._agent_later(task, index, mind, wait)

    def _mirror(self, task: Task, index: int, update: Update) -> None:
        self.take(task, index, Result(update.healthy))
        if update.kill:
            # The agent ends the task by itself: TASK_KILLED, no failure on record, no event of a health kill.
            self.scheduler.kill(task)

    async def _ask_from_inside(self, check: HealthCheck, placed: Placement) -> Result:
        if check.command is not None:
            return await self.scheduler.runner.execute(placed, check.command.value, check.timeout_seconds)
        try:
            return await ask_inside(check, placed, NamespaceConnector(placed.pid, placed.container), "127.0.0.1")
        except NotPermittedError as error:
            if not self._warned:
                log.warning("MESOS_* checks ask the container's address instead of its loopback: %s", error)
                self._warned = True
            return await ask_inside(check, placed, probes.connect_directly, placed.ip)

    # Results

    def take(self, task: Task, index: int, result: Result) -> None:
        """Apply a result: record, events, and a kill if needed."""
        if task.id not in self.state.tasks:
            return
        check, now = task.app.health_checks[index], self.clock.now()
        before, health = task.records.get(index), aggregate(task.app.health_checks, task.records)
        since = task.started_at if task.running else None
        judgement = judge(check, before, result.passed, now, running_since=since, cause=result.cause)
        task.records[index] = judgement.record
        if judgement.failed:
            self.bus.publish(
                "failed_health_check_event",
                appId=task.app.id,
                taskId=task.id,
                instanceId=instance_id(task.id),
                healthCheck=check_json(check),
            )
        if judgement.record.alive != (before is not None and before.alive):
            self._tell_changes(task, judgement.record, health)
        if judgement.kill:
            self._kill(task, result.cause)

    def _tell_changes(self, task: Task, after: Record, health: bool | None) -> None:
        """Publish that one check changed, and that the whole task did if its health is no longer `health`."""
        app, instance = task.app, instance_id(task.id)
        self.bus.publish(
            "health_status_changed_event",
            appId=app.id,
            instanceId=instance,
            taskId=task.id,
            version=app.version,
            alive=after.alive,
        )
        overall = aggregate(app.health_checks, task.records)
        if overall != health:
            self.bus.publish(
                "instance_health_changed_event",
                instanceId=instance,
                runSpecId=app.id,
                runSpecVersion=app.version,
                healthy=overall,
            )
        task.was_healthy = task.was_healthy or bool(overall)
        self.scheduler.on_change(app.id)

    def _kill(self, task: Task, cause: str) -> None:
        message = f"Task was killed since health check failed. Reason: {cause}"
        self.bus.publish(
            "unhealthy_instance_kill_event",
            appId=task.app.id,
            taskId=task.id,
            instanceId=instance_id(task.id),
            version=task.app.version,
            reason=cause,
            host=self.scheduler.agent.host,
            slaveId=self.scheduler.agent.id,
        )
        self.scheduler.remember_failure(task, KILLED, message)
        self.scheduler.kill(task)


def check_json(check: HealthCheck) -> dict[str, object]:
    """Return a check as events show it."""
    return check.model_dump(by_alias=True, exclude_none=True)


async def ask_from_outside(check: HealthCheck, placed: Placement | None, host: str) -> Result:
    """Run an HTTP, HTTPS or TCP check against a task's address; an explicit port is tried on the agent."""
    if placed is None:
        return Result(False, "unable to get the task's effective IP address")
    if check.port is not None:
        address, port = host, check.port
    elif check.port_index is not None and check.port_index < len(placed.addresses):
        address, port = placed.addresses[check.port_index]
    else:
        return Result(False, "unable to get the task's effective port")
    if check.protocol == "TCP":
        return await probes.tcp(address, port, check.timeout_seconds)
    tls = check.protocol == "HTTPS"
    return await probes.http(address, port, check.path or "/", check.timeout_seconds, tls=tls)


async def ask_inside(check: HealthCheck, placed: Placement, connect: Connect, host: str) -> Result:
    """Run a MESOS_HTTP, MESOS_HTTPS or MESOS_TCP check with connections made by `connect`."""
    index = check.port_index or 0
    port = check.port
    if port is None:
        port = placed.container_ports[index] if index < len(placed.container_ports) else 0
    if check.protocol == "MESOS_TCP":
        return await probes.tcp(host, port, check.timeout_seconds, connect)
    tls = check.protocol == "MESOS_HTTPS"
    return await probes.http_following(port, check.path or "/", check.timeout_seconds, connect, host=host, tls=tls)
