"""Deploy a definition, prove that it lives, or go back and prove that.

`deploy` never leaves the answer open: its report says whether every instance serves the wanted release, and if
not, whether every instance of the old one does again. What Marathon refuses or an instance does wrong is a
finding; a Marathon that does not answer, or a lock held by somebody else, is an exception (NOT PROVEN).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from harness.marathon.definition import App, image_of, instances_of
from harness.marathon.errors import PASSING, DeploymentNotFoundError, RejectedError
from harness.marathon.follow import CHECK, Follower, facts_of
from harness.marathon.gate import Wanted
from harness.marathon.model import AppState, Change
from harness.marathon.rolling import Decision, decide, require_rolling
from harness.marathon.watch import State
from harness.verdict import Finding, Report
from harness.waits import Retry, wait_until

QUESTION = "Does every instance serve the wanted release?"


@dataclass
class Deployer(Follower):
    """Carries definitions out on one Marathon, and goes back when they are no good."""

    def deploy(self, definition: App, decision: Decision | None = None, *, undo: bool = True) -> Report:
        """PUT the definition, watch it, undo it when it is no good.

        `decision` comes from `rolling.decide` with the steps of both images; without it the labels decide.
        Raises RollingRefusedError, AppLockedError (never forced), and what the client raises.
        """
        app_id = absolute(definition)
        before = self.client.find_app(app_id)
        how = decision or decide(running_definition(before), definition)
        require_rolling(how)
        same = before is not None and same_definition(definition, before.definition)
        also = before.version if same and before else None
        # The whole definition, or a check that was taken out of it would live on.
        report = self._carry_out(
            definition, lambda: self.client.put(app_id, definition, whole=True), before, also=also, undo=undo
        )
        report.facts["how"] = str(how)
        return report

    def restart(self, app_id: str) -> Report:
        """Replace every task by a new one of the same definition. Raises AppNotFoundError, AppLockedError."""
        before = self.client.app(app_id)
        return self._carry_out(before.definition, lambda: self.client.restart(app_id), before, restart=True)

    def scale(self, app_id: str, instances: int) -> Report:
        """Change the number of instances and prove all of them. Raises AppNotFoundError, AppLockedError."""
        before = self.client.app(app_id)
        wanted = {**before.definition, "instances": instances}
        return self._carry_out(wanted, lambda: self.client.scale(app_id, instances), before)

    def prove(self, definition: App, change: Change | None = None) -> Report:
        """Ask whether a definition is live now, without deploying anything."""
        return self._carry_out(definition, lambda: change or Change(None, ""), None)

    def _carry_out(
        self,
        definition: App,
        act: Callable[[], Change],
        before: AppState | None,
        *,
        also: datetime | None = None,
        undo: bool = False,
        restart: bool = False,
    ) -> Report:
        app_id = absolute(definition)
        report = Report(CHECK, QUESTION, unit="instances")
        started = time.monotonic()
        with self.listen() as stream:
            try:
                change = act()
            except RejectedError as error:
                report.find(app_id, error.sentence, repair=error.repair, blocks=error.blocks)
                return report
            wanted = Wanted(
                app_id,
                image_of(definition),
                instances_of(definition),
                change.deployment_id,
                change.version,
                also,
                restart,
            )
            watch = self.watch(wanted, definition, before.running if before else 0)
            state = self.follow(watch, definition, stream)
            report.facts |= facts_of(watch, definition, stream)
        if state is State.GOOD:
            report.looked_at = wanted.instances
        else:
            report.findings.append(self.finding(watch))
            if undo and self._still_ours(app_id, change, also, report):
                self.undo(app_id, before, change, report)
        report.seconds = time.monotonic() - started
        return report

    def _still_ours(self, app_id: str, change: Change, also: datetime | None, report: Report) -> bool:
        """Tell whether the app is as we left it. What somebody else has changed since is not ours to take back."""
        now = self.client.find_app(app_id)
        if now is None or change.version is None or now.version in (None, change.version, also):
            return True
        report.facts["rollback"] = "none: somebody else has changed the app meanwhile"
        what = f"Somebody else has changed the app (version {now.version_text}), so nothing was taken back."
        report.findings.append(Finding(CHECK, app_id, what, repair="find out who, and deploy again"))
        return False

    def undo(self, app_id: str, before: AppState | None, failed: Change, report: Report) -> None:
        """Go back, wait for the rollback (a deployment of its own), and prove the old release live again."""
        change = self._go_back(app_id, before, failed)
        report.facts["rollback"] = change.deployment_id
        if before is None or before.instances == 0:
            self._wait_gone(app_id, before, change, report)
            return
        wanted = Wanted(
            app_id, before.image, before.instances, change.deployment_id, change.version, before.version
        )
        watch = self.watch(wanted, before.definition, before.running)
        with self.listen() as stream:
            state = self.follow(watch, before.definition, stream)
        report.facts["old release live again"] = state is State.GOOD
        if state is not State.GOOD:
            found = self.finding(watch)
            what = f"The rollback is not proven: {found.what}"
            report.findings.append(Finding(CHECK, app_id, what, blocks=found.blocks, repair=found.repair))

    def _go_back(self, app_id: str, before: AppState | None, failed: Change) -> Change:
        try:
            change = self.client.cancel(failed.deployment_id)
            if change is not None:
                return change
        except DeploymentNotFoundError:
            pass  # it has ended: what it brought must be replaced by a deployment of our own
        if before is None:
            return self.client.delete(app_id)
        return self.client.put(app_id, {"version": before.version_text})

    def _wait_gone(self, app_id: str, before: AppState | None, change: Change, report: Report) -> None:
        """There was nothing before: going back means that nothing runs."""

        def gone() -> None:
            self.pace.clock()
            app = self.client.find_app(app_id)
            if any(one.id == change.deployment_id for one in self.client.deployments()):
                raise Retry(f"deployment {change.deployment_id} is still running")
            if app is not None and (before is None or app.tasks):
                raise Retry(f"the app is still there with {len(app.tasks)} task(s)")

        wait_until(f"Removal of {app_id}", gone, 120, interval=self.pace.interval, retry_on=PASSING)
        report.facts["nothing ran before, nothing runs now"] = True


def absolute(definition: App) -> str:
    """Return the id of a definition with its leading slash."""
    return "/" + str(definition.get("id", "")).strip("/")


def running_definition(app: AppState | None) -> App | None:
    """Return the definition of what runs, counting tasks that have not yet left."""
    if app is None:
        return None
    return {**app.definition, "instances": max(app.instances, len(app.tasks))}


def same_definition(wanted: object, live: object) -> bool:
    """Whether everything that `wanted` says is what `live` has: then a PUT changes nothing.

    Empty and absent are the same, and so are 1 and 1.0; a port of 0 stands for one that Marathon chose.
    """
    if isinstance(wanted, Mapping):
        other = live if isinstance(live, Mapping) else {}
        return all(same_definition(value, other.get(key)) for key, value in wanted.items() if key != "id")
    if isinstance(wanted, list):
        others = live if isinstance(live, list) else []
        return len(wanted) == len(others) and all(map(same_definition, wanted, others))
    if wanted in (None, 0, "", False):
        return True
    return wanted == live
