"""Across a schema step: stop all, back up, upgrade once, start all.

No instance of the old release runs while the database changes, and none of the new one before it has. When
anything fails, the way back is the backup: an old release must never be started on an upgraded database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.marathon.client import Marathon
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer, absolute
from harness.marathon.follow import CHECK, PASSING
from harness.marathon.model import AppState
from harness.marathon.rolling import Decision, RollingRefusedError
from harness.verdict import Report
from harness.waits import Retry, wait_until

Step = Callable[[], None]
"""Something done to the database while nothing runs. Raises HarnessError when it fails."""


@dataclass(frozen=True)
class DatabaseSteps:
    """What happens between stop and start. `restore` brings the backup back; without it all stays stopped."""

    backup: Step
    upgrade: Step
    restore: Step | None = None


def stop_all(client: Marathon, app_id: str, timeout: float = 300, interval: float = 0.5) -> None:
    """Scale to 0 and wait until no task is left, twice in a row. Raises NotReadyError, AppLockedError."""
    change = client.scale(app_id, 0)
    empty = 0

    def stopped() -> None:
        nonlocal empty
        listed = any(one.id == change.deployment_id for one in client.deployments())
        tasks = client.tasks(app_id)
        empty = 0 if listed or tasks else empty + 1
        if empty < 2:
            raise Retry(f"{len(tasks)} task(s) left, deployment {'running' if listed else 'over'}")

    wait_until(f"Stop of all tasks of {app_id}", stopped, timeout, interval=interval, retry_on=PASSING)


def replace_all(deployer: Deployer, definition: App, decision: Decision, database: DatabaseSteps) -> Report:
    """Carry a deploy out that must not roll. Raises RollingRefusedError when not even this is right.

    The report's facts say how far it came: "phase" is stop, backup, upgrade or start, and "then" is what was
    done about a failure.
    """
    if decision.how == "refused":
        raise RollingRefusedError(f"This deploy is wrong in any manner: {'; '.join(decision.because)}.")
    app_id = absolute(definition)
    client, before = deployer.client, deployer.client.find_app(app_id)
    report = Report(
        CHECK, "Does every instance serve the wanted release, on an upgraded database?", unit="instances"
    )
    started = time.monotonic()
    phase = "stop"
    try:
        if before is not None and (before.instances or before.tasks):
            stop_all(client, app_id, interval=deployer.pace.interval)
        phase = "backup"
        database.backup()
        phase = "upgrade"
        database.upgrade()
    except HarnessError as error:
        what = f"The {phase} failed: {error.sentence}"
        report.find(app_id, what, blocks=error.blocks, repair=error.repair)
        _go_back(deployer, before, database if phase == "upgrade" else None, report)
    else:
        phase = "start"
        # No undo: the database is upgraded, and the old release must not meet it.
        live = deployer.deploy(definition, Decision("first", ("everything was stopped",)), undo=False)
        report.findings += live.findings
        report.facts |= live.facts
        report.looked_at = live.looked_at
        if live.findings:
            stop_all(client, app_id, interval=deployer.pace.interval)
            _go_back(deployer, before, database, report)
    report.facts |= {"phase": phase, "decision": str(decision)}
    report.seconds = time.monotonic() - started
    return report


def _go_back(deployer: Deployer, before: AppState | None, database: DatabaseSteps | None, report: Report) -> None:
    """Restore if the database was touched, start the old release and prove it; or say that all stays stopped."""
    if before is None or before.instances == 0:
        report.facts["then"] = "nothing ran before, so nothing was started"
        return
    if database is not None and database.restore is None:
        report.facts["then"] = "all instances stay stopped: the database was touched and there is no restore"
        return
    try:
        if database is not None and database.restore is not None:
            database.restore()
    except HarnessError as error:
        report.facts["then"] = "all instances stay stopped: the restore failed as well"
        report.find(before.id, f"The restore failed: {error.sentence}", blocks=error.blocks)
        return
    change = deployer.client.put(before.id, {"version": before.version_text})
    again = deployer.prove(before.definition, change)
    report.facts["then"] = "the old release is live again" if again else "the old release could not be proven live"
    report.findings += again.findings
