"""Fields of the events about tasks and deployments; the bus adds eventType and timestamp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.marathon.standin.clock import stamp
from harness.marathon.standin.deployment import Deployment, steps_json
from harness.marathon.standin.model import App
from harness.marathon.standin.placement import Agent
from harness.marathon.standin.render import app_json
from harness.marathon.standin.task import Task, instance_id

ENDINGS = ("deployment_success", "deployment_failed")


def instance_fields(task: Task, condition: str, agent: Agent) -> dict[str, Any]:
    """Return the fields of an instance_changed_event."""
    return {
        "instanceId": instance_id(task.id),
        "condition": condition,
        "runSpecId": task.app.id,
        "agentId": agent.id,
        "host": agent.host,
        "runSpecVersion": task.app.version,
    }


def status_fields(task: Task, message: str, agent: Agent) -> dict[str, Any]:
    """Return the fields of a status_update_event: Mesos's status of a task."""
    placed = task.placed
    return {
        "slaveId": agent.id,
        "taskId": task.id,
        "taskStatus": task.state,
        "message": message,
        "appId": task.app.id,
        "host": agent.host,
        "ipAddresses": [{"ipAddress": placed.ip, "protocol": "IPv4"}] if placed and placed.ip else [],
        "ports": list(placed.host_ports) if placed else [],
        "version": task.app.version,
    }


def failure_fields(task: Task, state: str, message: str, agent: Agent, now: float) -> dict[str, Any]:
    """Return lastTaskFailure, which is no event: the failure of a task at `now`."""
    return {
        "appId": task.app.id,
        "host": agent.host,
        "message": message,
        "state": state,
        "taskId": task.id,
        "timestamp": stamp(now),
        "version": task.app.version,
        "slaveId": agent.id,
    }


def deployment_fields(event: str, deployment: Deployment) -> dict[str, Any]:
    """Return the fields of a deployment's event with its plan, in the heavy form that 1.6 uses by default."""
    plan = {
        "id": deployment.id,
        "original": group(deployment.original, deployment.version),
        "target": group(deployment.target, deployment.version),
        "steps": steps_json(deployment),
        "version": deployment.version,
    }
    current = {"actions": [{"action": a.kind, "app": a.app_id} for a in deployment.running]}
    named: dict[str, Any] = {"id": deployment.id} if event in ENDINGS else {}
    return {**named, "plan": plan, "currentStep": current}


def group(apps: Mapping[str, App | None], version: str) -> dict[str, Any]:
    """Return the root group with those of the apps that exist."""
    return {
        "id": "/",
        "apps": [app_json(app) for app in apps.values() if app is not None],
        "groups": [],
        "dependencies": [],
        "version": version,
    }
