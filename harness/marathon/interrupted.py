"""Handle an interruption: changes started on a Marathon continue, and the user must be told about them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from harness.common import interrupts
from harness.errors import InfrastructureError

NOTHING = "Nothing was changed."


class Phase(Enum):
    """Progress of a change that was requested from a Marathon."""

    UNTOUCHED = auto()
    REQUESTED = auto()
    DEPLOYING = auto()
    ROLLING_BACK = auto()
    STOPPING = auto()
    STOPPED = auto()
    PROVEN = auto()


@dataclass
class OngoingChange:
    """State that continues without supervision.

    deployment_id: the deployment of the phase, empty if none is known. database_upgraded: it no longer fits the
    old release.
    """

    phase: Phase = Phase.UNTOUCHED
    app_id: str = ""
    deployment_id: str = ""
    database_upgraded: bool = False

    def enter(self, phase: Phase, app_id: str, deployment_id: str = "") -> None:
        """Set the current state."""
        self.phase, self.app_id, self.deployment_id = phase, app_id, deployment_id

    @property
    def message(self) -> str:
        """Return what an interruption at this moment leaves behind, and what to do."""
        app, look = self.app_id, f"look with `python -m harness.marathon status {self.app_id}`"
        named = f"(deployment {self.deployment_id or 'unknown'})"
        sentences = {
            Phase.UNTOUCHED: NOTHING,
            Phase.REQUESTED: f"Whether Marathon took the change of {app} is not known: {look}, and {self._undo()}",
            Phase.DEPLOYING: f"Deployment {self.deployment_id} of {app} goes on unwatched: {look}. "
            f"If it is no good, nobody takes it back: {self._undo()}",
            Phase.ROLLING_BACK: f"The rollback of {app} {named} goes on unwatched, and nothing proves the old "
            f"release live: {look}.",
            Phase.STOPPING: f"The stop of {app} {named} goes on: {look}.",
            Phase.STOPPED: f"Every instance of {app} has stopped.",
            Phase.PROVEN: f"What was asked for had come to its end: {look}.",
        }
        if self.phase is Phase.DEPLOYING and not self.deployment_id:  # the PUT changed nothing
            return f"What runs of {app} now is not proven: {look}."
        return sentences[self.phase]

    def _undo(self) -> str:
        if self.database_upgraded:
            return "scale the app to 0, and restore the backup before the old release is started."
        if self.phase is Phase.REQUESTED:
            return "take a deployment that is no good back with DELETE /v2/deployments/<id>."
        return (
            f"DELETE /v2/deployments/{self.deployment_id} does while it runs, after that a deploy of the old "
            "definition."
        )


def report_if_interrupted(work: Callable[[], int], left: Callable[[], str]) -> int:
    """Run `work`; if it is interrupted, print what is left behind, because no rollback happens then.

    left: returns what is left behind, called at that moment. Returns the exit code for "not proven" then.
    """
    with interrupts.signals_as_interrupt():
        try:
            return work()
        except KeyboardInterrupt:
            with suppress(OSError):  # the terminal itself may be gone
                print(f"\nInterrupted. {left()}", file=sys.stderr)
            return InfrastructureError.exit_code
