"""Read a container's labels and state back as a task, so that a later process can adopt it."""

from __future__ import annotations

import json
from typing import Any

from harness.marathon.standin.runner import AdoptedTask
from harness.marathon.standin.task import FAILED, FINISHED, Placement

STANDIN, TASK, APP, VERSION, STAGED, PORTS = (
    f"marathon-standin.{word}" for word in ("state", "task", "app", "version", "staged", "ports")
)


def ending(code: int, out_of_memory: bool = False) -> tuple[str, str]:
    """Return the terminal state and message for an exit status."""
    if code == 0:
        return FINISHED, "Container exited with status 0"
    why = " (out of memory)" if out_of_memory else ""
    return FAILED, f"Container exited with status {code}{why}"


def placement_of(attributes: dict[str, Any], host: str) -> Placement:
    """Return the place of a container, read back from the engine."""
    ports, inside = json.loads(attributes["Config"]["Labels"][PORTS])
    networks = attributes["NetworkSettings"]["Networks"] or {}
    ip = next((network["IPAddress"] for network in networks.values() if network["IPAddress"]), "")
    addresses = [(host, port) for port in ports] or [(ip, port) for port in inside]
    return Placement(
        container=attributes["Id"],
        pid=int(attributes["State"]["Pid"]),
        ip=ip or host,
        host_ports=tuple(ports),
        container_ports=tuple(inside),
        addresses=tuple(addresses),
    )


def adopted_task_of(attributes: dict[str, Any], host: str) -> AdoptedTask:
    """Return a task, read back from its container's labels and state."""
    labels, state = attributes["Config"]["Labels"], attributes["State"]
    over = not state["Running"]
    return AdoptedTask(
        task_id=labels[TASK],
        app_id=labels[APP],
        version=labels[VERSION],
        staged_at=float(labels[STAGED]),
        placed=placement_of(attributes, host),
        ended=ending(int(state["ExitCode"]), bool(state["OOMKilled"])) if over else None,
    )
