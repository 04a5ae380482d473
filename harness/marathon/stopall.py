"""Replace an app across a schema step: stop all, back up, upgrade once, start all.

No instance of the old release runs while the database changes, and none of the new one before the change is
complete. If anything fails, the way back is the backup: an old release must never be started on an upgraded
database. Once the new one has served there is no way back: the backup lacks everything written since.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from harness.engine.faults import translate_any_error
from harness.errors import HarnessError, with_instances_note
from harness.marathon.claim import (
    REPLACING,
    Claim,
    SomebodyStartedError,
    mark,
    require_others_unclaimed,
    require_unchanged_claim,
    require_unclaimed,
    require_undisturbed,
)
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.errors import RejectedError
from harness.marathon.follow import CHECK, REPAIR, SERVED_AT_ALL
from harness.marathon.model import AppState
from harness.marathon.preconditions import need_others_stopped
from harness.marathon.reach import UnreachableInstancesError, require_reachable
from harness.marathon.rollback import absolute
from harness.marathon.rolling import Decision, RollingRefusedError, require_unchanged
from harness.marathon.stopping import end_and_stop, stop
from harness.marathon.way_back import WayBack
from harness.verdict import Report

SERVED = "the new release is left as it is: it served, and the backup knows nothing of what was written since"
SERVED_LATE = (
    "the new release was stopped, and served just before that: nothing was restored, for the backup knows nothing "
    "of what was written. Deploy it again: python -m harness.marathon deploy"
)
UNSURE = (
    "the database is upgraded, and Marathon may not have taken the new definition: all may be stopped. Deploy it: "
    "python -m harness.marathon deploy, with --ended {run} where the app still bears the label " + REPLACING
)
NOT_ENDED = (
    "the new release may still run on the upgraded database, and nothing was restored: stop it, then restore"
)
MET = (
    "the old release was started again by somebody, or may have been: it runs or ran on the upgraded database, "
    "and nothing was restored. Stop it and whoever starts it, see what it has written, then deploy the new one or "
    "restore"
)


class StepFailedError(HarnessError):
    """Raised by a step that ran with a bad result: a finding, and no reason to doubt the harness."""


DatabaseCommand = Callable[[], None]
"""Work on the database while nothing runs."""


@dataclass(frozen=True)
class DatabaseCommands:
    """Work between stop and start. `restore` brings the backup back; without it all stays stopped."""

    backup: DatabaseCommand
    upgrade: DatabaseCommand
    restore: DatabaseCommand | None = None


def replace_all(
    deployer: Deployer,
    definition: App,
    decision: Decision,
    database: DatabaseCommands,
    *,
    decided_on: str | None = None,
    run: str = "",
    ended: Collection[str] = (),
) -> Report:
    """Carry out a deploy that must not roll. Raises RollingRefusedError if not even this is right.

    decided_on: the app's version when it was decided ("" for none). Any other version is refused: a colleague who
    has stopped the app since may be upgrading its database, and the only sign of that is an app at 0 instances.
    The mark of another run that is not among `ended` is refused too. run: an identifier of this run, for its mark.
    So is another app that runs with the same secrets (UsageError); it is looked for before each step as well.
    A StepFailedError of the backup or upgrade becomes a finding; their other errors are raised again, after the
    way back. Raises RestoreNotBegunError if it could not be seen, before a restore, that nothing runs. The
    report's facts hold the last phase reached ("phase": stop, backup, upgrade or start) and the reaction to a
    failure ("then").
    """
    if decision.how == "refused":
        raise RollingRefusedError(f"This deploy is wrong in any manner: {'; '.join(decision.because)}.")
    app_id = absolute(definition)
    before = deployer.client.find_app(app_id)
    require_unchanged(app_id, before, decided_on)
    require_unclaimed(app_id, before.definition if before else None, ended)
    question = "Does every instance serve the wanted release on its schema?"
    report = Report(CHECK, question, unit="instances", repair=REPAIR)
    report.facts |= {"phase": "stop", "decision": str(decision)}
    started = time.monotonic()
    apps = deployer.client.apps()
    need_others_stopped(definition, apps)
    require_others_unclaimed(definition, apps, ended)
    require_reachable(deployer, before)
    replacement = _Replacement(deployer, definition, before, database, report)
    claim = replacement.stop_phase(run or secrets.token_hex(4))
    if claim is None:
        return report
    if replacement.database_phase(claim):
        replacement.start_phase(claim)
    report.seconds = time.monotonic() - started
    return report


@dataclass(frozen=True)
class _Replacement:
    """The phases of a replacement; each adds its findings to the report. before: the app as it was, if any."""

    deployer: Deployer
    definition: App
    before: AppState | None
    database: DatabaseCommands
    report: Report

    def stop_phase(self, run: str) -> Claim | None:
        """Stop the app and mark it; return None if Marathon refuses that, and the app is as it was."""
        deployer, before = self.deployer, self.before
        try:
            if before is not None and (before.instances or before.tasks):
                return stop(deployer, before, run)
            # An unknown app is created, with no instance, to hold the mark.
            version = before.version_text if before else ""
            return mark(deployer, absolute(self.definition), run, version, self.definition)
        except RejectedError as error:
            self.report.find(absolute(self.definition), error.sentence, repair=error.repair, blocks=error.blocks)
            return None

    def database_phase(self, claim: Claim) -> bool:
        """Back up and upgrade; if that fails, go back. Returns whether the new release may be started."""
        facts = self.report.facts
        try:
            require_undisturbed(self.deployer, claim, self.definition, "before the backup; it was not begun")
            facts["phase"] = "backup"
            self.database.backup()
            require_undisturbed(self.deployer, claim, self.definition, "before the upgrade; it was not begun")
            facts["phase"] = "upgrade"
            self.deployer.ongoing.database_upgraded = True
            self.database.upgrade()
        except SomebodyStartedError as error:
            raise with_instances_note(
                error, "the database was not touched, and what runs now was left to who started it"
            ) from None
        except Exception as caught:  # noqa: BLE001 - whatever it is, the way back is to be gone
            failed = translate_any_error(caught)
            what = f"The {facts['phase']} failed: {failed.sentence}"
            self._way_back.go(claim, touched=facts["phase"] == "upgrade", because=what)
            if not isinstance(failed, StepFailedError):
                found = [finding.what for finding in self.report.findings]
                raise with_instances_note(failed, "\n".join([str(facts["then"]), *found])) from None
            self.report.find(claim.app_id, what, blocks=failed.blocks, repair=failed.repair)
            return False
        return True

    def start_phase(self, claim: Claim) -> None:
        """Start the new release and prove it; if it is bad and has never served, stop it and go back."""
        self.report.facts["phase"] = "start"
        live = self._deploy(claim)
        self.report.findings += live.findings
        self.report.facts |= live.facts
        self.report.looked_at = live.looked_at
        if not live.findings:
            return
        if live.facts.get(SERVED_AT_ALL):
            self.report.facts["then"] = SERVED
            return
        try:
            deployment = str(live.facts.get("deployment", ""))
            served, version = end_and_stop(self.deployer, self.definition, deployment, marked_at=claim.version)
            if not served:
                claim = mark(self.deployer, claim.app_id, claim.run, version)  # reserved during a restore too
        except HarnessError as error:
            said = "\n".join([NOT_ENDED, *(finding.what for finding in live.findings)])
            raise with_instances_note(error, said) from None
        if served:
            self.report.facts["then"] = SERVED if served == "runs" else SERVED_LATE
            return
        self._way_back.go(claim, touched=True, because="\n".join(finding.what for finding in live.findings))

    @property
    def _way_back(self) -> WayBack:
        return WayBack(self.deployer, self.definition, self.before, self.database.restore, self.report)

    def _deploy(self, claim: Claim) -> Report:
        """Deploy without a rollback by Marathon: the old release must not meet the upgraded database."""
        first = Decision("first", ("everything was stopped",))
        try:
            require_unchanged_claim(self.deployer, claim, "while the database was upgraded")
            return self.deployer.deploy(self.definition, first, roll_back=False, decided_on=claim.version)
        except (SomebodyStartedError, RollingRefusedError) as error:
            raise with_instances_note(error, MET) from None
        except UnreachableInstancesError:  # the error itself says what became of the instances
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may be left without this word
            raise with_instances_note(translate_any_error(error), UNSURE.format(run=claim.run)) from None
