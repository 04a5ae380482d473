"""Decide whether a task can be placed: the stand-in is one agent with limited cpu, memory and ports."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from harness.marathon.standin.model import App
from harness.marathon.standin.task import Task


@dataclass(frozen=True)
class Agent:
    """The one agent; cpus in cores and mem in MB that tasks may use in total."""

    host: str
    id: str
    cpus: float = 1_000.0
    mem: float = 1_000_000.0


def refusal(app: App, tasks: Collection[Task], agent: Agent) -> str | None:
    """Return why one more task of the app cannot be placed beside `tasks`, in Marathon's words, or None."""
    if sum(task.app.cpus for task in tasks) + app.cpus > agent.cpus:
        return "InsufficientCpus"
    if sum(task.app.mem for task in tasks) + app.mem > agent.mem:
        return "InsufficientMemory"
    if fixed_ports(app) & {port for task in tasks for port in (task.placed.host_ports if task.placed else ())}:
        return "InsufficientPorts"
    siblings = sum(task.app.id == app.id for task in tasks)
    if not all(satisfied(constraint, siblings, agent.host) for constraint in app.constraints):
        return "UnfulfilledConstraint"
    return None


def fixed_ports(app: App) -> set[int]:
    """Return the host ports that the app requires."""
    if app.mode == "host":
        return {d.port for d in app.port_definitions or [] if app.require_ports and d.port}
    return {m.host_port for m in (app.container and app.container.port_mappings) or [] if m.host_port}


def satisfied(constraint: list[str], siblings: int, host: str) -> bool:
    """Tell whether the only agent satisfies a constraint, given the number of the app's tasks on it.

    The agent has a host name and no other attribute.
    """
    name, operator, value = constraint[0], constraint[1], constraint[2] if len(constraint) == 3 else ""
    if name not in ("hostname", "@hostname"):
        return operator in ("UNLIKE", "GROUP_BY")
    verdicts = {
        "UNIQUE": siblings == 0,
        "MAX_PER": siblings < int(value) if value.isdecimal() else False,
        "CLUSTER": value in ("", host),
        "IS": value == host,
        "LIKE": operator == "LIKE" and re.fullmatch(value, host) is not None,
        "UNLIKE": operator == "UNLIKE" and re.fullmatch(value, host) is None,
    }
    return verdicts.get(operator, True)
