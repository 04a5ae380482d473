"""Prove that the tasks of a stopped app have ended, and are not merely out of Marathon's sight.

An agent that is cut off keeps its tasks running: Mesos calls them unreachable, and Marathon forgets them, by
default at once and so between two polls. An empty list of tasks alone therefore proves nothing; the status that
Mesos sends at the end of each task does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from harness.common.waits import NotReadyError, Retry, wait_until
from harness.errors import InfrastructureError
from harness.marathon.definition import text
from harness.marathon.events import TASK_STATUS, Event, EventStream
from harness.marathon.model import AppState, Task

ENDED = {f"TASK_{state}" for state in ("FINISHED", "FAILED", "KILLED", "ERROR")}
"""States of tasks whose end an agent has reported."""
CERTAIN = ENDED | {f"TASK_{state}" for state in ("STAGING", "STARTING", "RUNNING", "KILLING")}
"""States of tasks whose end was reported, or on which an agent still reports."""
LATEST_STATUS = 10.0
"""Seconds within which the status of a task arrives that is in no list any more."""
ASK_THE_DATABASE = (
    "let the backup command ask the database server whether a connection of RT's is left, and say so: "
    "--without-events"
)


class StopUnprovenError(InfrastructureError):
    """Raised if no task is listed, but one may run all the same."""


@dataclass
class StopProof:
    """The last known state of each task of an app that was listed or heard of. The end of a task is final."""

    app_id: str
    states: dict[str, str] = field(default_factory=dict)

    def record(self, tasks: Iterable[Task], events: Iterable[Event] = ()) -> None:
        """Record the states that Marathon reports: in events, and in a newer list of tasks."""
        reported = [
            (text(event.data.get("taskId")), text(event.data.get("taskStatus")))
            for event in events
            if event.type == TASK_STATUS and event.app_id == self.app_id
        ]
        for task_id, state in [*reported, *((task.id, task.state) for task in tasks)]:
            if self.states.get(task_id) not in ENDED:
                self.states[task_id] = state

    def record_app(self, app: AppState | None, events: Iterable[Event] = ()) -> None:
        """Record the events, a newer look at the app, and the end of the task that crashed last.

        TASK_KILLED as the last failure is what a health check has ordered, and no end.
        """
        failure = app.last_failure if app else None
        if failure is not None and failure.state == "TASK_FAILED":
            self.states[failure.task_id] = failure.state
        self.record(app.tasks if app else (), events)

    @property
    def open(self) -> dict[str, str]:
        """The tasks of which no end was reported, with the reason to doubt it."""
        return {
            name: "no status of its end" if state in CERTAIN else state
            for name, state in self.states.items()
            if state not in ENDED
        }

    @property
    def out_of_reach(self) -> dict[str, str]:
        """The tasks whose last known state is an uncertain one, and that state."""
        return {name: state for name, state in self.states.items() if state not in CERTAIN}

    def require_in_reach(self) -> None:
        """Raise StopUnprovenError if a task was last called unreachable, lost or the like."""
        self._require_none(self.out_of_reach)

    def require_ended(
        self, stream: EventStream | None, interval: float, among: Collection[str] | None = None
    ) -> None:
        """Raise StopUnprovenError unless the end of every task was reported, at the latest within LATEST_STATUS.

        interval: seconds between two looks. among: only these tasks.
        """

        def doubtful() -> dict[str, str]:
            return {name: why for name, why in self.open.items() if among is None or name in among}

        def reported() -> None:
            self.record((), stream.take() if stream else ())
            if doubtful() and not self.out_of_reach and stream is not None and stream.available:
                raise Retry(f"{len(doubtful())} task(s) of which no end was reported")

        with suppress(NotReadyError):
            wait_until("The status of each task", reported, LATEST_STATUS, interval=interval)
        self._require_none(doubtful(), f"; or {ASK_THE_DATABASE}" if not self.out_of_reach else "")

    def _require_none(self, doubtful: dict[str, str], otherwise: str = "") -> None:
        if doubtful:
            named = ", ".join(f"{name} ({why})" for name, why in sorted(doubtful.items())[:3])
            raise StopUnprovenError(
                f"{len(doubtful)} task(s) of {self.app_id} may run on out of Marathon's reach: {named}.",
                repair="end them on their agents, or switch those off; see in the database server's process list "
                f"that no connection of RT's is left; then run it again{otherwise}",
            )


def require_stream(stream: EventStream | None) -> None:
    """Raise StopUnprovenError if there is no event stream, before anything is sent."""
    if stream is None or not stream.available:
        why = stream.trouble if stream else "it is switched off"
        raise StopUnprovenError(
            f"Without Marathon's event stream no stop can be proven, and there is none ({why}); nothing was sent.",
            repair="name in MARATHON_URL the leader itself (GET /v2/leader says who it is), by a way on which "
            f"GET /v2/events works; or {ASK_THE_DATABASE}",
        )
