"""A typed client of Marathon's REST API, on requests.

Each call sends one request: nothing is retried, no redirect is followed, nothing is forced unless the caller says
so. Every refusal is an exception of harness.marathon.errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from harness.marathon.connection import Connection
from harness.marathon.definition import items, mapping
from harness.marathon.errors import AppNotFoundError
from harness.marathon.model import AppState, Change, Deployment, QueueItem, Task

Json = Mapping[str, Any]


class Marathon(Connection):
    """One Marathon."""

    def ping(self) -> bool:
        """Whether a Marathon answers at the address."""
        return "pong" in self.call("GET", "/ping").text

    def info(self) -> Json:
        """Version, leader and configuration."""
        return mapping(self.json("GET", "/v2/info"))

    def app(self, app_id: str) -> AppState:
        """Read one app with counts, tasks, deployments and last failure. Raises AppNotFoundError."""
        return AppState.read(self.expect(_app(app_id), dict, "app"))

    def find_app(self, app_id: str) -> AppState | None:
        """Read one app, None if there is none."""
        try:
            return self.app(app_id)
        except AppNotFoundError:
            return None

    def unready(self, app_id: str) -> list[str]:
        """Return the last readiness check results of tasks that are not ready, one line each."""
        app = self.expect(_app(app_id), dict, "app", embed="app.readiness")
        lines = []
        for result in map(mapping, items(app.get("readinessCheckResults"))):
            if not result.get("ready"):
                said = mapping(result.get("lastResponse"))
                status = f"status {said['status']}" if said.get("status") else "no answer"
                lines.append(
                    f"{result.get('taskId')}: {result.get('name')} is not ready ({status}): {said.get('body', '')}"
                )
        return lines

    def apps(self, **filters: str) -> list[AppState]:
        """Read all apps (filters: cmd, id, label), without their tasks."""
        return [AppState.read(mapping(app)) for app in self.expect("/v2/apps", list, "apps", **filters)]

    def create(self, definition: Json) -> Change:
        """POST a new app. Raises AppExistsError, RejectedError."""
        return self._change("POST", "/v2/apps", dict(definition))

    def put(self, app_id: str, definition: Json, *, force: bool = False, whole: bool = False) -> Change:
        """PUT an app: top-level values replace their old ones. Raises AppLockedError, RejectedError.

        Keys that the definition lacks keep their values; with `whole` they get Marathon's defaults.
        """
        also = {"partialUpdate": False} if whole else {}
        return self._change("PUT", _app(app_id), dict(definition), force=force, **also)

    def _change(self, method: str, path: str, body: Json | None = None, **query: str | bool) -> Change:
        """Send a change and read its answer. Raises NotJsonError if it names neither version nor deployment."""
        made, answer = self.json_and_answer(method, path, body, **query)
        change = Change.read(mapping(made), answer.headers.get("Marathon-Deployment-Id", ""))
        if change.version is None and not change.deployment_id:
            raise self.foreign(f"{method} {path}", answer, "without version and deployment")
        return change

    def scale(self, app_id: str, instances: int, *, force: bool = False) -> Change:
        """Change the number of instances and nothing else."""
        return self.put(app_id, {"instances": instances}, force=force)

    def restart(self, app_id: str, *, force: bool = False) -> Change:
        """Replace every task by a rolling restart with the same definition."""
        return self._change("POST", f"{_app(app_id)}/restart", force=force)

    def delete(self, app_id: str, *, force: bool = False) -> Change:
        """Remove an app. Marathon would force by default; here only if requested."""
        return self._change("DELETE", _app(app_id), force=force)

    def delete_group(self, group: str) -> None:
        """Remove a group with all apps in it. Raises NotFoundError; AppLockedError during a deployment."""
        self.call("DELETE", f"/v2/groups/{quote(group.strip('/'))}")

    def tasks(self, app_id: str) -> list[Task]:
        """Read the tasks of an app."""
        return [Task.read(mapping(task)) for task in self.expect(f"{_app(app_id)}/tasks", list, "tasks")]

    def kill(self, app_id: str, task_id: str, *, scale: bool = False) -> None:
        """Kill one task; Marathon replaces it unless `scale`. Raises TaskNotFoundError."""
        self.call("DELETE", f"{_app(app_id)}/tasks/{quote(task_id)}", scale=scale)

    def version(self, app_id: str, version: str) -> Json:
        """Read the definition as it was in a version. Raises VersionNotFoundError."""
        return mapping(self.json("GET", f"{_app(app_id)}/versions/{quote(version)}"))

    def deployments(self) -> list[Deployment]:
        """List running deployments. A new one may be missing for a moment: an empty list alone proves nothing."""
        return [Deployment.read(mapping(deployment)) for deployment in self.expect("/v2/deployments", list)]

    def cancel(self, deployment_id: str, *, force: bool = False) -> Change | None:
        """Stop a deployment and go back: return the rollback, a deployment of its own that may hang too.

        With `force` Marathon only forgets the deployment: everything stays as it is, and None is returned.
        """
        answer = self.json("DELETE", f"/v2/deployments/{quote(deployment_id)}", force=force)
        return Change.read(mapping(answer)) if answer else None

    def queued(self, app_id: str) -> QueueItem | None:
        """Read the queue item of an app: its tasks that wait to be launched."""
        found = [QueueItem.read(mapping(item)) for item in self.expect("/v2/queue", list, "queue")]
        return next((item for item in found if item.app_id.strip("/") == app_id.strip("/")), None)


def _app(app_id: str) -> str:
    return f"/v2/apps/{quote(app_id.strip('/'))}"
