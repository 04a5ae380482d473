"""Whether the definition that an app has is the one that somebody sent."""

from __future__ import annotations

from collections.abc import Mapping

from harness.marathon.definition import App
from harness.marathon.model import AppState

CHOSEN = frozenset({"hostPort", "servicePort", "port", "containerPort"})
"""Where 0 stands for one that Marathon chooses."""
OWN = frozenset({"env", "labels"})
"""Maps in which Marathon puts nothing: what is not in the one must not be in the other."""
PLAIN = (
    "args", "cmd", "constraints", "dependencies", "env", "healthChecks", "labels", "readinessChecks", "secrets",
    "taskKillGracePeriodSeconds", "user",
)  # fmt: skip
"""Top-level keys without a default: one that was not sent is empty."""
NOTHING: tuple[object, ...] = (None, "", [], {})
STATE = frozenset({
    "version", "versionInfo", "deployments", "lastTaskFailure", "readinessCheckResults", "taskStats", "tasks",
    "tasksHealthy", "tasksRunning", "tasksStaged", "tasksStats", "tasksUnhealthy",
})  # fmt: skip
"""Keys of an answer that are no part of the definition."""


def same_definition(wanted: App, live: App) -> bool:
    """Whether `live`, as Marathon answers it, is what comes of sending `wanted` as a whole.

    Empty and absent are the same, and so are 1 and 1.0; a port of 0 stands for one that Marathon chose. What was
    not sent and has a default in Marathon is not compared, for defaults differ between its versions.
    """
    sent = {key: value for key, value in wanted.items() if key not in STATE and key != "id"}
    return _same({**dict.fromkeys(PLAIN), **sent}, live)


def _same(wanted: object, live: object, name: str = "") -> bool:
    if isinstance(wanted, Mapping):
        other = live if isinstance(live, Mapping) else {}
        keys = {*wanted, *other} if name in OWN else set(wanted)
        return all(_same(wanted.get(key), other.get(key), str(key)) for key in keys)
    if isinstance(wanted, list):
        others = live if isinstance(live, list) else []
        return len(wanted) == len(others) and all(_same(*pair, name) for pair in zip(wanted, others, strict=True))
    if wanted == 0 and name in CHOSEN:
        return True
    return wanted == live or (wanted in NOTHING and live in NOTHING) or (live is None and not wanted)


def is_again(before: AppState, now: AppState) -> bool:
    """Whether an app has the definition again that it had before. Both as Marathon answers them."""
    return _configuration(before) == _configuration(now)


def _configuration(app: AppState) -> dict[str, object]:
    return {key: value for key, value in app.definition.items() if key not in STATE}
