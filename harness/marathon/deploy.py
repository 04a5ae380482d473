"""Deploy a definition and prove that it is live, or roll back and prove that.

`deploy` always gives a definite answer: its report says whether every instance serves the wanted release, and if
not, whether every instance of the old one does again. A refusal by Marathon or a fault of an instance is a
finding; a Marathon that does not answer, or a lock held by someone else, is an exception (NOT PROVEN).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.engine.faults import translate_any_error
from harness.errors import HarnessError, with_instances_note
from harness.marathon.definition import App, image_of, instances_of
from harness.marathon.errors import RejectedError, VersionNotFoundError
from harness.marathon.events import EventStream
from harness.marathon.follow import CHECK, REPAIR, facts_of
from harness.marathon.interrupted import Phase
from harness.marathon.live_rule import Wanted
from harness.marathon.lost_answer import ChangeRequest
from harness.marathon.model import AppState, Change
from harness.marathon.reach import require_reachable, unreachable
from harness.marathon.rollback import LIVE_AGAIN, Rollback, absolute, unwatched
from harness.marathon.rolling import (
    Decision,
    RollingRefusedError,
    decide_among,
    require_rolling,
    require_unchanged,
)
from harness.marathon.watch import State
from harness.verdict import Report

QUESTION = "Does every instance serve the wanted release?"
LEFT = "they are left as they are: Marathon calls each of them healthy, and nobody else has asked them"


@dataclass
class Deployer(Rollback):
    """Carry out definitions on one Marathon, and roll back bad ones."""

    def deploy(
        self,
        definition: App,
        decision: Decision | None = None,
        *,
        roll_back: bool = True,
        decided_on: str | None = None,
    ) -> Report:
        """PUT the definition, watch the deployment, roll it back if it is bad.

        `decision` comes from `rolling.decide` with the steps of both images; without it the labels decide.
        decided_on: the app's version at that time ("" for none); images may be pulled for minutes, and others may
        deploy meanwhile. Raises RollingRefusedError, AppLockedError (never forced), UnreachableInstancesError
        (nothing is taken back), and the errors of the client.
        """
        app_id = absolute(definition)
        before = self.fetch_app(app_id)
        how = decision or decide_among([(app, None) for app in self.running(before)], definition)
        require_unchanged(app_id, before, decided_on)
        require_rolling(how)
        if how.how == "first" and before is not None and (before.instances or before.tasks):
            raise RollingRefusedError(
                f"Instances of {app_id} run where none were to run: new ones would meet them on the database.",
                repair="see who started them (an autoscaler, a colleague); decide anew when that is settled",
            )
        require_reachable(self, before)
        # The whole definition, because a check that was removed from it would otherwise stay.
        report = self._changed(
            definition,
            lambda: self.client.put(app_id, definition, whole=True),
            before,
            roll_back=roll_back,
            all_stopped=not roll_back,
        )
        report.facts["how"] = str(how)
        return report

    def running(self, app: AppState | None) -> list[App]:
        """Return the definitions of the running tasks, the app's own first; none if there is no app.

        After a deployment was cancelled by force, the app's definition differs from that of older tasks. For a
        definition that Marathon has forgotten only the id is returned, so that nothing is assumed about it.
        """
        if app is None:
            return []
        changed = app.last_config_change
        older = {task.version_text for task in app.tasks if changed and task.version and task.version < changed}
        found: list[App] = [{**app.definition, "instances": max(app.instances, len(app.tasks))}]
        for version in sorted(older):
            try:
                found.append({**self.client.version(app.id, version), "instances": 1})
            except VersionNotFoundError:
                found.append({"id": app.id, "instances": 1})
        return found

    def scale(self, app_id: str, instances: int) -> Report:
        """Change the number of instances and prove all of them. Raises AppNotFoundError, AppLockedError."""
        before = self.client.app(app_id)
        wanted = {**before.definition, "instances": instances}
        return self._changed(wanted, lambda: self.client.scale(app_id, instances), before)

    def restart(self, app_id: str) -> Report:
        """Replace every task by one of the same definition and prove all. Raises the errors of `scale`."""
        before = self.client.app(app_id)
        return self._changed(before.definition, lambda: self.client.restart(app_id), before, restarted=True)

    def prove(
        self, definition: App, change: Change | None = None, leaving: frozenset[str] = frozenset()
    ) -> Report:
        """Tell whether a definition is live now, without deploying. leaving: tasks told to stop before."""
        change, report, started = change or Change(None, ""), _report(), time.monotonic()
        with self.listen() as stream:
            self.ongoing.enter(Phase.ROLLING_BACK, absolute(definition), change.deployment_id)
            wanted = replace(_wanted(definition, change), leaving=leaving)
            aftermath = _not_followed(change)
            self._followed(wanted, definition, None, stream=stream, report=report, aftermath=lambda _: aftermath)
        report.seconds = time.monotonic() - started
        return report

    def _changed(
        self,
        definition: App,
        act: Callable[[], Change],
        before: AppState | None,
        *,
        roll_back: bool = False,
        restarted: bool = False,
        all_stopped: bool = False,
    ) -> Report:
        """Carry a change out, follow the deployment, and roll it back if that is wanted and the result is bad.

        all_stopped: nothing runs, and the database may be upgraded. Instances are asked early, as of Watch, and a
        request that Marathon answers with 500 is repeated.
        """
        app_id, report, started = absolute(definition), _report(), time.monotonic()
        earlier = (self.ongoing.phase, self.ongoing.app_id, self.ongoing.deployment_id)
        with self.listen() as stream:
            self.ongoing.enter(Phase.REQUESTED, app_id)
            try:
                change = ChangeRequest(self, definition, act, before, repeat_500=all_stopped).send()
            except RejectedError as error:
                self.ongoing.enter(*earlier)
                report.find(app_id, error.sentence, repair=error.repair, blocks=error.blocks)
                return report
            self.ongoing.enter(Phase.DEPLOYING, app_id, change.deployment_id)

            def aftermath(wanted: Wanted) -> str:
                if roll_back:
                    return self._roll_back_unfollowed(definition, before, change, wanted)
                return _not_followed(change)

            wanted = replace(_wanted(definition, change), restarted=restarted)
            wanted = self._followed(
                wanted,
                definition,
                before,
                stream=stream,
                report=report,
                aftermath=aftermath,
                ask_early=all_stopped,
            )
        if report.findings and roll_back:
            self._roll_back_bad(definition, before, change, wanted, report)
        report.seconds = time.monotonic() - started
        return report

    def _followed(
        self,
        wanted: Wanted,
        definition: App,
        before: AppState | None,
        *,
        stream: EventStream | None,
        report: Report,
        aftermath: Callable[[Wanted], str],
        ask_early: bool = False,
    ) -> Wanted:
        """Follow a deployment to its end and report the result; return the wanted state as known by then.

        aftermath: states what becomes of the deployment; added to any error that stops the following.
        """
        try:
            wanted = self._unmoved(wanted, before)
            running = before.running if before else 0
            watch = self.watch(wanted, definition, running, ask_early=ask_early)
            state = self.follow(watch, definition, stream)
        except Exception as error:  # noqa: BLE001 - a bad deployment goes on by itself, whatever broke here
            raise with_instances_note(translate_any_error(error), aftermath(wanted)) from None
        report.facts |= facts_of(watch, definition, stream)
        if state is State.GOOD:
            report.looked_at = wanted.instances
            self.ongoing.enter(Phase.PROVEN, wanted.app_id)
        elif unknown := unreachable(watch, definition):
            raise with_instances_note(unknown, LEFT)
        else:
            report.findings.append(self.finding(watch))
        return wanted

    def _unmoved(self, wanted: Wanted, before: AppState | None) -> Wanted:
        """Accept the old version too if the change was none: then Marathon does not change the version.

        Decided by Marathon's reaction and not by comparing definitions: if the old version counted as ours, the
        earlier failures of its tasks would count too.
        """
        if before is None:
            return wanted
        now = self.fetch_app(wanted.app_id)
        unmoved = now is not None and now.version == before.version
        return replace(wanted, also=before.version) if unmoved else wanted

    def _roll_back_bad(
        self, definition: App, before: AppState | None, change: Change, wanted: Wanted, report: Report
    ) -> None:
        """Roll back a deployment that was found to be bad; if that fails, add a finding."""
        try:
            self.roll_back_unless_changed(definition, before, change, wanted.also, report)
        except HarnessError as error:
            repair = f"{unwatched(change.deployment_id)}: DELETE /v2/deployments/{change.deployment_id}"
            what = f"It could not be taken back: {error.sentence}"
            report.find(absolute(definition), what, blocks=error.blocks, repair=repair)

    def _roll_back_unfollowed(
        self, definition: App, before: AppState | None, change: Change, wanted: Wanted
    ) -> str:
        """Roll back a deployment that could no longer be followed, and return a sentence about its outcome."""
        report = _report()
        self._roll_back_bad(definition, before, change, wanted, report)
        if report.findings:
            return "\n".join(f"{finding.what} What to do: {finding.repair}" for finding in report.findings)
        live = "the old release is proven live" if LIVE_AGAIN in report.facts else "nothing runs, as before"
        return f"the deployment was taken back, {live}"


def _report() -> Report:
    return Report(CHECK, QUESTION, unit="instances", repair=REPAIR)


def _wanted(definition: App, change: Change) -> Wanted:
    return Wanted(
        absolute(definition), image_of(definition), instances_of(definition), change.deployment_id, change.version
    )


def _not_followed(change: Change) -> str:
    return unwatched(change.deployment_id) if change.deployment_id else "what runs now is not known"
