"""Decide whether the deployed release is live: a pure rule on snapshots, and what was observed between them.

A finished Marathon deployment, an empty list of deployments, a healthy count: none proves by itself that the
wanted release serves. The rule requires all of them at once, twice in a row, far enough apart that every health
check has run again in between. A condition that can no longer become true (a task replaced, a failure after the
PUT) ends the watch at once, so that a bad deploy is rolled back as soon as it shows and not at the deadline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harness.marathon.definition import health_checks
from harness.marathon.events import Event
from harness.marathon.model import AppState, Task, TaskFailure, moment
from harness.marathon.probe import ProbeResult


@dataclass(frozen=True)
class Wanted:
    """The wanted definition. `since` is the version that the PUT returned: Marathon's clock, not the local one.

    `also` is an equally good version: that of the definition which a rollback restores, or which a PUT without any
    change leaves alone. `leaving` are tasks that had been told to stop before, and may go. After a restart
    (`restarted`) the definition is unchanged, and only tasks newer than the restart count.
    """

    app_id: str
    image: str
    instances: int
    deployment_id: str
    since: datetime | None
    also: datetime | None = None
    leaving: frozenset[str] = frozenset()
    restarted: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The state of Marathon and the instances at one moment. `probes` is None if no verdict was due.

    answered: whether a new instance answered with the wanted release all the same.
    """

    app: AppState | None
    deployments: tuple[str, ...] = ()
    probes: Mapping[str, ProbeResult] | None = None
    answered: bool = False


@dataclass(frozen=True)
class Unmet:
    """A condition that does not hold. `final`: it can no longer become true."""

    rule: str
    what: str
    final: bool = False


@dataclass
class Observations:
    """The accumulated content of earlier snapshots and events."""

    succeeded: bool = False
    failed: bool = False
    answered: bool = False
    seen: dict[str, Task] = field(default_factory=dict)
    vanished: dict[str, str] = field(default_factory=dict)
    surplus: int | None = None
    flips: Counter[str] = field(default_factory=Counter)
    heard_flips: Counter[str] = field(default_factory=Counter)
    alive: dict[tuple[str, int], bool] = field(default_factory=dict)
    heard_alive: dict[str, bool] = field(default_factory=dict)
    heard_served: bool = False
    aggregated: set[str] = field(default_factory=set)
    """Instances with an event about their state over all checks, for which events of single checks are ignored."""
    kills: list[str] = field(default_factory=list)
    most_healthy: int = 0
    old: dict[str, bool] = field(default_factory=dict)
    """Tasks from before the deploy, and whether each still existed at the last snapshot."""

    def add_events(self, events: Iterable[Event], wanted: Wanted) -> None:
        """Add events; those of other apps and deployments are ignored."""
        for event in events:
            if event.data.get("id") == wanted.deployment_id and wanted.deployment_id:
                self.succeeded |= event.type == "deployment_success"
                self.failed |= event.type == "deployment_failed"
            made = moment(event.data.get("version") or event.data.get("runSpecVersion"))
            fresh = made is not None and wanted.since is not None and made >= wanted.since
            if event.app_id != wanted.app_id or not (fresh or made == wanted.also is not None):
                continue
            if event.type == "instance_health_changed_event":
                self.aggregated.add(event.subject)
            elif event.type == "health_status_changed_event" and event.subject in self.aggregated:
                continue
            healthy = event.data.get("healthy", event.data.get("alive"))
            if isinstance(healthy, bool):
                self.heard_served |= healthy
                self.heard_flips[event.subject] += self.heard_alive.get(event.subject, False) and not healthy
                self.heard_alive[event.subject] = healthy
            if event.type.startswith("unhealthy_") and event.type.endswith("_kill_event"):
                self.kills.append(f"{event.subject}: {event.data.get('reason', '')}")

    @property
    def flapped(self) -> Counter[str]:
        """Changes from alive to not alive, by task: the larger of the numbers seen in polls and in events."""
        return max(self.flips, self.heard_flips, key=lambda counter: counter.total())

    @property
    def starts(self) -> dict[str, float]:
        """Seconds from running to first healthy, by task, on Marathon's own clock, if it ever was healthy."""
        return {
            name: max((first - task.started_at).total_seconds() for first in firsts)
            for name, task in self.seen.items()
            if task.started_at
            and (firsts := [result.first_success for result in task.health if result.first_success])
        }

    @property
    def served(self) -> bool:
        """Whether a new task was ever healthy (at a poll, by its record, by an event), or answered the harness."""
        healthy = self.heard_served or self.most_healthy > 0 or any(task.served for task in self.seen.values())
        return healthy or self.answered

    @property
    def replaced(self) -> dict[str, str]:
        """Tasks that disappeared although the number of instances was not reduced."""
        return dict(list(self.vanished.items())[self.surplus or 0 :])

    def add_snapshot(self, snapshot: Snapshot, wanted: Wanted) -> None:
        """Add a snapshot: new and disappeared tasks, and changes from alive to not alive."""
        self.answered |= snapshot.answered
        if snapshot.app is None:
            return
        fresh = {task.id: task for task in snapshot.app.tasks if is_fresh(task, snapshot.app, wanted)}
        here = {task.id for task in snapshot.app.tasks}
        self.old = {name: name in here for name in [*self.old, *sorted(here - {*fresh, *self.seen})]}
        if self.surplus is None and reached(snapshot.app, wanted):
            self.surplus = max(0, len(fresh) - wanted.instances)
        for name, task in self.seen.items():
            if name not in fresh and name not in wanted.leaving:
                causes = ", ".join(result.cause for result in task.health if result.cause)
                health = "alive" if task.alive else "not alive" if task.known else "health unknown"
                self.vanished.setdefault(name, causes or f"last seen {task.state}, {health}")
        self.seen |= fresh
        for task in fresh.values():
            for index, result in enumerate(task.health):
                before = self.alive.get((task.id, index), False)
                self.flips[task.id] += before and not result.alive
                self.alive[task.id, index] = result.alive
        self.most_healthy = max(self.most_healthy, sum(task.alive for task in fresh.values()))


def is_fresh(task: Task, app: AppState, wanted: Wanted) -> bool:
    """Tell whether a task runs the wanted definition and not the previous one."""
    after, accepted = _since(app, wanted), reached(app, wanted)
    return accepted and task.version is not None and after is not None and task.version >= after


def _since(app: AppState, wanted: Wanted) -> datetime | None:
    return app.last_scaling if wanted.restarted else app.last_config_change


def reached(app: AppState, wanted: Wanted) -> bool:
    """Tell whether the app shows the wanted definition, not the previous one or a third one."""
    if wanted.since is None or app.version is None:
        return app.version is not None
    return app.version >= wanted.since or app.version == wanted.also


def unmet(snapshot: Snapshot, wanted: Wanted, observations: Observations) -> list[Unmet]:
    """Return every condition of the gate rule that the snapshot does not meet. Pure."""
    app = snapshot.app
    if app is None:
        return [Unmet("app", f"{wanted.app_id} does not exist")]
    return [
        *_deployment(snapshot, app, wanted, observations),
        *_definition(app, wanted),
        *_counts(app, wanted),
        *_history(app, wanted, observations),
        *_probes(snapshot, app),
    ]


def _deployment(snapshot: Snapshot, app: AppState, wanted: Wanted, observations: Observations) -> Iterable[Unmet]:
    if observations.failed:
        yield Unmet(
            "deployment", f"deployment {wanted.deployment_id} failed or was cancelled by somebody", final=True
        )
    if wanted.deployment_id in snapshot.deployments or wanted.deployment_id in app.deployments:
        yield Unmet("deployment", f"deployment {wanted.deployment_id} is still running")
    if not observations.succeeded and not reached(app, wanted):
        yield Unmet("deployment", f"no success of it was seen and the app is still at version {app.version_text}")


def _definition(app: AppState, wanted: Wanted) -> Iterable[Unmet]:
    if app.image != wanted.image:
        yield Unmet("image", f"the app's image is {app.image or 'none'} instead of {wanted.image}")
    old = [task.id for task in app.tasks if not is_fresh(task, app, wanted)]
    if old:
        yield Unmet("task version", f"{len(old)} task(s) run an older version: {', '.join(sorted(old)[:3])}")
    if app.instances != wanted.instances:
        yield Unmet("instances", f"the app is set to {app.instances} instance(s) instead of {wanted.instances}")
    if not health_checks(app.definition) and wanted.instances:
        yield Unmet("health", "the app has no health check, so Marathon knows nothing of its health", final=True)


def _counts(app: AppState, wanted: Wanted) -> Iterable[Unmet]:
    for name, count in (("running", app.running), ("healthy", app.healthy)):
        if count != wanted.instances:
            yield Unmet("counts", f"{count} of {wanted.instances} task(s) {name}")
    if app.unhealthy:
        causes = sorted(
            {result.cause for task in app.tasks for result in task.health if result.cause and not result.alive}
        )
        yield Unmet("counts", f"{app.unhealthy} task(s) unhealthy" + (f": {'; '.join(causes)}" if causes else ""))
    if app.staged:
        yield Unmet("counts", f"{app.staged} task(s) staged")


def _history(app: AppState, wanted: Wanted, observations: Observations) -> Iterable[Unmet]:
    for name, why in observations.replaced.items():
        yield Unmet("replaced", f"task {name} was replaced while waiting ({why})", final=True)
    for kill in observations.kills:
        yield Unmet("killed", f"its health check killed a task: {kill}", final=True)
    failure = app.last_failure
    if failure is None or wanted.since is None or failure.timestamp is None:
        return
    # The record is sticky: it may be older, and after a rollback it is that of the bad version.
    others = wanted.also is not None and failure.version not in (None, wanted.also, app.version)
    if failure.timestamp >= wanted.since and not others and not _of_old_tasks(failure, app, wanted):
        yield Unmet("last failure", f"task {failure.task_id} ended {failure.state}: {failure.message}", final=True)


def _of_old_tasks(failure: TaskFailure, app: AppState, wanted: Wanted) -> bool:
    """Tell whether the failed task is one from before the deploy: its failure may be the reason for the deploy."""
    after = _since(app, wanted)
    if failure.version is None or after is None or not reached(app, wanted):
        return False
    return failure.version < after and failure.version != wanted.also


def _probes(snapshot: Snapshot, app: AppState) -> Iterable[Unmet]:
    if snapshot.probes is None:
        return
    for task in app.tasks:
        result = snapshot.probes.get(task.id)
        if result is None:
            yield Unmet("probe", f"task {task.id} was not asked")
        elif not result.good:
            yield Unmet("probe", f"{result.where} (task {task.id}): {result.said}")
