"""The interface between the scheduler and the part that runs tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.marathon.standin.model import App
from harness.marathon.standin.probes import Result
from harness.marathon.standin.task import Placement

Ended = Callable[[str, str, str], None]
"""Called in the event loop with (task id, terminal state, message) when a task's process has ended."""


class LaunchError(Exception):
    """The task could not be started; the text becomes the message of its TASK_FAILED."""


@dataclass(frozen=True)
class AdoptedTask:
    """A task that outlived the process that started it: its labels, and its end if it has ended."""

    task_id: str
    app_id: str
    version: str
    staged_at: float
    placed: Placement
    ended: tuple[str, str] | None


class Runner(Protocol):
    """Runs tasks. All methods are called from the event loop."""

    host: str
    """The address under which tasks are reached, from here and from inside tasks."""

    def watch(self, ended: Ended) -> None:
        """Start to report ends of tasks."""

    async def launch(self, app: App, task_id: str, staged_at: float) -> Placement:
        """Start a task. Raises LaunchError."""

    async def signal(self, placed: Placement, name: str) -> None:
        """Send SIGTERM or SIGKILL; a task that is already gone is no error."""

    async def ending(self, placed: Placement) -> tuple[str, str] | None:
        """Return the state and message with which a task ended, None while it runs or if unknown."""

    async def remove(self, placed: Placement) -> None:
        """Remove the remains of an ended task."""

    async def execute(self, placed: Placement, command: str, timeout: float) -> Result:
        """Run a shell command inside a task; exit status 0 within `timeout` seconds passes."""

    async def adopt(self) -> list[AdoptedTask]:
        """Return the tasks that an earlier process with the same state left behind."""

    async def close(self) -> None:
        """Close the connection to the engine; tasks stay."""
