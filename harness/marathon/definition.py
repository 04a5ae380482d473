"""Read an app definition: Marathon's defaults, and the arithmetic of a deployment.

No input is trusted: every accessor answers for any JSON value, so that lint can read broken files. Networks and
ports, which differ between the two input dialects, are in `networking`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError

App = Mapping[str, Any]
"""An app definition as JSON: what is POSTed to /v2/apps or read back from it."""

MESOS_LEVEL = frozenset({"COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP"})
MARATHON_LEVEL = frozenset({"HTTP", "HTTPS", "TCP"})
HTTP_LIKE = frozenset({"HTTP", "HTTPS", "MESOS_HTTP", "MESOS_HTTPS"})

LARGEST = 2**31 - 1
PULL_ALLOWANCE = 300.0
"""Seconds a cold image pull may take: Marathon kills a task that stages for longer (task_launch_timeout)."""


def mapping(value: object) -> dict[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return dict(value) if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    """Return the value if it is a JSON array, else an empty one."""
    return list(value) if isinstance(value, list | tuple) else []


def text(value: object, default: str = "") -> str:
    """Return the value if it is a string, else the default."""
    return value if isinstance(value, str) else default


def whole(value: object, default: int) -> int:
    """Return the value if it is an integer that a 32-bit field can hold, else the default."""
    good = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
    return int(value) if good else default  # type: ignore[call-overload]


def number(value: object, default: float) -> float:
    """Return the value if it is a finite number of sane size, else the default."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return float(value) if abs(value) <= LARGEST else default


@dataclass(frozen=True)
class HealthCheck:
    """An entry of healthChecks with Marathon's defaults filled in; times in seconds."""

    index: int
    raw: Mapping[str, Any]

    @property
    def protocol(self) -> str:
        """The protocol; HTTP unless given."""
        return text(self.raw.get("protocol"), "HTTP")

    @property
    def path(self) -> str:
        """Requested path; "/" unless given."""
        return text(self.raw.get("path"), "/") or "/"

    @property
    def command(self) -> str:
        """Shell line of a COMMAND check, or an empty string."""
        return text(mapping(self.raw.get("command")).get("value"))

    @property
    def grace(self) -> float:
        """Seconds after RUNNING during which failures do not count; the first success ends it for good."""
        return number(self.raw.get("gracePeriodSeconds"), 300)

    @property
    def interval(self) -> float:
        """Seconds between two probes."""
        return number(self.raw.get("intervalSeconds"), 60)

    @property
    def timeout(self) -> float:
        """Seconds after which a probe counts as failed."""
        return number(self.raw.get("timeoutSeconds"), 20)

    @property
    def delay(self) -> float:
        """Seconds before the first probe; only Mesos-level checks have it."""
        return number(self.raw.get("delaySeconds"), 15)

    @property
    def failures(self) -> int:
        """maxConsecutiveFailures: the kill comes with failure N+1 (Marathon-level) or N (Mesos-level)."""
        return whole(self.raw.get("maxConsecutiveFailures"), 3)

    @property
    def kills(self) -> bool:
        """Whether the check ever kills: a Marathon-level one with 0 only reports."""
        return self.failures > 0 or self.protocol in MESOS_LEVEL


@dataclass(frozen=True)
class Capacity:
    """How many tasks a rolling replacement keeps, allows and kills at once (Marathon's restart strategy)."""

    minimum_healthy: int
    maximum: int
    kill_now: int


def capacity(instances: int, minimum_health: float, over: float, running: int | None = None) -> Capacity:
    """Compute what a rolling replacement does with `running` old tasks (default: all instances run).

    If minimum and maximum coincide and nothing may be killed, Marathon allows one task more, because the
    deployment could not proceed otherwise.
    """
    now = instances if running is None else running
    least = math.ceil(instances * minimum_health)
    most = math.floor(instances * (1 + over))
    if least == most <= now:
        most += 1
    return Capacity(least, most, max(0, now - least))


def load(path: Path) -> dict[str, Any]:
    """Read one app definition from a file. Raises UsageError if it holds no JSON object."""
    return parse(str(path), lambda: path.read_text(encoding="utf-8"))


def parse(name: str, read: Callable[[], str]) -> dict[str, Any]:
    """Parse one app definition; `name` is its name in errors. Raises as `load`."""
    try:
        value = json.loads(read())
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror}.", repair="give the path of a file with one JSON object"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{name} cannot be read as an app definition: {error}.",
            repair="give a file with one JSON object, such as the marathon.json of this repository",
        ) from error
    if not isinstance(value, dict):
        raise UsageError(f"{name} holds a JSON {type(value).__name__}, not an object with an app definition.")
    return value


def image_of(app: App) -> str:
    """Image of the container, or an empty string."""
    return text(mapping(mapping(app.get("container")).get("docker")).get("image"))


def instances_of(app: App) -> int:
    """Number of instances; 1 unless given."""
    return whole(app.get("instances"), 1)


def labels_of(app: App) -> dict[str, str]:
    """Labels whose value is a string."""
    return {key: value for key, value in mapping(app.get("labels")).items() if isinstance(value, str)}


def health_checks(app: App) -> list[HealthCheck]:
    """All health checks, in the order of the file."""
    return [HealthCheck(index, mapping(check)) for index, check in enumerate(items(app.get("healthChecks")))]


def checks_in_effect(app: App) -> list[HealthCheck]:
    """Checks that are run: Marathon's own, and of those that Mesos would have to run the first."""
    checks = health_checks(app)
    first = next((check for check in checks if check.protocol in MESOS_LEVEL), None)
    return [check for check in checks if check is first or check.protocol not in MESOS_LEVEL]


def commands(app: App) -> Iterator[tuple[str, str]]:
    """Place and shell line of each COMMAND check: run it in the image before a deploy, a binary may be missing."""
    for check in health_checks(app):
        if check.protocol == "COMMAND" and check.command:
            yield f"healthChecks({check.index})", check.command


def single_instance(app: App) -> bool:
    """Whether a label makes this a single instance app; Marathon accepts exactly "true"."""
    return labels_of(app).get("MARATHON_SINGLE_INSTANCE_APP") == "true"


def resident(app: App) -> bool:
    """Whether tasks keep their place: residency is given, or implied by a persistent volume."""
    volumes = map(mapping, items(mapping(app.get("container")).get("volumes")))
    return app.get("residency") is not None or any(volume.get("persistent") is not None for volume in volumes)


def default_strategy(app: App) -> tuple[float, float]:
    """Return (minimumHealthCapacity, maximumOverCapacity) of an app that gives no upgradeStrategy."""
    if single_instance(app):
        return 0.0, 0.0
    return (0.5, 0.0) if resident(app) else (1.0, 1.0)


def strategy_of(app: App) -> tuple[float, float]:
    """Return (minimumHealthCapacity, maximumOverCapacity) in effect: always 0 for a single instance app."""
    given = mapping(app.get("upgradeStrategy"))
    if single_instance(app) or not given:
        return default_strategy(app)
    return number(given.get("minimumHealthCapacity"), 1.0), number(given.get("maximumOverCapacity"), 1.0)
