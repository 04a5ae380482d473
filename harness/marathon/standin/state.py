"""The whole state of a stand-in, and its file on disk.

One JSON file, replaced as a whole, so that it is always complete. Tasks are recovered from the labels of their
containers; the file only adds the time at which each began to run, and the tasks being killed. Health is not kept:
Marathon forgets it as well when its leader changes.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.marathon.standin.backoff import Backoff, Delay
from harness.marathon.standin.clock import stamp
from harness.marathon.standin.deployment import Action, Deployment
from harness.marathon.standin.model import App
from harness.marathon.standin.task import Task

FORMAT = 1


@dataclass
class AppRecord:
    """An app: its current definition, all its versions in order, and its last failure."""

    app: App
    versions: dict[str, App] = field(default_factory=dict)
    last_failure: dict[str, Any] | None = None


class State:
    """Apps, tasks, deployments and delays of one stand-in."""

    def __init__(self, directory: Path | None) -> None:
        """Keep the state in `directory`/state.json, or nowhere if None. Call `load` to read it."""
        self.path = directory / "state.json" if directory else None
        self.identity = uuid.uuid4().hex
        self.apps: dict[str, AppRecord] = {}
        self.groups: set[str] = set()
        """Every group that ever held an app: it stays, empty, after the last app is gone, until it is removed."""
        self.tasks: dict[str, Task] = {}
        self.deployments: dict[str, Deployment] = {}
        self.backoff = Backoff()
        self.last_version = 0.0
        self.moment = 0.0
        self.started: dict[str, float] = {}
        self.killing: dict[str, float | None] = {}

    def next_version(self, now: float) -> str:
        """Return a version later than all before: `now`, or a millisecond after the last."""
        self.last_version = max(now, self.last_version + 0.001)
        return stamp(self.last_version)

    def tasks_of(self, app_id: str) -> list[Task]:
        """Return the app's tasks, oldest first."""
        return sorted((t for t in self.tasks.values() if t.app.id == app_id), key=lambda t: t.staged_at)

    def definition(self, app_id: str, version: str) -> App | None:
        """Return one version of an app; versions of an app being stopped are found in its deployment."""
        if app_id in self.apps and version in self.apps[app_id].versions:
            return self.apps[app_id].versions[version]
        for deployment in self.deployments.values():
            for app in (deployment.original.get(app_id), deployment.target.get(app_id)):
                if app is not None and app.version == version:
                    return app
        return None

    def save(self, now: float) -> None:
        """Write the file atomically."""
        if self.path is None:
            return
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(self.document(now), indent=1), encoding="utf-8")
        os.replace(temporary, self.path)  # noqa: PTH105 - atomic replacement is the point

    def document(self, now: float) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "format": FORMAT,
            "identity": self.identity,
            "moment": now,
            "lastVersion": self.last_version,
            "apps": {
                app_id: {
                    "current": known.app.version,
                    "versions": [dump(app) for app in known.versions.values()],
                    "lastFailure": known.last_failure,
                }
                for app_id, known in self.apps.items()
            },
            "groups": sorted(self.groups),
            # Marathon too first deletes a deployment from its store and then stops it.
            "deployments": [deployment_document(d) for d in self.deployments.values() if not d.cancelled],
            "delays": {app_id: asdict(delay) for app_id, delay in self.backoff.delays.items()},
            "started": {t.id: t.started_at for t in self.tasks.values() if t.started_at is not None},
            "killing": {t.id: t.put_down_at for t in self.tasks.values() if t.killing},
        }

    def load(self) -> None:
        """Read the file, if there is one. Raises UsageError if it is not a stand-in's own."""
        if self.path is None or not self.path.exists():
            return
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            if document["format"] != FORMAT:
                raise UsageError(f"{self.path} has format {document['format']}, this stand-in reads {FORMAT}.")
            self._take(document)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.path} is not a state of the stand-in: {error}", repair="give another --state directory"
            ) from error

    def _take(self, document: dict[str, Any]) -> None:
        self.identity = document["identity"]
        self.moment = document["moment"]
        self.last_version = document["lastVersion"]
        self.started = document["started"]
        self.killing = document.get("killing", {})  # missing in files of earlier stand-ins
        for app_id, entry in document["apps"].items():
            versions = {app.version: app for app in map(App.model_validate, entry["versions"])}
            self.apps[app_id] = AppRecord(versions[entry["current"]], versions, entry["lastFailure"])
        self.groups = {
            *document.get("groups", []),
            *(group for app_id in self.apps for group in groups_of(app_id)),
        }
        for entry in document["deployments"]:
            deployment = deployment_of(entry)
            self.deployments[deployment.id] = deployment
        self.backoff.delays = {app_id: Delay(**delay) for app_id, delay in document["delays"].items()}


def groups_of(app_id: str) -> list[str]:
    """Return the groups that an app is in, except the root."""
    parts = app_id.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: count + 1]) for count in range(len(parts))]


def dump(app: App | None) -> dict[str, Any] | None:
    """Return a definition in its stored form."""
    return None if app is None else app.model_dump(by_alias=True, exclude_none=True)


def deployment_document(deployment: Deployment) -> dict[str, Any]:
    """Return a deployment in its stored form."""
    return {
        "id": deployment.id,
        "version": deployment.version,
        "original": {app_id: dump(app) for app_id, app in deployment.original.items()},
        "target": {app_id: dump(app) for app_id, app in deployment.target.items()},
        "steps": [[asdict(action) for action in step] for step in deployment.steps],
        "current": deployment.current,
        "kills": deployment.kills,
    }


def deployment_of(entry: dict[str, Any]) -> Deployment:
    """Return a deployment from its stored form."""

    def apps(kept: dict[str, Any]) -> dict[str, App | None]:
        return {app_id: None if app is None else App.model_validate(app) for app_id, app in kept.items()}

    steps = [[Action(**action) for action in step] for step in entry["steps"]]
    return Deployment(
        entry["id"],
        entry["version"],
        apps(entry["original"]),
        apps(entry["target"]),
        steps,
        entry["current"],
        entry["kills"],
    )
