"""JSON views for clients: apps with their embedded parts, queue, information and metrics."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Sequence
from typing import Any

from harness.marathon.standin.clock import moment_of, stamp
from harness.marathon.standin.health import counts_as
from harness.marathon.standin.labelselector import matches
from harness.marathon.standin.render import VERSIONS, app_json
from harness.marathon.standin.rollout import Rollout
from harness.marathon.standin.scheduler import Pending
from harness.marathon.standin.state import AppRecord
from harness.marathon.standin.task import RUNNING, STAGING, Task, task_json

Json = dict[str, Any]
ALWAYS_FOR_ONE = frozenset({"counts", "tasks", "lastTaskFailure", "deployments"})
ALWAYS_FOR_LIST = frozenset({"counts", "deployments"})
FORMS = {"failures": {"lastTaskFailure", "tasks", "deployments"}, "tasks": {"tasks", "deployments"}}


def embeds(values: Collection[str]) -> set[str]:
    """Parse embed values: prefixes `apps.` and `app.` mean nothing, unknown values are ignored later."""
    found: set[str] = set()
    for value in values:
        name = value.removeprefix("apps.").removeprefix("app.")
        found |= FORMS.get(name, {name})
    return found


class Views:
    """Reads the state; changes nothing."""

    def __init__(self, rollout: Rollout, dialect: str) -> None:
        """Show the state of one rollout in one dialect."""
        self.rollout, self.dialect = rollout, dialect
        self.state, self.scheduler, self.clock = rollout.state, rollout.scheduler, rollout.clock

    # Apps

    def app(self, known: AppRecord, wanted: Collection[str]) -> Json:
        """Return one app with the wanted parts: counts, deployments, tasks, readiness and so on."""
        shown = app_json(known.app, self.dialect)
        tasks = self.state.tasks_of(known.app.id)
        if "counts" in wanted:
            shown |= counts(tasks)
        if "deployments" in wanted:
            shown["deployments"] = [
                {"id": d.id} for d in self.state.deployments.values() if known.app.id in d.affected
            ]
        if "tasks" in wanted:
            shown["tasks"] = [self.task(task) for task in tasks]
        if "lastTaskFailure" in wanted and known.last_failure:
            shown["lastTaskFailure"] = known.last_failure
        if "readiness" in wanted:
            shown["readinessCheckResults"] = self.rollout.readiness_of(known.app.id)
        if "taskStats" in wanted:
            name = "tasksStats" if self.dialect == "1.10" else "taskStats"
            shown[name] = self.statistics(known, tasks)
        return shown

    def apps(self, wanted: Collection[str], query: Callable[[str], str | None]) -> list[Json]:
        """Return the apps that match the filters cmd, id and label."""
        command, name, label = query("cmd"), query("id"), query("label")
        return [
            self.app(known, wanted)
            for _, known in sorted(self.state.apps.items())
            if (not command or command.lower() in (known.app.cmd or "").lower())
            and (not name or name.lower() in known.app.id.lower())
            and (not label or matches(label, known.app.labels))
        ]

    def task(self, task: Task) -> Json:
        """Return one task."""
        agent = self.scheduler.agent
        return dict(task_json(task, agent.host, agent.id, self.dialect))

    def statistics(self, known: AppRecord, tasks: Sequence[Task]) -> Json:
        """Return taskStats: totals by a task's relation to the last changes; empty groups are absent."""
        info = known.app.version_info
        scaled = moment_of(info.last_scaling_at) if info else 0.0
        configured = info.last_config_change_at if info else ""
        groups = {
            "startedAfterLastScaling": [t for t in tasks if t.staged_at >= scaled],
            "withLatestConfig": [t for t in tasks if t.app.version >= configured],
            "withOutdatedConfig": [t for t in tasks if t.app.version < configured],
            "totalSummary": list(tasks),
        }
        return {name: {"stats": self._stats(group)} for name, group in groups.items() if group}

    def _stats(self, tasks: Sequence[Task]) -> Json:
        totals = counts(tasks)
        names = ("staged", "running", "healthy", "unhealthy")
        shown: Json = {"counts": {name: totals[f"tasks{name.capitalize()}"] for name in names}}
        lives = [self.clock.now() - task.started_at for task in tasks if task.started_at is not None]
        if lives:
            shown["lifeTime"] = {
                "averageSeconds": statistics.fmean(lives),
                "medianSeconds": statistics.median(lives),
            }
        return shown

    # The rest

    def queue(self, *, offers: bool) -> list[Json]:
        """Return the apps that wait to launch tasks; overdue means that they wait for a place."""
        return [self._queued(pending, offers) for pending in self.scheduler.queue.values()]

    def _queued(self, pending: Pending, offers: bool) -> Json:
        left = self.state.backoff.left(pending.app, self.clock.now())
        refused = sum(pending.refusals.values())
        summary = {
            "processedOffersCount": pending.processed,
            "unusedOffersCount": refused,
            "rejectSummaryLastOffers": [
                {"reason": reason, "declined": number, "processed": number}
                for reason, number in sorted(pending.refusals.items())
            ],
            "rejectSummaryLaunchAttempt": [],
        }
        shown: Json = {
            "app": app_json(pending.app, self.dialect),
            "count": pending.count,
            "delay": {"timeLeftSeconds": round(left), "overdue": left <= 0},
            "since": stamp(pending.since),
            "processedOffersSummary": summary,
        }
        if self.dialect == "1.10":
            shown["role"] = shown["app"]["role"]
        return shown | ({"lastUnusedOffers": []} if offers else {})

    def info(self, port: int) -> Json:
        """Return /v2/info."""
        leader = f"{self.scheduler.agent.host}:{port}"
        return {
            "name": "marathon",
            "version": VERSIONS[self.dialect],
            "buildref": "standin",
            "elected": True,
            "leader": leader,
            "frameworkId": f"{self.state.identity}-0000",
            "marathon_config": {"hostname": self.scheduler.agent.host, "framework_name": "marathon"},
            "zookeeper_config": {"zk": "", "zk_timeout": 10000},
            "http_config": {"http_port": port, "https_port": 8443},
        }

    def metrics(self) -> Json:
        """Return totals under the names that 1.7 and later give them."""
        totals = counts(list(self.state.tasks.values()))
        gauges = {
            "marathon.apps.active.gauge": len(self.state.apps),
            "marathon.deployments.active.gauge": len(self.state.deployments),
            "marathon.instances.running.gauge": totals["tasksRunning"],
            "marathon.instances.staged.gauge": totals["tasksStaged"],
        }
        return {
            "version": "4.0.0",
            "counters": {},
            "gauges": {name: {"value": value} for name, value in gauges.items()},
            "histograms": {},
            "meters": {},
            "timers": {},
        }


def counts(tasks: Sequence[Task]) -> Json:
    """Return tasksStaged, tasksRunning, tasksHealthy and tasksUnhealthy."""
    health = [counts_as(task.records) for task in tasks if task.state == RUNNING]
    return {
        "tasksStaged": sum(task.state == STAGING for task in tasks),
        "tasksRunning": sum(task.state == RUNNING for task in tasks),
        "tasksHealthy": health.count("healthy"),
        "tasksUnhealthy": health.count("unhealthy"),
    }
