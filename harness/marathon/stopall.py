"""Across a schema step: stop all, back up, upgrade once, start all.

No instance of the old release runs while the database changes, and none of the new one before it has. When
anything fails, the way back is the backup: an old release must never be started on an upgraded database. Once the
new one has served there is no way back: the backup knows nothing of what people have written since.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from harness.errors import HarnessError, InfrastructureError
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer, absolute
from harness.marathon.errors import PASSING, AppLockedError, AppNotFoundError, DeploymentNotFoundError
from harness.marathon.follow import CHECK, MOST_HEALTHY
from harness.marathon.model import AppState, Change
from harness.marathon.rolling import Decision, RollingRefusedError
from harness.verdict import Report
from harness.waits import Retry, wait_until

LOCK_LIMIT = 60.0
"""Seconds for which a lock of our own is waited for."""
SERVED = "the new release is left as it is: it served, and the backup knows nothing of what was written since"
UNSURE = (
    "the database is upgraded, and Marathon may not have taken the new definition: all may be stopped. Deploy it: "
    "python -m harness.marathon deploy"
)
NOT_ENDED = (
    "the new release may still run on the upgraded database, and nothing was restored: stop it, then restore"
)


class StepFailedError(HarnessError):
    """Raised by a step that ran and whose result is no good: a finding, and no reason to doubt the harness."""


Step = Callable[[], None]
"""Something done to the database while nothing runs."""


@dataclass(frozen=True)
class DatabaseSteps:
    """What happens between stop and start. `restore` brings the backup back; without it all stays stopped."""

    backup: Step
    upgrade: Step
    restore: Step | None = None


def stop_all(deployer: Deployer, app_id: str, timeout: float = 300, own: str = "") -> None:
    """Scale to 0 and wait until no task is left, twice in a row. Raises NotReadyError, AppLockedError.

    own: a deployment of ours that was cancelled; Marathon may hold its lock on the app for a moment yet.
    """
    client = deployer.client

    def scaled() -> Change:
        try:
            return client.scale(app_id, 0)
        except AppLockedError as error:
            if own and set(error.deployments) == {own}:
                raise Retry("our cancelled deployment still holds it") from error
            raise

    change = wait_until(f"{app_id} taking a stop", scaled, LOCK_LIMIT, interval=deployer.pace.interval)
    empty = 0

    def stopped() -> None:
        nonlocal empty
        deployer.pace.clock()
        listed = any(one.id == change.deployment_id for one in client.deployments())
        tasks = client.tasks(app_id)
        empty = 0 if listed or tasks else empty + 1
        if empty < 2:
            raise Retry(f"{len(tasks)} task(s) left, deployment {'running' if listed else 'over'}")

    what = f"Stop of all tasks of {app_id}"
    wait_until(what, stopped, timeout, interval=deployer.pace.interval, retry_on=PASSING)


def end_and_stop(deployer: Deployer, app_id: str, deployment_id: str) -> None:
    """Stop an app although our own deployment of it hangs: end that first, without Marathon's rollback."""
    if deployment_id:
        with suppress(DeploymentNotFoundError):
            deployer.client.cancel(deployment_id, force=True)
    with suppress(AppNotFoundError):
        stop_all(deployer, app_id, own=deployment_id)


def replace_all(deployer: Deployer, definition: App, decision: Decision, database: DatabaseSteps) -> Report:
    """Carry a deploy out that must not roll. Raises RollingRefusedError when not even this is right.

    A StepFailedError of the backup or upgrade becomes a finding; any other error of theirs is raised again,
    after the way back. The report's facts say how far it came ("phase": stop, backup, upgrade or start) and
    what was done about a failure ("then").
    """
    if decision.how == "refused":
        raise RollingRefusedError(f"This deploy is wrong in any manner: {'; '.join(decision.because)}.")
    before = deployer.client.find_app(absolute(definition))
    report = Report(CHECK, "Does every instance serve the wanted release on its schema?", unit="instances")
    report.facts |= {"phase": "stop", "decision": str(decision)}
    started = time.monotonic()
    if before is not None and (before.instances or before.tasks):
        _stop(deployer, before)
    try:
        report.facts["phase"] = "backup"
        database.backup()
        _need_nobody(deployer, absolute(definition))
        report.facts["phase"] = "upgrade"
        database.upgrade()
    except HarnessError as error:
        _go_back(deployer, before, database if report.facts["phase"] == "upgrade" else None, report)
        if not isinstance(error, StepFailedError):
            raise told_of(error, str(report.facts["then"])) from None
        what = f"The {report.facts['phase']} failed: {error.sentence}"
        report.find(absolute(definition), what, blocks=error.blocks, repair=error.repair)
    else:
        _start(deployer, definition, before, database, report)
    report.seconds = time.monotonic() - started
    return report


def told_of(error: HarnessError, fate: str) -> HarnessError:
    """Return the error with a block that says what became of the instances: exceptions carry no report."""
    error.blocks = (*error.blocks, ("What became of the instances", fate))
    return error


def _stop(deployer: Deployer, before: AppState) -> None:
    """Stop what runs. Where that fails on the way, the old definition is put back: nothing was touched yet."""
    try:
        stop_all(deployer, before.id)
    except AppLockedError:
        raise  # somebody else is at work there: nothing was changed
    except HarnessError as error:
        try:
            deployer.client.put(before.id, {"version": before.version_text})
        except HarnessError:
            raise told_of(
                error, "they may be scaled to 0, and could not be started again: scale them up"
            ) from None
        raise told_of(error, "the old definition was put back; the database was not touched") from None


def _need_nobody(deployer: Deployer, app_id: str) -> None:
    """Raise InfrastructureError where somebody started instances again: an upgrade must not run below them."""
    app = deployer.client.find_app(app_id)
    if app is not None and (app.instances or app.tasks):
        raise InfrastructureError(
            f"Somebody started {app_id} again before the upgrade; it was not begun.",
            repair="see who scales this app (an autoscaler, a colleague), and run it again",
        )


def _start(
    deployer: Deployer, definition: App, before: AppState | None, database: DatabaseSteps, report: Report
) -> None:
    """Start the new release. No undo by Marathon: the old release must not meet the upgraded database."""
    report.facts["phase"] = "start"
    try:
        live = deployer.deploy(definition, Decision("first", ("everything was stopped",)), undo=False)
    except HarnessError as error:
        raise told_of(error, UNSURE) from None
    report.findings += live.findings
    report.facts |= live.facts
    report.looked_at = live.looked_at
    if not live.findings:
        return
    if live.facts.get(MOST_HEALTHY):
        report.facts["then"] = SERVED
        return
    try:
        end_and_stop(deployer, absolute(definition), str(live.facts.get("deployment", "")))
    except HarnessError as error:
        raise told_of(error, NOT_ENDED) from None
    _go_back(deployer, before, database, report)


def _go_back(deployer: Deployer, before: AppState | None, database: DatabaseSteps | None, report: Report) -> None:
    """Restore if the database was touched, start the old release and prove it; or say that all stays stopped."""
    if database is not None and database.restore is None:
        report.facts["then"] = "all instances stay stopped: the database was touched and there is no restore"
        return
    try:
        if database is not None and database.restore is not None:
            database.restore()
    except HarnessError as error:
        report.facts["then"] = "all instances stay stopped: the restore failed as well"
        report.find("database", f"The restore failed: {error.sentence}", blocks=error.blocks)
        return
    if before is None or before.instances == 0:
        report.facts["then"] = "nothing ran before, so nothing was started"
        return
    try:
        change = deployer.client.put(before.id, {"version": before.version_text})
    except HarnessError as error:
        report.facts["then"] = "all instances stay stopped: Marathon did not take the old definition"
        report.find(before.id, f"The old release could not be started: {error.sentence}", blocks=error.blocks)
        return
    again = deployer.prove(before.definition, change)
    report.facts["then"] = "the old release is live again" if again else "the old release could not be proven live"
    report.findings += again.findings
