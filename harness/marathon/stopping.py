"""Stopping every instance of an app, and being sure of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from harness.common.waits import Retry, wait_until
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.errors import PASSING, AppLockedError, AppNotFoundError, DeploymentNotFoundError
from harness.marathon.interrupted import Phase
from harness.marathon.model import Change, Task
from harness.marathon.wayback import absolute, stop_limit

Served = Literal["", "runs", "stopped"]
"""Whether a release that was to be stopped had been healthy: then it runs yet, or was stopped too late to tell."""


def begin_stop(deployer: Deployer, app_id: str, own: str = "") -> Change:
    """Scale to 0. Raises AppLockedError, AppNotFoundError, NotReadyError where Marathon does not take it.

    own: a deployment of ours that was cancelled; Marathon may hold its lock on the app for a moment yet.
    """
    client, attempts = deployer.client, 0

    def scaled() -> Change:
        nonlocal attempts
        attempts += 1
        try:
            return client.scale(app_id, 0)
        except AppLockedError as error:
            if own and set(error.deployments) == {own}:
                raise Retry("our cancelled deployment still holds it") from error
            now = client.find_app(app_id) if attempts > 1 else None
            if now is None or now.instances:
                raise
            return Change(None, "")  # an earlier attempt was taken, and its answer lost

    deployer.underway.enter(Phase.REQUESTED, app_id)
    change = deployer.insist(f"{app_id} taking a stop", scaled)
    change = deployer.settled(app_id, change) if attempts > 1 else change
    deployer.underway.enter(Phase.STOPPING, app_id, change.deployment_id)
    return change


def wait_stopped(deployer: Deployer, app_id: str, change: Change, timeout: float) -> bool:
    """Wait until no task is left, twice in a row. Returns whether one was seen that had been healthy.

    Raises NotReadyError after `timeout` seconds, AppNotFoundError.
    """
    client, empty, served = deployer.client, 0, False

    def stopped() -> None:
        nonlocal empty, served
        deployer.pace.clock()
        listed = any(one.id == change.deployment_id for one in client.deployments())
        tasks = client.tasks(app_id)
        served |= _served(tasks)
        empty = 0 if listed or tasks else empty + 1
        if empty < 2:
            raise Retry(f"{len(tasks)} task(s) left, deployment {'running' if listed else 'over'}")

    what = f"Stop of all tasks of {app_id}"
    wait_until(what, stopped, timeout, interval=deployer.pace.interval, retry_on=PASSING)
    deployer.underway.enter(Phase.STOPPED, app_id)
    return served


def end_and_stop(deployer: Deployer, definition: App, deployment_id: str) -> Served:
    """Stop an app although our own deployment of it hangs: end that first, without Marathon's rollback.

    A task may have become healthy since the deployment was judged. So it is looked at once more before the stop,
    and "runs" says that nothing was stopped; and while they stop, as until their last moment they serve.
    """
    client, app_id = deployer.client, absolute(definition)
    if deployment_id:
        with suppress(DeploymentNotFoundError):  # it had ended
            deployer.insist("The end of the deployment", lambda: client.cancel(deployment_id, force=True))
    app = deployer.look_at(app_id)
    if app is None:
        return ""
    if _served(app.tasks):
        return "runs"
    try:
        change = begin_stop(deployer, app_id, own=deployment_id)
        served = wait_stopped(deployer, app_id, change, deployer.pace.stop or stop_limit(definition))
    except AppNotFoundError:
        return ""
    return "stopped" if served else ""


def _served(tasks: list[Task] | tuple[Task, ...]) -> bool:
    return any(task.served for task in tasks)
