"""A task: an instance of an app from its launch to its end, and its JSON form."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.marathon.standin.clock import Timer, stamp
from harness.marathon.standin.health import Record
from harness.marathon.standin.model import App
from harness.marathon.standin.normalize import service_ports

STAGING, RUNNING = "TASK_STAGING", "TASK_RUNNING"
FINISHED, FAILED, KILLED = "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED"
UNREACHABLE = "TASK_UNREACHABLE"
CONDITIONS = {
    UNREACHABLE: "Unreachable",
    RUNNING: "Running",
    FINISHED: "Finished",
    FAILED: "Failed",
    KILLED: "Killed",
}


@dataclass(frozen=True)
class Placement:
    """The place of a launched task: container, its process, its own address, and its ports in index order.

    pid is the container's first process as the engine's machine numbers it, 0 if unknown. addresses holds
    (address, port) from outside for each portIndex: the host's port, or the container's on its own network.
    """

    container: str
    pid: int
    ip: str
    host_ports: tuple[int, ...]
    container_ports: tuple[int, ...]
    addresses: tuple[tuple[str, int], ...]


@dataclass
class Task:
    """A task in the stand-in's state; times are seconds since the epoch.

    killing: its end was requested. put_down_at: when its grace is over, once SIGTERM was sent.
    """

    id: str
    app: App
    staged_at: float
    state: str = STAGING
    started_at: float | None = None
    placed: Placement | None = None
    killing: bool = False
    put_down_at: float | None = None
    records: dict[int, Record] = field(default_factory=dict)
    was_healthy: bool = False
    ready: bool = False
    readiness: dict[str, Any] | None = None
    early_end: tuple[str, str] | None = None
    timers: list[Timer] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def running(self) -> bool:
        """True while the task is TASK_RUNNING and its end was not requested."""
        return self.state == RUNNING and not self.killing

    @property
    def counts(self) -> bool:
        """Tell whether a deployment may count on this task: it runs, was healthy once, and is ready."""
        if not self.running:
            return False
        return (not self.app.health_checks or self.was_healthy) and (not self.app.readiness_checks or self.ready)


def prefix_of(app_id: str) -> str:
    """Return the first part of the ids of an app's tasks."""
    return app_id.strip("/").replace("/", "_")


def new_task_id(app_id: str, dialect: str) -> str:
    """Make a task id: `<path>.<uuid>`, or the instance form of 1.8 and later."""
    unique = uuid.uuid1()
    if dialect == "1.10":
        return f"{prefix_of(app_id)}.instance-{unique}._app.1"
    return f"{prefix_of(app_id)}.{unique}"


def app_id_of(task_id: str) -> str | None:
    """Return the app id inside a task id, or None when it has no such form."""
    name, _ = split_id(task_id)
    return "/" + name.replace("_", "/") if name else None


def split_id(task_id: str) -> tuple[str, str]:
    """Return the app's part of a task id, and the part that distinguishes its tasks; both empty for another form.

    The app's part may have dots of its own (`/rt.prod/web`), the other part begins after the last one.
    """
    name, dot, unique = task_id.partition("._app.")[0].rpartition(".")
    return (name, unique) if dot and name and unique else ("", "")


def unique_part(task_id: str) -> str:
    """Return the uuid in a task id of either form."""
    return split_id(task_id)[1].removeprefix("instance-")


def instance_id(task_id: str) -> str:
    """Return the id of the instance that a task belongs to, as events name it."""
    name, unique = split_id(task_id)
    return f"{name}.{unique}" if unique.startswith("instance-") else f"{name}.marathon-{unique}"


def record_json(record: Record, instance: str, dialect: str) -> dict[str, Any]:
    """Return one health check result; unset moments are null in 1.4 and absent later."""
    shown = {
        "alive": record.alive,
        "consecutiveFailures": record.consecutive_failures,
        "firstSuccess": record.first_success,
        "lastSuccess": record.last_success,
        "lastFailure": record.last_failure,
        "lastFailureCause": record.last_failure_cause,
        "instanceId": instance,
    }
    return {
        key: stamp(value) if isinstance(value, float) else value
        for key, value in shown.items()
        if value is not None or dialect == "1.4"
    }


def task_json(task: Task, host: str, agent: str, dialect: str) -> Mapping[str, Any]:
    """Return a task in the form of /v2/tasks."""
    placed = task.placed
    shown: dict[str, Any] = {
        "id": task.id,
        "appId": task.app.id,
        "host": host,
        "slaveId": agent,
        "state": task.state,
        "ports": list(placed.host_ports) if placed else [],
        "ipAddresses": [{"ipAddress": placed.ip, "protocol": "IPv4"}] if placed and placed.ip else [],
        "servicePorts": service_ports(task.app),
        "stagedAt": stamp(task.staged_at),
        "version": task.app.version,
        "localVolumes": [],
    }
    if task.started_at is not None:
        shown["startedAt"] = stamp(task.started_at)
    if task.records:
        instance = instance_id(task.id)
        shown["healthCheckResults"] = [
            record_json(task.records[index], instance, dialect) for index in sorted(task.records)
        ]
    if dialect == "1.10":
        shown["role"] = task.app.role or "*"
    return shown
