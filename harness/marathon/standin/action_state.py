"""The state of a running action, and the choice of tasks for a scale-down."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from harness.marathon.standin.deployment import Action, RestartStrategy
from harness.marathon.standin.model import App
from harness.marathon.standin.task import Task


@dataclass
class ActionState:
    """The state of one running action, tasks by their ids.

    strategy and queue: the bounds of a replacement, and the running tasks to be replaced in the order of their
    turns. counted: tasks that were healthy and ready once. found: tasks that existed at its start.
    """

    action: Action
    strategy: RestartStrategy | None = None
    queue: list[str] = field(default_factory=list)
    counted: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    done: bool = False


def victims(app: App, tasks: Collection[Task], number: int) -> list[Task]:
    """Choose the tasks that a scale-down ends: not yet running ones first, then by the app's killSelection."""
    youngest = app.kill_selection == "YOUNGEST_FIRST"
    order = sorted(tasks, key=lambda t: t.staged_at, reverse=youngest)
    return sorted(order, key=lambda t: t.started_at is not None)[:number]
