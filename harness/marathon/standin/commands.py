"""Changes by clients: each becomes a deployment, or is refused with Marathon's error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from harness.marathon.standin import errors
from harness.marathon.standin.deployment import Deployment, plan
from harness.marathon.standin.legacy_keys import check_part, check_sent
from harness.marathon.standin.model import App, VersionInfo
from harness.marathon.standin.normalize import absolute, merge, normalize, parse, service_ports
from harness.marathon.standin.render import app_json
from harness.marathon.standin.rollout import Rollout, new_deployment_id
from harness.marathon.standin.state import AppRecord, groups_of
from harness.marathon.standin.task import Task
from harness.marathon.standin.validate import validate
from harness.marathon.standin.versions import read

Json = Mapping[str, Any]


class Commands:
    """Applies changes to the state and hands the resulting deployments to the rollout."""

    def __init__(self, rollout: Rollout, max_running_deployments: int = 100) -> None:
        """Attach to one rollout."""
        self.rollout = rollout
        self.state, self.bus, self.clock = rollout.state, rollout.bus, rollout.clock
        self.limit, self.dialect = max_running_deployments, rollout.scheduler.dialect

    # Apps

    def known(self, app_id: str) -> AppRecord:
        """Return an app. Raises ApiError 404."""
        found = self.state.apps.get(absolute(app_id))
        if found is None:
            raise errors.unknown_app(absolute(app_id))
        return found

    def create(self, document: Any, force: bool) -> Deployment:
        """POST an app. Raises ApiError 409 if the id is taken, 422 if the definition is invalid."""
        app = self.checked(parse(document, dialect=self.dialect))
        if app.id in self.state.apps:
            raise errors.already_exists(app.id)
        return self.submit({app.id: app}, force)

    def update(
        self,
        updates: Mapping[str, Any],
        *,
        force: bool,
        partial: bool = True,
        prefix: str = "",
        create: bool = True,
    ) -> Deployment:
        """PUT or PATCH apps, given the body for each id; an unknown app is created if `create`."""
        targets: dict[str, App] = {}
        for index, (given, document) in enumerate(updates.items()):
            app_id = absolute(given)
            before = self.state.apps.get(app_id)
            if before is None and not create:
                raise errors.unknown_app(app_id)
            place = (index,) if prefix else ()
            targets[app_id] = self.updated(app_id, before, document, partial, place, beside=targets)
        return self.submit(targets, force)

    def updated(
        self,
        app_id: str,
        before: AppRecord | None,
        document: Any,
        partial: bool,
        place: tuple[int | str, ...] = (),
        *,
        beside: Mapping[str, App],
    ) -> App:
        """Return the definition that a PUT requests. beside: other definitions in the same request."""
        if not isinstance(document, dict):
            return parse(document, place, self.dialect)
        version = document.get("version") if partial else None  # ignored in a whole definition
        if version is not None and before is not None:
            if set(document) - {"version", "id"}:
                raise errors.not_valid([("/", "The 'version' field may only be combined with the 'id' field.")])
            if version not in before.versions:
                raise errors.unknown_app(app_id, str(version))
            return before.versions[version]
        if before is not None and partial:
            self.judged({"id": app_id, **document}, place)
            current = app_json(before.app)
            current = {k: v for k, v in current.items() if k not in ("version", "versionInfo")}
            merged = merge(current, read(document, self.dialect))
            return self.checked(parse({**merged, "id": app_id}, place, self.dialect, ours=True), before, beside)
        return self.checked(parse({**document, "id": app_id}, place, self.dialect), before, beside)

    def judged(self, document: Json, place: tuple[int | str, ...]) -> None:
        """Validate a part of a definition by itself: its keys must agree. Raises ApiError 422."""
        sent = parse(document, place, self.dialect)
        check_sent(sent)
        check_part(sent)

    def checked(self, app: App, before: AppRecord | None = None, beside: Mapping[str, App] | None = None) -> App:
        """Normalise and validate a parsed definition, among all apps after the change. Raises ApiError 422."""
        own = absolute(app.id)
        others = {app_id: known.app for app_id, known in self.state.apps.items()} | dict(beside or {})
        for other in others:
            if other.startswith(f"{own}/") or own.startswith(f"{other}/"):
                raise errors.not_valid([("/", "Groups and Applications may not have the same identifier.")])
        taken = {port for app_id, other in others.items() if app_id != own for port in service_ports(other)}
        app = normalize(app, taken, before.app if before else None)
        validate(app, self.dialect)
        return app

    def delete(self, app_id: str, force: bool) -> Deployment:
        """Remove an app: it is unknown at once, its tasks end in a deployment."""
        return self.submit({self.known(app_id).app.id: None}, force)

    def delete_group(self, group: str, force: bool) -> Deployment:
        """Remove a group with all apps in it. Raises ApiError 404, and as `submit`."""
        name, below = absolute(group), f"{absolute(group).rstrip('/')}/"
        if name not in self.state.groups:
            raise errors.unknown_group(name)
        deployment = self.submit({app_id: None for app_id in self.state.apps if app_id.startswith(below)}, force)
        self.state.groups = {group for group in self.state.groups if group != name and not group.startswith(below)}
        self.state.save(self.clock.now())
        return deployment

    def restart(self, app_id: str, force: bool) -> Deployment:
        """Replace all tasks of an app by new ones of the same configuration."""
        app = self.known(app_id).app
        return self.submit({app.id: app}, force, restarts={app.id})

    # Tasks

    def kill(self, tasks: Collection[Task], *, scale: bool, force: bool) -> Deployment | None:
        """Kill tasks; with `scale` their apps shrink by as many, in a deployment that is returned."""
        if not scale:
            for task in tasks:
                self.rollout.scheduler.kill(task)
            return None
        kills: dict[str, list[str]] = {}
        for task in tasks:
            kills.setdefault(task.app.id, []).append(task.id)
        targets: dict[str, App | None] = {}
        for app_id, names in kills.items():
            app = self.known(app_id).app
            targets[app_id] = app.replace(instances=max(0, app.instances - len(names)))
        return self.submit(targets, force, kills=kills)

    # Deployments

    def rollback(self, deployment_id: str, force: bool) -> Deployment | None:
        """Undo a deployment by a new one; with `force` only end it and return None."""
        deployment = self.state.deployments.get(deployment_id)
        if deployment is None:
            raise errors.not_found(f"DeploymentPlan {deployment_id} does not exist")
        if force:
            self.rollout.cancel(deployment)
            self.state.save(self.clock.now())
            return None
        return self.submit(dict(deployment.original), force=True)

    def submit(
        self,
        targets: Mapping[str, App | None],
        force: bool,
        *,
        restarts: Collection[str] = (),
        kills: Mapping[str, list[str]] | None = None,
    ) -> Deployment:
        """Turn wanted definitions into a deployment and start it.

        Raises ApiError 409 if a running deployment holds one of the apps and `force` is false, 403 if too many
        run. With `force` conflicting deployments are cancelled, and it begins when they are over. A plan without
        steps changes nothing.
        """
        original = {i: self.state.apps[i].app if i in self.state.apps else None for i in targets}
        version = self.state.next_version(self.clock.now())
        stamped = {
            i: None if app is None else with_version(app, original[i], version, i in restarts)
            for i, app in targets.items()
        }
        deployment = Deployment(
            new_deployment_id(),
            version,
            original,
            stamped,
            plan(original, stamped, restarts),
            kills=dict(kills or {}),
        )
        cancelled = self._make_way(deployment, force)
        if not deployment.steps:
            self.rollout.tell("deployment_success", deployment)
            return deployment
        for app_id in deployment.affected:
            self._store(app_id, stamped[app_id])
        self.bus.publish("group_change_success", groupId="/", version=version)
        self.rollout.start(deployment, cancelled)
        self.state.save(self.clock.now())
        return deployment

    def _make_way(self, deployment: Deployment, force: bool) -> list[Deployment]:
        wanted = set(deployment.affected)
        holders = [d for d in self.state.deployments.values() if wanted & set(d.affected)]
        if holders and not force:
            raise errors.locked(d.id for d in holders)
        if len(self.state.deployments) - len(holders) >= self.limit and deployment.steps and not force:
            raise errors.too_many_deployments(self.limit)
        for holder in holders:
            self.rollout.cancel(holder)
        return holders

    def _store(self, app_id: str, app: App | None) -> None:
        if app is None:
            self.state.apps.pop(app_id, None)
            self.state.backoff.reset(app_id)
            return
        self.state.groups.update(groups_of(app_id))
        known = self.state.apps.setdefault(app_id, AppRecord(app))
        known.app = app
        known.versions[app.version] = app


def with_version(app: App, before: App | None, version: str, restart: bool) -> App:
    """Stamp a definition: a change of configuration moves both times, scale and restart only one."""
    if before is None or before.version_info is None:
        return app.replace(
            version=version, version_info=VersionInfo(last_scaling_at=version, last_config_change_at=version)
        )
    if app.configuration() != before.configuration():
        info = VersionInfo(last_scaling_at=version, last_config_change_at=version)
    elif restart or app.instances != before.instances:
        info = VersionInfo(
            last_scaling_at=version, last_config_change_at=before.version_info.last_config_change_at
        )
    else:
        return before
    return app.replace(version=version, version_info=info)
