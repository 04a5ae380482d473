"""Poll a deployment: read Marathon, probe the instances, let the watch judge, report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from harness.common import redact
from harness.common.waits import Retry, wait_until
from harness.errors import Block, HarnessError
from harness.marathon.client import Marathon
from harness.marathon.deadline import Deadline, deadline_of, soak_of
from harness.marathon.definition import PULL_ALLOWANCE, App, health_checks
from harness.marathon.errors import PASSING
from harness.marathon.events import EventStream
from harness.marathon.interrupted import OngoingChange
from harness.marathon.live_rule import Snapshot, Wanted, is_fresh
from harness.marathon.model import AppState
from harness.marathon.probe import Probe, ProbeFor, ProbeResult, rt_probe, serving_port
from harness.marathon.watch import State, Watch
from harness.verdict import MOST_SAMPLES, Finding

Result = TypeVar("Result")
CHECK = "marathon-deploy"
REPAIR = (
    "see what runs (python -m harness.marathon status ID) and read the logs of its tasks before you deploy again"
)
HALF = 0.5
"""Share of the grace period that a start may take without a warning."""


@dataclass(frozen=True)
class Pace:
    """Times of a deploy in seconds: image pull, poll interval, soak between good polls (None: from the checks).

    patience: how long instances may fail the harness's own probe while Marathon calls them healthy (0: the watch's
    own).
    """

    pull: float = PULL_ALLOWANCE
    interval: float = 0.5
    soak: float | None = None
    patience: float = 0
    deadline: Deadline | None = None
    acceptance_limit: float = 60
    """How long a change of a rollback is repeated while Marathon's errors are temporary."""
    stop: float | None = None
    """How long the end of all tasks may take (None: computed from their kill grace period)."""
    events: bool = True
    """Whether to listen to the event stream; a proxy may block it, and polling works without it."""
    clock: Callable[[], float] = time.monotonic
    """Read once per poll. Tests pass one that advances a stand-in's clock, so that waiting costs no real time."""

    def deadline_for(self, app: App, running: int) -> Deadline:
        """Return the given deadline, or the one computed from the definition."""
        return self.deadline or deadline_of(app, self.pull, running)

    def soak_for(self, app: App) -> float:
        """Return the given soak, or a time in which every check runs once more."""
        return soak_of(app) if self.soak is None else self.soak


@dataclass
class Follower:
    """Follows deployments on one Marathon. `probe_for` makes the probe for a definition.

    ongoing: kept up to date with what continues by itself, for the message at an interruption. unseen_before: it
    is known that the instances running before the deploy cannot be reached from this machine; the deploy may begin
    all the same. without_events: a stop of all tasks counts although no event reported the end of each.
    """

    client: Marathon
    probe_for: ProbeFor = rt_probe
    pace: Pace = field(default_factory=Pace)
    ongoing: OngoingChange = field(default_factory=OngoingChange)
    unseen_before: bool = False
    without_events: bool = False

    def watch(self, wanted: Wanted, definition: App, running: int, *, ask_early: bool = False) -> Watch:
        """Make a watch with the times of a definition that replaces `running` tasks."""
        deadline, soak = self.pace.deadline_for(definition, running), self.pace.soak_for(definition)
        return Watch(wanted, deadline, soak, patience=self.pace.patience, ask_early=ask_early)

    def follow(self, watch: Watch, definition: App, stream: EventStream | None) -> State:
        """Poll until the watch has decided. Raises NotReadyError if Marathon stops answering for good."""
        probe, what = self.probe_for(definition), f"Deployment of {watch.wanted.app_id}"

        def look() -> tuple[Snapshot, float]:
            now = self.pace.clock()
            try:
                return self.take_snapshot(watch, probe, now), now
            except PASSING:
                watch.miss()
                raise

        def poll() -> State:
            interval = self.pace.interval
            snapshot, now = wait_until(what, look, watch.longest_silence, interval=interval, retry_on=PASSING)
            state = watch.observe(snapshot, stream.take() if stream else (), now)
            if state is State.WAITING:
                raise Retry(watch.summary())
            return state

        return wait_until(what, poll, watch.latest_end + 60, interval=self.pace.interval)

    def retry_until_accepted(self, what: str, act: Callable[[], Result], limit: float | None = None) -> Result:
        """Repeat an idempotent request until Marathon answers well. Raises NotReadyError, and permanent errors."""
        seconds = self.pace.acceptance_limit if limit is None else limit
        return wait_until(what, act, seconds, interval=self.pace.interval, retry_on=PASSING)

    def fetch_app(self, app_id: str) -> AppState | None:
        """Return the app's current state, None if there is none. Raises as `retry_until_accepted`."""
        return self.retry_until_accepted(f"A look at {app_id}", lambda: self.client.find_app(app_id))

    def listen(self) -> AbstractContextManager[EventStream | None]:
        """Attach to the event stream, unless it is disabled."""
        return EventStream(self.client) if self.pace.events else nullcontext()

    def take_snapshot(self, watch: Watch, probe: Probe, now: float) -> Snapshot:
        """Take a snapshot. Deployments come first: one that ends in between is then still seen as running."""
        listed = tuple(deployment.id for deployment in self.client.deployments())
        app = self.client.find_app(watch.wanted.app_id)
        snapshot = Snapshot(app, listed)
        if app is None:
            return snapshot
        if watch.wants_probe(snapshot, now):
            return Snapshot(app, listed, probes={task.id: ask(app, task.id, probe) for task in app.tasks})
        new = [task.id for task in app.tasks if is_fresh(task, app, watch.wanted)]
        if not new or not watch.wants_answer:
            return snapshot
        # One at a poll: each may take a probe's whole time-out, and delay the next poll.
        return replace(snapshot, answered=ask(app, new[watch.polls % len(new)], probe).good)

    def finding(self, watch: Watch) -> Finding:
        """Return a finding with the unmet conditions and Marathon's view of the app.

        A bad deployment continues until it is undone: that must not wait for, or fail with, this request.
        """
        wanted = watch.wanted
        app, queue, unready, trouble = None, None, list[str](), ""
        try:
            app = self.client.find_app(wanted.app_id)
            queue = self.client.queued(wanted.app_id)
            unready = self.client.unready(wanted.app_id) if app else []
        except HarnessError as error:
            trouble = error.sentence
        final = [condition.what for condition in watch.unmet if condition.final] or [
            condition.what for condition in watch.unmet
        ]
        blocks: list[Block] = [
            ("Not met", "\n".join(f"{condition.rule}: {condition.what}" for condition in watch.unmet)),
            ("Launch queue", str(queue) if queue else ""),
            ("Tasks", task_table(app)),
            ("Readiness checks", "\n".join(redact.line(line)[:300] for line in unready)),
            ("Not to be had", trouble),
        ]
        return Finding(
            CHECK,
            wanted.app_id,
            f"{wanted.image} was not proven live on {wanted.instances} instance(s): {'; '.join(final[:3])}.",
            samples=tuple(watch.observations.replaced)[:MOST_SAMPLES],
            blocks=tuple(blocks),
            repair=f"see deployment {wanted.deployment_id or 'none'} and the logs of the tasks named here",
        )


def ask(app: AppState, task_id: str, probe: Probe) -> ProbeResult:
    """Probe one task at its own address."""
    task = next(task for task in app.tasks if task.id == task_id)
    where = app.endpoint(task, serving_port(app.definition))
    return probe(*where) if where else ProbeResult(False, task_id, "the task has no address or port")


def task_table(app: AppState | None) -> str:
    """Format the tasks of an app as a table for a report."""
    lines = []
    for task in app.tasks if app else ():
        said = ["alive" if result.alive else f"not alive ({result.cause or 'no cause'})" for result in task.health]
        where = f"{task.host}:{','.join(map(str, task.ports))}"
        lines.append(f"{task.id}  {task.state}  {where}  {', '.join(said) or 'health unknown'}")
    return "\n".join(lines)


MOST_HEALTHY = "most new instances healthy at once"
SERVED_AT_ALL = "a new instance served"
"""Whether one was ever healthy, or answered the harness's own probe with the wanted release."""


def facts_of(watch: Watch, definition: App, stream: EventStream | None) -> dict[str, Any]:
    """Return the facts of a watch for a report.

    Old tasks are those from before: a bad deploy must not lose one. The time from running to the first success is
    compared with the grace period: a start that takes more than half of it may exceed it one day.
    """
    starts, observations = watch.observations.starts, watch.observations
    slowest = max(starts.values(), default=None)
    facts = {
        "deployment": watch.wanted.deployment_id,
        "polls": watch.polls,
        "flips": observations.flapped.total(),
        "events": "none" if stream is None else stream.trouble or "followed",
        "deadline": f"{watch.deadline.wave:g} s without progress, {watch.deadline.total:g} s in all",
        "old tasks": list(observations.old),
        MOST_HEALTHY: observations.most_healthy,
        SERVED_AT_ALL: observations.served,
        "old tasks gone": [name for name, here in observations.old.items() if not here],
        "seconds from running to first healthy": slowest if slowest is None else round(slowest, 1),
    }
    grace = min((check.grace for check in health_checks(definition)), default=0.0)
    if slowest is not None and slowest > grace * HALF:
        facts["warning"] = (
            f"the slowest instance was healthy {slowest:.1f} s after it ran, and the grace period is {grace:g} s: "
            f"make gracePeriodSeconds {math.ceil(slowest / HALF)} or more, or a busy day becomes a restart loop"
        )
    return facts
