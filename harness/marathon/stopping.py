"""Stop every instance of an app, and prove that none is left."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal, NamedTuple

from harness.common.waits import Retry, wait_until
from harness.engine.faults import translate_any_error
from harness.errors import with_instances_note
from harness.marathon.claim import Claim, concurrent_change, mark
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.errors import PASSING, AppLockedError, AppNotFoundError, DeploymentNotFoundError
from harness.marathon.events import EventStream
from harness.marathon.follow import ask
from harness.marathon.interrupted import Phase
from harness.marathon.model import AppState, Change, Task
from harness.marathon.rollback import absolute, stop_limit
from harness.marathon.rolling import RollingRefusedError
from harness.marathon.stop_proof import StopProof, StopUnprovenError, require_stream

Served = Literal["", "runs", "stopped"]
"""Whether a release to be stopped had served. "runs": left running; "stopped": seen only during the stop."""


class Ended(NamedTuple):
    """The end of a new release, and the app's version since ("" if nothing was stopped)."""

    served: Served
    version: str = ""


def stop(deployer: Deployer, before: AppState, run: str) -> Claim:
    """Stop the app, and mark it as reserved for `run`. Raises StopUnprovenError before that if it is not provable.

    If it fails on the way, for whatever reason, the old definition is put back: nothing was touched yet.
    """
    proof = StopProof(before.id)
    change = Change(None, "")
    with deployer.listen() as stream:
        if not deployer.without_events:
            require_stream(stream)
        _need_known_tasks(deployer, before, proof, stream)
        try:
            change = begin_stop(deployer, before.id)
            version = _need_own_stop(deployer, before.id, change)
            limit = deployer.pace.stop or stop_limit(before.definition)
            wait_stopped(deployer, before.id, change, limit, stream, proof=proof)
            return mark(deployer, before.id, run, version)
        except (AppLockedError, RollingRefusedError):
            raise  # someone else works on the app, and their changes are not ours to take back
        except Exception as caught:  # noqa: BLE001 - whatever it is, the site must not stay stopped for it
            error = translate_any_error(caught)
            raise with_instances_note(error, _started_again(deployer, before, change)) from None


def _need_known_tasks(deployer: Deployer, before: AppState, proof: StopProof, stream: EventStream | None) -> None:
    """Raise StopUnprovenError if a task is out of reach, or is gone since `before` and nobody heard of its end.

    Until the stream was attached nobody heard anything, and an agent may have been cut off.
    """
    heard = stream.take() if stream else ()
    now = deployer.fetch_app(before.id)  # newer than the events
    proof.record(before.tasks)
    proof.record_app(now, heard)
    gone = {task.id for task in before.tasks} - {task.id for task in (now.tasks if now else ())}
    try:
        proof.require_in_reach()
        if not deployer.without_events:
            proof.require_ended(stream, deployer.pace.interval, gone)
    except StopUnprovenError as error:
        raise with_instances_note(error, "nothing was sent: they are as they were") from None


def _need_own_stop(deployer: Deployer, app_id: str, change: Change) -> str:
    """Return the version of an app that was stopped. Raises RollingRefusedError if this run did not stop it.

    Then someone else may be working on its database. A change that changes nothing is answered with a version that
    the app does not get.
    """
    now = deployer.fetch_app(app_id)
    if now is not None and change.version in (None, now.version):
        return now.version_text
    raise concurrent_change(app_id)


def _started_again(deployer: Deployer, before: AppState, change: Change) -> str:
    """Undo a stop that did not complete, and return a sentence about the result.

    Its deployment holds the lock, so only ending it helps: Marathon's rollback then restores the count. Tasks that
    were told to stop still end, each in its time, and are no sign of a bad release.
    """
    try:
        back = deployer.cancel_or_restore(before.id, before, change)
    except Exception as error:  # noqa: BLE001 - it must be told, in addition to what stopped the stop
        why = translate_any_error(error).sentence
        return f"they may be scaled to 0, and could not be started again: scale them up ({why})"
    said = "the old definition was put back; the database was not touched"
    try:
        again = deployer.prove(before.definition, back, frozenset(task.id for task in before.tasks))
    except Exception as error:  # noqa: BLE001 - as above
        return f"{said}; whether it is live again is not known: {translate_any_error(error).sentence}"
    why = "; ".join(found.what for found in again.findings)
    return f"{said}, and it is proven live" if again else f"{said}, but it could not be proven live: {why}"


def begin_stop(deployer: Deployer, app_id: str, own: str = "") -> Change:
    """Scale to 0. Raises AppLockedError, AppNotFoundError, NotReadyError if Marathon does not accept it.

    own: a deployment of ours that was cancelled; Marathon may hold its lock on the app for a moment longer.
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
            return Change(None, "")  # an earlier request was applied, and its answer lost

    deployer.ongoing.enter(Phase.REQUESTED, app_id)
    change = deployer.retry_until_accepted(f"{app_id} taking a stop", scaled)
    change = deployer.settled(app_id, change) if attempts > 1 else change
    deployer.ongoing.enter(Phase.STOPPING, app_id, change.deployment_id)
    return change


def wait_stopped(
    deployer: Deployer,
    app_id: str,
    change: Change,
    timeout: float,
    stream: EventStream | None,
    *,
    proof: StopProof | None = None,
) -> bool:
    """Wait until no task is left, twice in a row. Returns whether a task was seen that had been healthy.

    stream: attached before the stop, for state changes of a task between two polls. proof: what is known of the
    tasks from before. Raises NotReadyError after `timeout` seconds, AppNotFoundError, StopUnprovenError.
    """
    client, empty, served, proof = deployer.client, 0, False, proof or StopProof(app_id)

    def stopped() -> None:
        nonlocal empty, served
        deployer.pace.clock()
        listed = any(deployment.id == change.deployment_id for deployment in client.deployments())
        heard = stream.take() if stream else ()
        tasks = client.tasks(app_id)  # newer than the events
        served |= _served(tasks)
        proof.record(tasks, heard)
        empty = 0 if listed or tasks else empty + 1
        if empty < 2:
            raise Retry(f"{len(tasks)} task(s) left, deployment {'running' if listed else 'over'}")

    what, interval = f"Stop of all tasks of {app_id}", deployer.pace.interval
    wait_until(what, stopped, timeout, interval=interval, retry_on=PASSING)
    if deployer.without_events:
        proof.record((), stream.take() if stream else ())
        proof.require_in_reach()
    else:
        proof.require_ended(stream, interval)
    deployer.ongoing.enter(Phase.STOPPED, app_id)
    return served


def end_and_stop(deployer: Deployer, definition: App, deployment_id: str, *, marked_at: str = "") -> Ended:
    """Stop an app although our own deployment of it hangs: end that first, without Marathon's rollback.

    A task may have become healthy since the deployment was judged, and one that never was may serve all the same:
    a health check can be wrong, and not everybody uses the balancer. So the tasks are polled and asked once more
    before the stop, and "runs" says that nothing was stopped; and they are polled while they stop, because
    they serve until their last moment. marked_at: the version at which the app was marked. If it still has that
    version, Marathon has refused the definition and nothing was ever started, so there is nothing to stop.
    """
    client, app_id = deployer.client, absolute(definition)
    if deployment_id:
        with suppress(DeploymentNotFoundError):  # it had already ended
            deployer.retry_until_accepted(
                "The end of the deployment", lambda: client.cancel(deployment_id, force=True)
            )
    try:
        with deployer.listen() as stream:
            app = deployer.fetch_app(app_id)
            if app is None:
                return Ended("")
            if _served(app.tasks) or _answers(deployer, app, definition):
                return Ended("runs")
            if app.version_text == marked_at and not (app.instances or app.tasks or app.deployments):
                # A second stop would change nothing, and look like one by someone else.
                return Ended("", marked_at)
            proof = StopProof(app_id)
            proof.record(app.tasks)
            change = begin_stop(deployer, app_id, own=deployment_id)
            version = _need_own_stop(deployer, app_id, change)
            limit = deployer.pace.stop or stop_limit(definition)
            served = wait_stopped(deployer, app_id, change, limit, stream, proof=proof)
    except AppNotFoundError:
        return Ended("")
    return Ended("stopped" if served else "", version)


def _answers(deployer: Deployer, app: AppState, definition: App) -> bool:
    """Tell whether an instance answers as the wanted release, whatever Marathon calls it."""
    probe = deployer.probe_for(definition)
    return any(ask(app, task.id, probe).good for task in app.tasks)


def _served(tasks: list[Task] | tuple[Task, ...]) -> bool:
    return any(task.served for task in tasks)
