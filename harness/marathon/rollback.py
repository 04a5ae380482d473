"""Roll back a bad deploy: as soon as it is recognised, and repeatedly until Marathon has accepted it.

Marathon may be electing a leader at that very moment. So every change of a rollback is repeated while the error is
a temporary one; each of them may be sent twice. A step that cannot be done is a finding, or part of the error,
never silent: a bad deployment goes on by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from harness.common.waits import NotReadyError, Retry, wait_until
from harness.errors import HarnessError
from harness.marathon.comparison import changes
from harness.marathon.definition import App, number
from harness.marathon.errors import PASSING, AppLockedError, AppNotFoundError, DeploymentNotFoundError
from harness.marathon.follow import CHECK, Follower
from harness.marathon.interrupted import Phase
from harness.marathon.live_rule import Wanted
from harness.marathon.model import AppState, Change
from harness.marathon.watch import State
from harness.verdict import Finding, Report

LIVE_AGAIN = "old release live again"


def stop_limit(definition: App) -> float:
    """Return the limit for the end of all tasks: 60 s and two kill grace periods, as each may begin late."""
    return max(300.0, 60 + 2 * number(definition.get("taskKillGracePeriodSeconds"), 3))


def unwatched(deployment_id: str) -> str:
    """Return a sentence that a deployment goes on and needs supervision."""
    return f"deployment {deployment_id or '(unknown)'} goes on unwatched"


@dataclass
class Rollback(Follower):
    """Rolls this harness's deployments back on one Marathon."""

    def roll_back_unless_changed(
        self,
        definition: App,
        before: AppState | None,
        change: Change,
        also: datetime | None,
        report: Report,
    ) -> None:
        """Roll back a deployment unless others have changed the app since; the report says how that ended.

        Raises what the client raises, and NotReadyError, if not even the attempt could be made.
        """
        app_id = absolute(definition)
        if self.is_unchanged(app_id, change, also, report):
            self.roll_back(definition, before, change, report)

    def is_unchanged(self, app_id: str, change: Change, also: datetime | None, report: Report) -> bool:
        """Tell whether the app is unchanged since. Changes by others are not undone."""
        now = self.fetch_app(app_id)
        if now is None or change.version is None or now.version in (None, change.version, also):
            return True
        report.facts["rollback"] = "none: somebody else has changed the app meanwhile"
        what = f"Somebody else has changed the app (version {now.version_text}), so nothing was taken back."
        report.findings.append(Finding(CHECK, app_id, what, repair="find out who, and deploy again"))
        return False

    def roll_back(self, definition: App, before: AppState | None, failed: Change, report: Report) -> None:
        """Go back, wait for the rollback (a deployment of its own), and prove the old release live again."""
        app_id = absolute(definition)
        change = self.cancel_or_restore(app_id, before, failed)
        self.ongoing.enter(Phase.ROLLING_BACK, app_id, change.deployment_id)
        report.facts["rollback"] = change.deployment_id
        if before is None or before.instances == 0:
            self._wait_gone(definition, before, change, report)
            return
        wanted = Wanted(
            app_id, before.image, before.instances, change.deployment_id, change.version, before.version
        )
        watch = self.watch(wanted, before.definition, before.running)
        try:
            with self.listen() as stream:
                live = self.follow(watch, before.definition, stream) is State.GOOD
            found = None if live else self.finding(watch)
        except HarnessError as error:
            repair = f"see deployment {change.deployment_id or 'none'} and the app's tasks"
            found = Finding(CHECK, app_id, error.sentence, blocks=error.blocks, repair=repair)
        report.facts[LIVE_AGAIN] = found is None
        if found is None:
            self.ongoing.enter(Phase.PROVEN, app_id)
        else:
            what = f"The rollback is not proven: {found.what}"
            report.findings.append(Finding(CHECK, app_id, what, blocks=found.blocks, repair=found.repair))

    def cancel_or_restore(self, app_id: str, before: AppState | None, failed: Change) -> Change:
        """Cancel a deployment, which Marathon answers with a rollback; put the previous version if it is over.

        Raises AppLockedError if another deployment of the app runs, NotReadyError if Marathon does not accept it.
        """
        if failed.deployment_id:
            try:
                change = self.retry_until_accepted(
                    "The rollback", lambda: self.client.cancel(failed.deployment_id)
                )
            except DeploymentNotFoundError:
                pass  # it has ended: its result must be replaced by a new deployment
            else:
                if change is not None:
                    return change
        return self.restore_version(before) if before is not None else self._remove(app_id)

    def restore_version(self, before: AppState) -> Change:
        """PUT the previous version. Raises AppLockedError, NotReadyError, RejectedError."""

        def put() -> Change:
            try:
                return self.client.put(before.id, {"version": before.version_text})
            except AppLockedError:
                # An earlier attempt was accepted and its answer lost, or Marathon's own rollback is in progress.
                now = self.client.find_app(before.id)
                if now is not None and before.instances and not now.instances:
                    # The harness's stop was accepted and every answer lost: its lock goes with the last task.
                    raise Retry("a stop of the app is under way") from None
                if now is None or changes(before.definition, now.definition):
                    raise
                return Change(None, "")

        self.ongoing.enter(Phase.ROLLING_BACK, before.id)
        return self.settled(before.id, self.retry_until_accepted(f"The old definition of {before.id}", put))

    def settled(self, app_id: str, change: Change) -> Change:
        """Return the version that the app has and the deployment that brings it, after a PUT sent twice.

        If the first attempt was accepted and its answer lost, the second changes nothing: Marathon answers it with
        a version that the app does not get and a deployment that is over at once.
        """
        now = self.fetch_app(app_id)
        if now is None or now.version == change.version:
            return change
        return Change(now.version, "".join(now.deployments[:1]))

    def _remove(self, app_id: str) -> Change:
        try:
            return self.retry_until_accepted(f"The removal of {app_id}", lambda: self.client.delete(app_id))
        except AppNotFoundError:
            return Change(None, "")  # done by the rollback, or by an attempt whose answer was lost

    def _wait_gone(self, definition: App, before: AppState | None, change: Change, report: Report) -> None:
        """Wait until nothing runs, twice in a row: nothing ran before, so this completes the rollback."""
        app_id, looks = absolute(definition), 0

        def gone() -> None:
            nonlocal looks
            self.pace.clock()
            looks, seen = 0, looks
            listed = [
                deployment.id for deployment in self.client.deployments() if deployment.id == change.deployment_id
            ]
            app = self.client.find_app(app_id)
            if listed or (app is not None and change.deployment_id in app.deployments):
                raise Retry(f"deployment {change.deployment_id} is still running")
            # A rollback is stored before it is listed, and tasks in backoff are in no list at all.
            if app is not None and (before is None or app.instances or app.tasks):
                raise Retry(f"the app is still there: {app.instances} wanted, {len(app.tasks)} task(s)")
            looks = seen + 1
            if looks < 2:
                raise Retry("nothing runs, seen once")

        limit = self.pace.stop or stop_limit(definition)
        try:
            wait_until(f"Removal of {app_id}", gone, limit, interval=self.pace.interval, retry_on=PASSING)
        except NotReadyError as error:
            what = f"Nothing ran before, and that nothing runs now is not proven: {error.sentence}"
            repair = f"see deployment {change.deployment_id or 'none'}; scale {app_id} to 0"
            report.findings.append(Finding(CHECK, app_id, what, blocks=error.blocks, repair=repair))
            return
        report.facts["nothing ran before, nothing runs now"] = True
        self.ongoing.enter(Phase.PROVEN, app_id)


def absolute(definition: App) -> str:
    """Return the id of a definition with its leading slash."""
    return "/" + str(definition.get("id", "")).strip("/")
