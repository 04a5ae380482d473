"""Literal snapshots of a deployed app, and a watch that is fed with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.marathon.deadline import Deadline
from harness.marathon.events import Event
from harness.marathon.live_rule import Snapshot, Wanted
from harness.marathon.model import AppState
from harness.marathon.probe import ProbeResult
from harness.marathon.watch import State, Watch

PUT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
IMAGE = "registry.example.org/rt:5.0.3-2"
OURS, THEIRS = "97c136bf", "5a284821"


def stamp(seconds: float) -> str:
    """Format a time relative to the PUT as Marathon does."""
    return (PUT + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def task(number: int, version: float = 0, alive: bool | None = True, cause: str = "") -> dict[str, Any]:
    """Return a task of the wanted version by default; alive None means no record."""
    results = [] if alive is None else [{"alive": alive, "consecutiveFailures": 0, "lastFailureCause": cause}]
    return {
        "id": f"rt.{number}",
        "host": "127.0.0.1",
        "ports": [31000 + number],
        "state": "TASK_RUNNING",
        "version": stamp(version),
        "healthCheckResults": results,
    }


def app(tasks: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    """Return an app that is live with two tasks of the wanted version."""
    tasks = [task(1), task(2)] if tasks is None else tasks
    alive = [one["healthCheckResults"][0]["alive"] for one in tasks if one["healthCheckResults"]]
    return {
        "id": "/rt",
        "instances": 2,
        "version": stamp(0),
        "tasks": tasks,
        "deployments": [],
        "versionInfo": {"lastScalingAt": stamp(0), "lastConfigChangeAt": stamp(0)},
        "container": {"docker": {"image": IMAGE}},
        "healthChecks": [{"protocol": "COMMAND"}],
        "tasksRunning": len(tasks),
        "tasksHealthy": sum(alive),
        "tasksUnhealthy": len(alive) - sum(alive),
        "tasksStaged": 0,
        **fields,
    }


GOOD_PROBE = ProbeResult(True, "http://127.0.0.1:31001/", "HTTP 200, release 5.0.3", "5.0.3")
BAD_PROBE = ProbeResult(False, "http://127.0.0.1:31001/", "HTTP 302 to /Install/index.html instead of 200")


def snapshot(raw: Mapping[str, Any] | None, *listed: str, probe: ProbeResult | None = GOOD_PROBE) -> Snapshot:
    """Return a poll; every task gives the same answer to the harness's own probe."""
    state = None if raw is None else AppState.read(raw)
    probes = None if probe is None or state is None else {one.id: probe for one in state.tasks}
    return Snapshot(state, listed, probes=probes)


def watch(**fields: Any) -> Watch:
    """Return a watch with a soak of 10 s, and a deadline of 100 s without progress and 300 s in all."""
    wanted = {"app_id": "/rt", "image": IMAGE, "instances": 2, "deployment_id": OURS, "since": PUT, **fields}
    return Watch(Wanted(**wanted), Deadline(100, 300, "of the test"), soak=10)


def run(
    *polls: Snapshot, events: dict[int, list[Event]] | None = None, **fields: Any
) -> tuple[list[State], Watch]:
    """Feed polls that are 10 s apart, with events arriving before some of them."""
    one = watch(**fields)
    return [one.observe(poll, (events or {}).get(n, []), 10.0 * n) for n, poll in enumerate(polls)], one


LIVE = snapshot(app())


def failure(seconds: float, version: float = 0) -> dict[str, Any]:
    """Return a lastTaskFailure at a time relative to the PUT."""
    return {
        "taskId": "rt.9",
        "state": "TASK_FAILED",
        "message": "Container exited with status 72",
        "timestamp": stamp(seconds),
        "version": stamp(version),
    }
