"""Carry deployments out, step by step, from the current state.

Every decision is made anew from tasks and definitions whenever an app's state changes, so a deployment continues
after a restart of the stand-in from the current state.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection
from typing import Any

from harness.marathon.standin.action_state import ActionState, victims
from harness.marathon.standin.deployment import Action, Deployment, restart_strategy
from harness.marathon.standin.event_fields import deployment_fields
from harness.marathon.standin.model import App
from harness.marathon.standin.monitor import Monitor
from harness.marathon.standin.readiness import Readiness
from harness.marathon.standin.scheduler import Scheduler
from harness.marathon.standin.task import Task

CANCEL_TAKES = 0.05
"""Real seconds from the request to cancel a deployment to its end: Marathon needs some, and clients see them."""


class Rollout:
    """Drives the steps of all deployments, and keeps other apps at their number of tasks."""

    def __init__(self, scheduler: Scheduler, monitor: Monitor, readiness: Readiness) -> None:
        """Subscribe to every change."""
        self.scheduler, self.monitor, self.readiness = scheduler, monitor, readiness
        self.state, self.bus, self.clock = scheduler.state, scheduler.bus, scheduler.clock
        self.action_states: dict[str, ActionState] = {}
        self.ending: dict[str, asyncio.Event] = {}
        self.stopped = False

    # Deployments

    def start(self, deployment: Deployment, after: Collection[Deployment] = ()) -> None:
        """List a deployment, and begin its first step after the current request is answered and others are over.

        after: deployments that were cancelled for it.
        """
        self.state.deployments[deployment.id] = deployment
        self.clock.spawn(self._begin(deployment, [self.ending[other.id] for other in after]))

    async def _begin(self, deployment: Deployment, after: Collection[asyncio.Event]) -> None:
        for ending in after:
            await ending.wait()
        if deployment.id in self.state.deployments and deployment.current == 0 and not deployment.cancelled:
            self._next_step(deployment)

    def resume(self, deployment: Deployment) -> None:
        """Continue a deployment that an earlier process left in the middle of a step."""
        if deployment.current == 0:
            self._next_step(deployment)
        else:
            self._enter(deployment)

    def cancel(self, deployment: Deployment) -> None:
        """Stop a deployment without undoing anything. Until it is over it is listed and locks its apps."""
        if deployment.cancelled:
            return
        deployment.cancelled = True
        self.ending[deployment.id] = asyncio.Event()
        for app_id in deployment.affected:
            self.action_states.pop(app_id, None)
        self._ask_no_more(deployment)
        self.clock.spawn(self._end_cancelled(deployment))

    async def _end_cancelled(self, deployment: Deployment) -> None:
        await asyncio.sleep(CANCEL_TAKES)
        del self.state.deployments[deployment.id]
        if deployment.current:
            self.tell("deployment_step_failure", deployment)
        self.tell("deployment_failed", deployment)
        self.ending.pop(deployment.id).set()

    def _next_step(self, deployment: Deployment) -> None:
        if deployment.current:
            self.tell("deployment_step_success", deployment)
        if deployment.current == len(deployment.steps):
            self.state.deployments.pop(deployment.id, None)
            self._ask_no_more(deployment)
            self.tell("deployment_success", deployment)
            self.state.save(self.clock.now())
            return
        deployment.current += 1
        self._enter(deployment)

    def _enter(self, deployment: Deployment) -> None:
        self.tell("deployment_info", deployment)
        self.state.save(self.clock.now())
        for action in deployment.running:
            self._prepare(deployment, action)
        for action in deployment.running:
            self.drive(action.app_id)

    def _prepare(self, deployment: Deployment, action: Action) -> None:
        under_way = ActionState(action)
        self.action_states[action.app_id] = under_way
        app = deployment.target.get(action.app_id)
        tasks = self.state.tasks_of(action.app_id)
        under_way.found = {task.id for task in tasks if app is None or task.app.version != app.version}
        if action.kind == "StopApplication" or app is None:
            return
        self.monitor.register(app)
        if action.kind == "RestartApplication":
            running = [task.id for task in tasks if task.started_at is not None and not task.killing]
            under_way.strategy = restart_strategy(app, len(running))
            under_way.queue = [task_id for task_id in running if task_id in under_way.found]
            self.state.backoff.reset(app.id)
        elif action.kind == "ScaleApplication":
            for task_id in deployment.kills.get(app.id, []):
                if task_id in self.state.tasks:
                    self.scheduler.kill(self.state.tasks[task_id])

    # Apps

    def drive(self, app_id: str) -> None:
        """Do what an app's action, or its number of instances, requires now."""
        if self.stopped:
            return
        under_way = self.action_states.get(app_id)
        if under_way is None:
            self._keep(app_id)
            return
        deployment = next((d for d in self.state.deployments.values() if under_way.action in d.running), None)
        if deployment is None or under_way.done:
            return
        app = deployment.target.get(app_id)
        tasks = self.state.tasks_of(app_id)
        if under_way.action.kind == "StartApplication":
            under_way.done = True
        elif app is None:
            under_way.done = self._stop(app_id, tasks)
        elif under_way.action.kind == "ScaleApplication":
            under_way.done = self._scale(app, tasks, under_way)
        else:
            under_way.done = self._replace(app, tasks, under_way)
        if under_way.done and all(self._is_done(action) for action in deployment.running):
            for action in deployment.running:
                del self.action_states[action.app_id]
            self._next_step(deployment)

    def _is_done(self, action: Action) -> bool:
        under_way = self.action_states.get(action.app_id)
        return under_way is not None and under_way.done

    def _keep(self, app_id: str) -> None:
        """Replace lost tasks outside of a deployment; surplus ones are left alone."""
        known = self.state.apps.get(app_id)
        listed = [d for d in self.state.deployments.values() if app_id in d.affected]
        waiting = any(d.current == 0 and not d.cancelled for d in listed)
        if known is not None and not waiting:
            # A task that is being killed keeps its place until it is dead: its ports are still in use.
            self.scheduler.want(known.app, known.app.instances - len(self.state.tasks_of(app_id)))

    def _stop(self, app_id: str, tasks: list[Task]) -> bool:
        if app_id in self.scheduler.queue:
            self.scheduler.want(self.scheduler.queue[app_id].app, 0)
        for task in tasks:
            self.scheduler.kill(task)
        if not tasks:
            self.bus.publish("app_terminated_event", appId=app_id)
        return not tasks

    def _scale(self, app: App, tasks: list[Task], under_way: ActionState) -> bool:
        staying = [task for task in tasks if not task.killing]
        surplus = len(staying) - app.instances
        self.scheduler.want(app, app.instances - len(tasks))
        for task in victims(app, staying, surplus) if surplus > 0 else []:
            self.scheduler.kill(task)
        new = [task for task in staying if task.id not in under_way.found]
        for task in new:
            self.readiness.watch(task)
        return len(tasks) == app.instances and not self.scheduler.pending(app.id) and all(t.counts for t in new)

    def _replace(self, app: App, tasks: list[Task], under_way: ActionState) -> bool:
        """Continue a rolling replacement; return whether it is over.

        As in TaskReplaceActor, old tasks are queued in the order of their launch, whatever the app's killSelection
        and their health say. A task that dies by itself keeps its place: its turn is wasted.
        """
        assert under_way.strategy is not None
        old = [task for task in tasks if task.id in under_way.found]
        new = [task for task in tasks if task.id not in under_way.found]
        for task in new:
            self.readiness.watch(task)
        under_way.counted |= {task.id for task in new if task.counts}
        counting = sum(task.counts for task in new)
        turns = under_way.strategy.kill_now + len(under_way.counted)
        if counting >= app.instances:
            turns = len(under_way.queue)
        for task in old:
            # The bounds count running tasks: a task still starting would hold a place that is never freed.
            if task.started_at is None or task.id in under_way.queue[:turns]:
                self.scheduler.kill(task)
        room = under_way.strategy.maximum_capacity - len(old) - len(new)
        self.scheduler.want(app, min(app.instances - len(new), room))
        return not old and counting == len(new) == app.instances

    # Readiness and events

    def readiness_of(self, app_id: str) -> list[dict[str, Any]]:
        """Return the results of an app's readiness check, for the tasks launched by its running action.

        Marathon keeps results with the deployment, and drops them with it.
        """
        under_way = self.action_states.get(app_id)
        if under_way is None:
            return []
        new = [task for task in self.state.tasks_of(app_id) if task.id not in under_way.found]
        return [task.readiness for task in new if task.readiness is not None]

    def _ask_no_more(self, deployment: Deployment) -> None:
        for app_id in deployment.affected:
            for task in self.state.tasks_of(app_id):
                self.readiness.forget(task)

    def tell(self, event: str, deployment: Deployment) -> None:
        """Publish one of a deployment's events."""
        self.bus.publish(event, **deployment_fields(event, deployment))


def new_deployment_id() -> str:
    """Make a deployment id."""
    return str(uuid.uuid4())
