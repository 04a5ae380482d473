"""Claim a stopped app for a run: a label on it, and the app's version, which reveals later changes by others.

An app at 0 instances looks the same whether the run that stopped it has died or is in the middle of an hour's
upgrade. So a run marks what it has stopped with a label, which the definition that it puts in the end removes
again. Counts alone do not reveal instances that came and went; the app's version does, because every change moves
it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from harness.common.waits import Retry, wait_until
from harness.errors import HarnessError, InfrastructureError
from harness.marathon.definition import App, labels_of
from harness.marathon.deploy import Deployer
from harness.marathon.errors import PASSING, AppExistsError
from harness.marathon.model import AppState, Change
from harness.marathon.mounts import secrets_of
from harness.marathon.preconditions import SCALE_DOWN, met_sentence, others_on_database
from harness.marathon.rollback import absolute
from harness.marathon.rolling import RollingRefusedError

REPLACING = "RT_REPLACING"
"""The label that names the run which is working on an app's database."""


class SomebodyStartedError(InfrastructureError):
    """Instances of a stopped app run, or may have run: they were started by an autoscaler or a colleague."""


class OtherAppRunsError(InfrastructureError):
    """Another app runs on the database of an app that was stopped to change it."""


@dataclass(frozen=True)
class Claim:
    """An app without running instances, the run that has marked it, and the version at which the claim holds."""

    app_id: str
    run: str
    version: str


def require_unclaimed(app_id: str, live: App | None, ended: Collection[str]) -> None:
    """Raise RollingRefusedError if another run has marked the app. ended: runs that are known to be over."""
    other = labels_of(live or {}).get(REPLACING)
    if other and other not in ended:
        raise RollingRefusedError(
            f"{app_id} is marked by run {other} ({REPLACING}): its database is in the hands of that one.",
            repair="see whether that run goes on, and wait for it; where it has ended, look at the database and "
            f"its backups, and say so: --ended {other}",
        )


def require_others_unclaimed(definition: App, apps: Iterable[AppState], ended: Collection[str]) -> None:
    """Raise RollingRefusedError if another run has marked another app on the same database, running or not.

    That run may be in its backup or upgrade with everything stopped, so that nothing but the mark tells of it.
    """
    folder, own = secrets_of(definition), absolute(definition)
    for app in apps:
        if folder and absolute(app.definition) != own and secrets_of(app.definition) == folder:
            require_unclaimed(app.id, app.definition, ended)


def concurrent_change(app_id: str) -> RollingRefusedError:
    """Return the error for a concurrent change by another run: the database may be in use by it."""
    return RollingRefusedError(
        f"Somebody else stopped or changed {app_id} at the same moment: its database may be in their hands.",
        repair="find out who, and run it again when they are done; nothing was taken back",
    )


def mark(deployer: Deployer, app_id: str, run: str, version: str, new: App | None = None) -> Claim:
    """Mark an app without instances, which is at `version` ("" if it does not exist: it is created from `new`).

    Raises RollingRefusedError if the app was changed meanwhile, AppLockedError, RejectedError, NotReadyError.
    """
    client = deployer.client

    def put() -> Change:
        now = client.find_app(app_id)
        if now is not None and now.labels.get(REPLACING) == run:
            return Change(now.version, "".join(now.deployments[:1]))  # an earlier attempt whose answer was lost
        if _version(now) != version or _runs(now):
            raise concurrent_change(app_id)
        if now is not None:
            return client.put(app_id, {"labels": {**now.labels, REPLACING: run}})
        if new is None:
            raise concurrent_change(app_id)
        try:
            return client.create({**new, "instances": 0, "labels": {**labels_of(new), REPLACING: run}})
        except AppExistsError:
            raise concurrent_change(app_id) from None

    change = deployer.retry_until_accepted(f"A mark on {app_id}", put)
    now = _settled(deployer, app_id, change)
    if now is None or now.version != change.version or _runs(now):
        raise concurrent_change(app_id)
    return Claim(app_id, run, now.version_text)


def _settled(deployer: Deployer, app_id: str, change: Change) -> AppState | None:
    """Wait until the mark's own deployment is over, twice in a row: it locks the app, and is listed late."""
    looks = 0

    def over() -> AppState | None:
        nonlocal looks
        deployer.pace.clock()
        listed = any(deployment.id == change.deployment_id for deployment in deployer.client.deployments())
        looks = 0 if listed else looks + 1
        if looks < 2:
            raise Retry(f"deployment {change.deployment_id} {'is running' if listed else 'is over, seen once'}")
        return deployer.client.find_app(app_id)

    limit, interval = deployer.pace.acceptance_limit, deployer.pace.interval
    return wait_until(f"The mark on {app_id}", over, limit, interval=interval, retry_on=PASSING)


def unmark(deployer: Deployer, claim: Claim) -> str:
    """Remove the mark if the app is unchanged since; return a message if it stays."""
    try:
        now = deployer.fetch_app(claim.app_id)
        if now is None or _version(now) != claim.version:
            return ""
        labels = {key: value for key, value in now.labels.items() if key != REPLACING}
        deployer.retry_until_accepted(
            f"Taking the mark off {now.id}", lambda: deployer.client.put(now.id, {"labels": labels})
        )
    except HarnessError as error:
        return f"; its label {REPLACING} is left and can be taken off ({error.sentence})"
    return ""


def require_unchanged_claim(deployer: Deployer, claim: Claim, when: str) -> None:
    """Raise SomebodyStartedError if the app was changed by others: nothing may run during a database change."""
    now = deployer.fetch_app(claim.app_id)
    repair = "see who scales or changes this app (an autoscaler, a colleague), and run it again when nobody does"
    if _runs(now):
        raise SomebodyStartedError(f"Somebody started {claim.app_id} again {when}.", repair=repair)
    if _version(now) != claim.version:
        other = now.labels.get(REPLACING, "") if now else ""
        named = f" It is marked by run {other} now." if other not in ("", claim.run) else ""
        raise SomebodyStartedError(
            f"Somebody changed {claim.app_id} {when}. It is at version {_version(now) or 'none'} instead of "
            f"{claim.version}, so instances may have come and gone.{named}",
            repair=repair,
        )


def require_undisturbed(deployer: Deployer, claim: Claim, definition: App, when: str) -> None:
    """Raise SomebodyStartedError as above, and OtherAppRunsError if another app runs with the same secrets.

    Of other apps only what runs now is seen, not what came and went since the last look.
    """
    require_unchanged_claim(deployer, claim, when)
    apps = deployer.retry_until_accepted("A look at the other apps", deployer.client.apps)
    met = others_on_database(definition, apps)
    if met:
        raise OtherAppRunsError(f"Found {when}: {met_sentence(definition, met)}", repair=SCALE_DOWN)


def _version(app: AppState | None) -> str:
    return app.version_text if app else ""


def _runs(app: AppState | None) -> bool:
    return app is not None and bool(app.instances or app.tasks)
