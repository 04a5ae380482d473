"""Marathon's answers as typed values. Every key is read leniently: 1.4 sends null, 1.5 and later omit keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.marathon.definition import image_of, items, labels_of, mapping, text, whole
from harness.marathon.networking import network_mode, ports_of


def moment(value: object) -> datetime | None:
    """Read a timestamp such as 2026-11-01T10:00:00.000Z; None for anything else."""
    try:
        read = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


@dataclass(frozen=True)
class HealthResult:
    """The result of one check for one task. `alive`: the last success is later than the last failure."""

    alive: bool
    consecutive_failures: int
    first_success: datetime | None
    last_success: datetime | None
    last_failure: datetime | None
    cause: str

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> HealthResult:
        """Read an entry of healthCheckResults."""
        return cls(
            raw.get("alive") is True,
            whole(raw.get("consecutiveFailures"), 0),
            moment(raw.get("firstSuccess")),
            moment(raw.get("lastSuccess")),
            moment(raw.get("lastFailure")),
            text(raw.get("lastFailureCause")),
        )


@dataclass(frozen=True)
class Task:
    """A running instance. `version` is the app version it was started with; ports are the host's."""

    id: str
    host: str
    ports: tuple[int, ...]
    addresses: tuple[str, ...]
    state: str
    version: datetime | None
    started_at: datetime | None
    health: tuple[HealthResult, ...]
    version_text: str = ""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Task:
        """Read a task object."""
        return cls(
            text(raw.get("id")),
            text(raw.get("host")),
            tuple(whole(port, 0) for port in items(raw.get("ports"))),
            _addresses(raw),
            text(raw.get("state"), "TASK_UNKNOWN"),
            moment(raw.get("version")),
            moment(raw.get("startedAt")),
            tuple(HealthResult.read(mapping(result)) for result in items(raw.get("healthCheckResults"))),
            text(raw.get("version")),
        )

    @property
    def known(self) -> bool:
        """Whether there is any check result: no record is neither healthy nor unhealthy."""
        return bool(self.health)

    @property
    def served(self) -> bool:
        """Whether the task was ever healthy, as far as Marathon remembers."""
        return self.alive or any(result.first_success for result in self.health)

    @property
    def alive(self) -> bool:
        """Whether every check with a result is alive, as tasksHealthy counts it."""
        return self.known and all(result.alive for result in self.health)


def _addresses(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a task's own addresses, those of IPv4 first: more machines have a route to them."""
    found = [text(mapping(address).get("ipAddress")) for address in items(raw.get("ipAddresses"))]
    return tuple(sorted(filter(None, found), key=lambda address: ":" in address))


@dataclass(frozen=True)
class TaskFailure:
    """The last failed task of an app. It stays there through later successes: compare the timestamp."""

    task_id: str
    state: str
    message: str
    timestamp: datetime | None
    version: datetime | None

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> TaskFailure | None:
        """Read lastTaskFailure, None if there never was one."""
        if not raw:
            return None
        return cls(
            text(raw.get("taskId")),
            text(raw.get("state")),
            text(raw.get("message")),
            moment(raw.get("timestamp")),
            moment(raw.get("version")),
        )


@dataclass(frozen=True)
class AppState:
    """An app as in GET /v2/apps/{id}: the definition, the counts and the tasks."""

    id: str
    definition: Mapping[str, Any] = field(repr=False)
    version: datetime | None
    version_text: str
    last_config_change: datetime | None
    last_scaling: datetime | None
    """Time of the last change of any kind: a restart moves it as well, and does not move the other one."""
    instances: int
    running: int
    staged: int
    healthy: int
    unhealthy: int
    tasks: tuple[Task, ...]
    deployments: tuple[str, ...]
    last_failure: TaskFailure | None

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> AppState:
        """Read an app object."""
        info = mapping(raw.get("versionInfo"))
        version = moment(raw.get("version"))
        return cls(
            text(raw.get("id")),
            dict(raw),
            version,
            text(raw.get("version")),
            moment(info.get("lastConfigChangeAt")) or version,
            moment(info.get("lastScalingAt")) or version,
            whole(raw.get("instances"), 1),
            whole(raw.get("tasksRunning"), 0),
            whole(raw.get("tasksStaged"), 0),
            whole(raw.get("tasksHealthy"), 0),
            whole(raw.get("tasksUnhealthy"), 0),
            tuple(Task.read(mapping(task)) for task in items(raw.get("tasks"))),
            tuple(text(mapping(deployment).get("id")) for deployment in items(raw.get("deployments"))),
            TaskFailure.read(mapping(raw.get("lastTaskFailure"))),
        )

    @property
    def image(self) -> str:
        """Image of the definition."""
        return image_of(self.definition)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the definition."""
        return labels_of(self.definition)

    def endpoint(self, task: Task, index: int = 0) -> tuple[str, int] | None:
        """Return the address of one port of a task: the host's, or the container's own if it has one."""
        if network_mode(self.definition) == "container" and task.addresses:
            ports = ports_of(self.definition)
            return (task.addresses[0], ports[index].container_port) if index < len(ports) else None
        return (task.host, task.ports[index]) if index < len(task.ports) and task.host else None


@dataclass(frozen=True)
class Deployment:
    """An entry of /v2/deployments. `version` is also the time of the request."""

    id: str
    version: datetime | None
    apps: tuple[str, ...]
    step: int
    steps: int
    actions: tuple[str, ...]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Deployment:
        """Read a deployment object."""
        current = [mapping(action) for action in items(raw.get("currentActions"))]
        return cls(
            text(raw.get("id")),
            moment(raw.get("version")),
            tuple(text(app_id) for app_id in items(raw.get("affectedApps"))),
            whole(raw.get("currentStep"), 0),
            whole(raw.get("totalSteps"), len(items(raw.get("steps")))),
            tuple(
                f"{text(action.get('action') or action.get('type'))} {text(action.get('app'))}"
                for action in current
            ),
        )

    def age(self, now: datetime) -> str:
        """Return its age in words."""
        if self.version is None:
            return "of unknown age"
        return f"{max(0.0, (now - self.version).total_seconds()):.0f} s old"


@dataclass(frozen=True)
class QueueItem:
    """Tasks of an app that wait to be launched. `overdue`: they wait for offers; otherwise for the backoff."""

    app_id: str
    count: int
    overdue: bool
    seconds_left: int

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> QueueItem:
        """Read an entry of /v2/queue."""
        app, delay = mapping(raw.get("app")), mapping(raw.get("delay"))
        return cls(
            text(app.get("id")),
            whole(raw.get("count"), 0),
            delay.get("overdue") is True,
            whole(delay.get("timeLeftSeconds"), 0),
        )

    def __str__(self) -> str:
        """Say why the tasks wait."""
        if self.overdue:
            return f"{self.count} task(s) wait for an offer: no agent has room, ports or the right attributes"
        return f"{self.count} task(s) back off for {self.seconds_left} s more after crashes"


@dataclass(frozen=True)
class Change:
    """The answer to a change: the version it made and the deployment that carries it out."""

    version: datetime | None
    deployment_id: str

    @classmethod
    def read(cls, raw: Mapping[str, Any], header: str = "") -> Change:
        """Read {"version", "deploymentId"}, or the app that a creation returns."""
        listed = [text(mapping(deployment).get("id")) for deployment in items(raw.get("deployments"))]
        return cls(moment(raw.get("version")), text(raw.get("deploymentId")) or header or "".join(listed[:1]))
