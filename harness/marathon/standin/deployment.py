"""The steps of a deployment and their order, and the arithmetic of rolling replacement. All of it is pure.

Facts: Marathon's DeploymentPlan and TaskReplaceActor.computeRestartStrategy (1.4 to 1.9).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from harness.marathon.standin.errors import not_valid
from harness.marathon.standin.model import App

Kind = Literal["StartApplication", "ScaleApplication", "RestartApplication", "StopApplication"]
Apps = Mapping[str, App | None]
"""Definitions by app id; None if the app does not exist (before, or any more)."""


@dataclass(frozen=True)
class Action:
    """One change by a step to one app."""

    kind: Kind
    app_id: str


@dataclass
class Deployment:
    """A change from `original` to `target`, in steps of parallel actions.

    current is the number of the running step, counted from 1; 0 before the first begins. kills names the tasks
    that a scale-down takes first, by app id. cancelled: it does nothing more, and will be over soon.
    """

    id: str
    version: str
    original: dict[str, App | None]
    target: dict[str, App | None]
    steps: list[list[Action]]
    current: int = 0
    kills: dict[str, list[str]] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def affected(self) -> list[str]:
        """Return the ids of the apps that it changes, in plan order."""
        return list(dict.fromkeys(action.app_id for step in self.steps for action in step))

    @property
    def running(self) -> list[Action]:
        """Return the actions of the current step."""
        return self.steps[self.current - 1] if 0 < self.current <= len(self.steps) else []


@dataclass(frozen=True)
class RestartStrategy:
    """The bounds of one rolling replacement, in tasks."""

    minimum_healthy: int
    maximum_capacity: int
    kill_now: int


def restart_strategy(app: App, running: int) -> RestartStrategy:
    """Compute the bounds for an app with its new definition while `running` tasks of it run.

    If the bounds leave no room at all, one task more than the strategy says is allowed (not for resident apps),
    because nothing could ever be replaced otherwise.
    """
    # Plain doubles, unrounded, as in Marathon: there 100 x 0.07 is 8 tasks as well.
    minimum = math.ceil(app.instances * app.strategy.minimum_health_capacity)
    maximum = math.floor(app.instances * (1 + app.strategy.maximum_over_capacity))
    if minimum == maximum and maximum <= running and not app.residency:
        maximum += 1
    return RestartStrategy(minimum, maximum, max(0, running - minimum))


def levels(apps: Mapping[str, App]) -> list[list[str]]:
    """Group app ids so that each comes after its dependencies. Raises ApiError 422 for a cycle."""
    # A dependency may name a group: then it is on every app inside.
    graph = {
        app_id: {
            other
            for other in apps
            for wanted in app.dependencies
            if other != app_id and (other == wanted or other.startswith(wanted.rstrip("/") + "/"))
        }
        for app_id, app in apps.items()
    }
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError:
        raise not_valid([("/dependencies", "Dependency graph has cyclic dependencies.")]) from None
    found = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found.append(ready)
        sorter.done(*ready)
    return found


def action_for(app: App, before: App | None, restart: bool) -> Action | None:
    """Return the action that brings an app to its new definition, or None if there is nothing to do."""
    if before is None:
        return Action("ScaleApplication", app.id)
    if not restart and app.configuration() == before.configuration():
        return None if app.instances == before.instances else Action("ScaleApplication", app.id)
    return Action("ScaleApplication" if app.instances == 0 else "RestartApplication", app.id)


def plan(original: Apps, target: Apps, restarts: Collection[str] = ()) -> list[list[Action]]:
    """Return the steps: stops, then starts (to 0 tasks), then scaling and restarts by dependency level.

    restarts: ids to be restarted although their definition stays the same. An empty list is a valid plan.
    """
    wanted = {app_id: app for app_id, app in target.items() if app is not None}
    gone = [app_id for app_id, app in original.items() if app is not None and app_id not in wanted]
    new = [app_id for app_id in wanted if original.get(app_id) is None]
    steps = [[Action("StopApplication", app_id) for app_id in sorted(gone)]]
    steps.append([Action("StartApplication", app_id) for app_id in sorted(new)])
    for level in levels(wanted):
        found = [action_for(wanted[i], original.get(i), i in restarts) for i in level]
        steps.append([action for action in found if action is not None])
    return [step for step in steps if step]


def deployment_json(deployment: Deployment, readiness: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return a deployment as GET /v2/deployments shows it; readiness: check results by app id."""
    return {
        "id": deployment.id,
        "version": deployment.version,
        "affectedApps": deployment.affected,
        "affectedPods": [],
        "steps": steps_json(deployment),
        "currentActions": [
            {"action": a.kind, "app": a.app_id, "readinessCheckResults": readiness.get(a.app_id, [])}
            for a in deployment.running
        ],
        "currentStep": deployment.current,
        "totalSteps": len(deployment.steps),
    }


def steps_json(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the steps with their actions."""
    return [{"actions": [{"action": a.kind, "app": a.app_id} for a in step]} for step in deployment.steps]
