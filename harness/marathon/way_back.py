"""Go back after a replacement that failed: restore the backup, start the old release and prove it.

Nothing is restored below what runs, nor while that cannot be seen; and the old release is never started on a
database that was touched and not restored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.engine.faults import translate_any_error
from harness.errors import HarnessError, InfrastructureError
from harness.marathon.claim import (
    Claim,
    OtherAppRunsError,
    SomebodyStartedError,
    require_unchanged_claim,
    require_undisturbed,
    unmark,
)
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.model import AppState
from harness.verdict import Report

_IN_USE = "nothing was restored: somebody's instances run, or may have run, on the database that was touched"
_FIRST_STOP = (
    "stop what runs there and whoever starts it, see what it has written since the backup, then restore that by "
    "hand and start the old release"
)
_BY_HAND = "see what runs, and only if nothing of the new release does, start the old one by its own definition"
_RESTORE = "restore the backup by hand before anything is started"
_NOT_RESTORED = (
    "all instances stay stopped, and the database is as the failed change left it: the restore command was not run"
)
_LOOK_THEN_RESTORE = (
    "see why Marathon could not be asked, and wait until it answers; see that nothing of the app runs (python -m "
    "harness.marathon status {app}), nor another app on its database; then restore the backup by hand, and only "
    "after that start the old release: python -m harness.marathon deploy, with --ended {run}"
)


class RestoreNotBegunError(InfrastructureError):
    """Raised if a restore was not begun because it could not be seen that nothing runs: the backup is unharmed."""


@dataclass(frozen=True)
class WayBack:
    """The way back of one replacement. before: the app as it was, if any. restore: brings the backup back.

    What is done is added to the report: its findings, and the fact "then".
    """

    deployer: Deployer
    definition: App
    before: AppState | None
    restore: Callable[[], None] | None
    report: Report

    def go(self, claim: Claim, *, touched: bool, because: str) -> None:
        """Restore a touched database, start the old release and prove it; or report that all stays stopped.

        because: what had failed, for the message of the RestoreNotBegunError that this may raise.
        """
        deployer, before, report = self.deployer, self.before, self.report
        if touched and not self._restored(claim, because):
            return
        if before is None or before.instances == 0:
            report.facts["then"] = f"nothing ran before, so nothing was started{unmark(deployer, claim)}"
            return
        try:
            when = "while the backup was restored" if touched else "during the backup"
            require_unchanged_claim(deployer, claim, when)
            change = deployer.restore_version(before)
        except HarnessError as error:
            report.facts["then"] = "the old release was not started: see what runs, and start it"
            what = f"The old release could not be started: {error.sentence}"
            report.find(before.id, what, blocks=error.blocks, repair=_BY_HAND)
            return
        try:
            again = deployer.prove(before.definition, change)
        except HarnessError as error:
            report.facts["then"] = "the old release was started, and whether it is live is not known"
            report.find(
                before.id, f"The old release could not be looked at: {error.sentence}", blocks=error.blocks
            )
            return
        live = "the old release is live again" if again else "the old release could not be proven live"
        report.facts["then"] = live
        report.findings += again.findings

    def _restored(self, claim: Claim, because: str) -> bool:
        """Restore the backup while nothing runs; report the reason if that was not done."""
        report = self.report
        if self.restore is None:
            report.facts["then"] = "all instances stay stopped: the database was touched and there is no restore"
            return False
        if not self._undisturbed(claim, because):
            return False
        try:
            self.restore()
        except Exception as caught:  # noqa: BLE001 - a restore that broke in any way was none
            failed = translate_any_error(caught)
            report.facts["then"] = "all instances stay stopped: the restore failed as well"
            report.find(
                "database", f"The restore failed: {failed.sentence}", blocks=failed.blocks, repair=_RESTORE
            )
            return False
        self.deployer.ongoing.database_upgraded = False
        return True

    def _undisturbed(self, claim: Claim, because: str) -> bool:
        """Return whether nothing runs on the database; report what does. Raises RestoreNotBegunError."""
        report = self.report
        try:
            require_undisturbed(self.deployer, claim, self.definition, "before the restore; it was not begun")
        except (SomebodyStartedError, OtherAppRunsError) as error:
            report.facts["then"] = f"{_IN_USE}; {_FIRST_STOP}"
            report.find(claim.app_id, error.sentence, repair=_FIRST_STOP)  # that of the error: before a change
            return False
        except Exception as caught:  # noqa: BLE001 - whatever it is, it is no failure of the restore
            unseen = translate_any_error(caught)
            raise RestoreNotBegunError(
                f"The restore was not begun: {unseen.sentence}",
                [("Before that", because), *unseen.blocks, ("What became of the instances", _NOT_RESTORED)],
                repair=_LOOK_THEN_RESTORE.format(app=claim.app_id, run=claim.run),
            ) from None
        return True
