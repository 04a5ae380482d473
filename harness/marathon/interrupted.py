"""Being ended in the middle: what was set going on a Marathon goes on, and whoever ended us must look after it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from harness.errors import InfrastructureError

ENDS = (signal.SIGTERM, signal.SIGHUP)
"""What a CI server sends, and a terminal that goes away."""
NOTHING = "Nothing was changed."


@dataclass
class Underway:
    """What goes on by itself once nobody watches it.

    said: it as a sentence with what to do; empty when nothing goes on. ended: what came to its end last, if any.
    stopping: whether what goes on is a stop. upgraded: the database is not the old release's any more.
    """

    said: str = ""
    ended: str = ""
    stopping: bool = False
    upgraded: bool = False

    def left(self) -> str:
        """Say what an end at this moment leaves behind."""
        return self.said or self.ended or NOTHING

    def asked(self, app_id: str) -> None:
        """A change was sent, and its answer is not there yet."""
        self.stopping = False
        self.said = (
            f"Whether Marathon took the change of {app_id} is not known: {_look(app_id)}, and take a deployment "
            "that is no good back with DELETE /v2/deployments/<id>."
        )

    def begun(self, app_id: str, deployment_id: str) -> None:
        """A deployment carries the change out; none is known where Marathon had nothing to do."""
        if not deployment_id:
            self.said = f"What runs of {app_id} now is not proven: {_look(app_id)}."
            return
        cancel = f"DELETE /v2/deployments/{deployment_id} does while it runs"
        old = f"{cancel}, after that a deploy of the old definition."
        if self.upgraded:
            old = "scale the app to 0, and restore the backup before the old release is started."
        self.said = (
            f"Deployment {deployment_id} of {app_id} goes on unwatched: {_look(app_id)}. If it is no good, nobody "
            f"takes it back: {old}"
        )

    def going_back(self, app_id: str, deployment_id: str) -> None:
        """A bad deployment is being taken back."""
        self.stopping = False
        which = f"The rollback of {app_id} (deployment {deployment_id})" if deployment_id else "The rollback"
        self.said = f"{which} goes on unwatched, and nothing proves the old release live: {_look(app_id)}."

    def told_to_stop(self, app_id: str, deployment_id: str) -> None:
        """Every instance was told to stop."""
        self.stopping = True
        self.said = f"The stop of {app_id} (deployment {deployment_id or 'unknown'}) goes on: {_look(app_id)}."

    def over(self, app_id: str = "") -> None:
        """It was never taken, or has stopped everything; app_id: it has come to its end, and that was proven."""
        self.said, self.stopping = "", False
        self.ended = f"What was asked for had come to its end: {_look(app_id)}." if app_id else ""


def _look(app_id: str) -> str:
    return f"look with `python -m harness.marathon status {app_id}`"


def told_when_interrupted(work: Callable[[], int], left: Callable[[], str]) -> int:
    """Carry `work` out; when somebody ends it, say what that leaves behind, for nobody goes the way back then.

    left: what is left behind, asked at that moment. Returns the exit code of what is not proven then.
    """
    # What was ignored from the start stays so: that is how nohup keeps a run alive.
    heard = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in heard}
    try:
        return work()
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be what went away
            print(f"\nInterrupted. {left()}", file=sys.stderr)
        return InfrastructureError.exit_code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
    """Treat the end that a CI server asks for like Ctrl-C."""
    raise KeyboardInterrupt
