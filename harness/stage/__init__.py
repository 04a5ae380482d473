"""The questions asked of one upgrade, each answered once.

So tests may ask in any order, and a gate may ask for all of it at once. What only reads comes before what writes.

`sides` has both of its sides, `known` what is known before it runs, `asking` how questions are asked, `visitor`
who tries the site.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from harness import images
from harness.checks import absorbed, mails, meaning_told, organization, step_mentions, views
from harness.checks import application as application_check
from harness.checks import history as history_check
from harness.checks import integrity as integrity_check
from harness.checks import meaning as meaning_check
from harness.checks import preflight as preflight_check
from harness.checks import rows as rows_check
from harness.checks import run as run_check
from harness.checks import schema as schema_check
from harness.checks.former_release import Former
from harness.checks.meaning_allowances import Upgrade
from harness.checks.meaning_told import Meaning
from harness.common.waits import GoneError, NotReadyError, Retry
from harness.database import schema
from harness.rt.thaw import Thawer
from harness.stage import known as knowledge
from harness.stage import visitor
from harness.stage.asking import Asking
from harness.upgrade import UpgradeRun
from harness.verdict import Report


def of_the_image(version: str) -> list[str]:
    """Return what no check of an upgrade asks of the image that the user has named for a release; [] without one.

    The smoke tests ask it, of those that are built here as well.
    """
    if not images.named_by_user(f"rt-{version}"):
        return []
    return [
        "the image that was named, by itself: whether its health check fails when it must, whether it refuses a "
        "database of another release, and how it ends: with the same RT_HARNESS_IMAGES, "
        f".venv/bin/python -m pytest tests/smoke -k '[{version}'"
    ]


class Stage(Asking):
    """An upgrade and what is asked of it.

    validates: whether preflight shows what rt-validator says of the old side: it takes seconds and is no finding.
    """

    validates = True

    # Reports that only read.

    def preflight(self) -> Report:
        """Can this upgrade go well? Asked of the untouched copy, by the old release and by the target."""

        def ask() -> Report:
            old = self.old()
            known = preflight_check.Evidence(
                configuration=self.lifecycle.new_side.configuration,
                old_configuration=self.lifecycle.configuration,
                recognised=self.recognised(),
            )
            if old and self.validates and (witness := self.witness()):
                known.validation = self.old_validation(witness)
            path = (self.pair.origin, self.pair.target)
            return preflight_check.check(self.before(), old, self.scout(), path, steps=self.steps(), known=known)

        return self._report(preflight_check.CHECK, ask)

    def ran(self) -> Report:
        """Did the upgrade end well?"""
        return self._answer(
            run_check.CHECK, lambda: run_check.check(self.run(), self.steps(), before=self.old_start)
        )

    def history(self) -> Report:
        """Does RT's own history tell of a complete upgrade?"""

        def ask() -> Report:
            thaw = Thawer(self.new())
            before = self.old_history()
            after = history_check.read(self.after(), thaw)
            report = history_check.check(before, after, self.steps(), self.pair.origin, self.pair.target)
            report.out_of_scope += knowledge.extensions(before, after)
            return report

        return self._answer(history_check.CHECK, ask)

    def schema(self) -> Report:
        """Is the upgraded schema a fresh install's?"""

        def ask() -> Report:
            after, before = schema.read(self.after()), self.old_schema()
            said = step_mentions.read(self.new(), self.steps())
            report = schema_check.check(after, self.fresh_schema(), self.steps(), before, spoken=said)
            views.judge(report, self.before(), self.after())
            absorbed.judge(report, absorbed.read(self.new()), before, after, self.after())
            return report

        return self._answer(schema_check.CHECK, ask)

    def rows(self) -> Report:
        """Is every row accounted for?"""

        def ask() -> Report:
            self.run()
            known = self.remembered("digests", lambda: rows_check.digests(self.before()))
            return rows_check.check(self.before(), self.after(), self.steps(), Thawer(self.new()), known=known)

        return self._answer(rows_check.CHECK, ask)

    def integrity(self) -> Report:
        """Does rt-validator find what it did not find before?"""

        def ask() -> Report:
            old = self.witness()
            before = self.old_validation(old) if old else None
            self.run()
            after = integrity_check.collect(self.new())
            report = integrity_check.check(before, after, lambda: integrity_check.collect(self.scout()))
            report.out_of_scope += self.spoken_for("validates")
            return report

        return self._answer(integrity_check.CHECK, ask)

    def meaning(self) -> Report:
        """Does RT say the same about the data as the old release did?"""

        def ask() -> Report:
            old, accounts = self.witness(), self.accounts()
            every = meaning_told.sampling(self.before())
            before = None
            if old:
                now = self.moment()
                before = self._of_old_side(
                    f"meaning at {now}", Meaning, lambda: meaning_told.collect(old, accounts, every, now=now)
                )
            after = self._telling().result()
            resorted = meaning_told.sorting(self.witnessed() or self.before()) != meaning_told.sorting(
                self.after()
            )
            origin = self.witness_release() or self.pair.origin
            done = Upgrade(origin, self.pair.target, tuple(self.steps()), resorted)
            report = meaning_check.check(before, after, done)
            organization.judge(report, self.before(), [one.organization for one in (before, after) if one])
            report.out_of_scope += self.spoken_for("itself says of its data") if before else []
            return report

        return self._answer(meaning_check.CHECK, ask)

    def _telling(self) -> Future[Meaning]:
        """What the target says of the upgraded copy: being told, of the copy as it is when this returns."""

        def begin() -> Future[Meaning]:
            self.run()
            held = threading.Event()
            every = meaning_told.sampling(self.before())
            pool = ThreadPoolExecutor(1)
            told = pool.submit(
                meaning_told.collect, self.new(), self.accounts(), every, held=held.set, now=self.moment()
            )
            told.add_done_callback(lambda _: held.set())  # also where it fails
            pool.shutdown(wait=False)
            held.wait()
            return told

        return self._once("telling", begin)

    def read_everything(self) -> None:
        """Have all that reads, or holds on to what it reads: from here on the upgraded copy may be written to."""
        self._at_once(self._telling, self.rows, self.integrity, self.schema, self.history, self.ran)

    # The report that writes.

    def application(self) -> Report:
        """Does the site work for people, programs, mail and jobs? Asked last: the answer leaves traces."""

        def ask() -> Report:
            self.read_everything()
            try:
                self.site()
            except NotReadyError as error:
                return self._never_came_up(error)
            visit = visitor.invite(self.new(), self.site(), self.after(), self.accounts(), thorough=self.thorough)
            report = application_check.check(
                visit,
                mails=lambda report, starts: mails.judge(report, self.old_mails(), self.new(), starts),
                former=Former(self.old_start, self.old_mails, self.old_jobs),
            )
            report.out_of_scope += self.spoken_for("sends by mail")
            report.out_of_scope += of_the_image(self.pair.target)
            return report

        return self._answer(application_check.CHECK, ask)

    def _never_came_up(self, error: NotReadyError) -> Report:
        """Return the finding that the site does not start. Raises the error where it may be the machine's fault.

        Apache that ends, or answers with an error for two minutes, has its reason in the site's own files or data.
        """
        self.need_containers("the start of the site")
        killed = "exit code 137" in error.sentence  # by hand, or for want of memory
        if killed or (not isinstance(error, GoneError) and not isinstance(error.__cause__, Retry)):
            raise error
        return visitor.shut_out(error)

    # All of it at once.

    def conduct(self) -> None:
        """Make everything, as much of it at once as makes sense; for a gate, which will ask for all of it.

        What goes wrong here shows again when a test asks for it.
        """
        with self._phase_of("both sides"):
            self._at_once(self._warm, self.fresh_schema)
            self._at_once(self.recognised)
        # Each has a copy of its own, so neither preflight nor the old side's copy need keep the upgrade waiting.
        self._at_once(self.run, self.preflight)
        with self._phase_of("checks"):
            reading = (self.rows, self.integrity, self.site, self.schema, self.history, self.ran)
            self._at_once(*reading, self.meaning, self.application)

    def _warm(self) -> None:
        """Have RT loaded where it will be asked most, while the machine is waiting for other things."""
        self.new().warm_up()

    def facts(self) -> dict[str, Any]:
        """Return what a report shows beside the checks."""
        made: UpgradeRun | None = self._once.done("run")
        rows: Report | None = self._once.done("report rows")
        return {
            "upgrade steps": made.facts()["steps"] if made else [],
            "row_changes": rows.facts.get("row_changes", []) if rows else [],
        }


QUESTIONS: Mapping[str, Callable[[Stage], Report]] = {
    preflight_check.CHECK: Stage.preflight, run_check.CHECK: Stage.ran, history_check.CHECK: Stage.history,
    schema_check.CHECK: Stage.schema, rows_check.CHECK: Stage.rows, integrity_check.CHECK: Stage.integrity,
    meaning_check.CHECK: Stage.meaning, application_check.CHECK: Stage.application,
}  # fmt: skip
"""What is asked of an upgrade, by the names of the checks, in the order of a report."""
