"""An upgrade on stage: both of its sides, and the questions asked of them, each answered once.

So tests may ask in any order, and a gate may ask for all of it at once. What only reads comes before what writes.

`sides`: both copies, and the upgrade of one. `old_side`: what the old release says of the other. `questions`:
what each check is asked of them. Below these `copies` (and how they are prepared), `memory` of earlier runs,
`shown` for who watches; `visitor` tries the site.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from harness import leftovers
from harness.checks import application, history, integrity, meaning, meaning_told, preflight, rows, run, schema
from harness.checks.meaning_told import Meaning
from harness.checks.preflight import Recognised
from harness.common import parallel
from harness.common.once import Once
from harness.common.wording import amount
from harness.dump.choice import Choice
from harness.errors import RefusedError
from harness.stage import questions
from harness.stage.copies import Copies, Preparation
from harness.stage.old_side import OldSide
from harness.stage.shown import Shown
from harness.stage.sides import Sides
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Finding, Report


@dataclass(frozen=True)
class Scope:
    """How much is asked. thorough: every kind of page, every queue and dashboard; somebody who waits wants less.

    validates: whether preflight shows what rt-validator says of the old side: it takes seconds and is no finding.
    accepts: tells which findings somebody has signed off, so that they do not keep the upgrade from being run.
    """

    thorough: bool = True
    validates: bool = True
    accepts: Callable[[Finding], bool] = lambda _: False


class Stage:
    """An upgrade and what is asked of it. Close it when done: it owns containers."""

    def __init__(
        self, lifecycle: Lifecycle, choice: Choice, *, shown: Shown | None = None, scope: Scope | None = None,
        preparation: Preparation | None = None,
    ) -> None:  # fmt: skip
        """Remember what it is about; nothing is started yet."""
        self.scope, self.pair = scope or Scope(), choice.pair
        self._shown = shown or Shown()
        self._copies = Copies(lifecycle, self._shown, preparation)
        self.sides = Sides(self._copies, choice, self.refusal)
        self.old_side = OldSide(self.sides)
        self._begun: list[Future[None]] = []
        self._over = threading.Event()
        self._once = Once()

    # Whether the upgrade may be run at all.

    def recognised(self) -> Recognised:
        """What the dump is, by its own account: the part of preflight that may forbid the upgrade."""
        return self._once("recognised", lambda: questions.recognised(self.sides, self.old_side))

    def refusal(self) -> RefusedError | None:
        """Why the upgrade must not be run: a second time, from the wrong release, or on half of one."""
        stops = [one for one in self.recognised().stops if not self.scope.accepts(one)]
        if not stops:
            return None
        return RefusedError(
            f"The upgrade was not run, as preflight found that it is not one for this database: {stops[0].what}.",
            repair=next((one.repair for one in stops if one.repair), ""),
        )

    def _answer(self, name: str, ask: Callable[[], Report]) -> Report:
        """Report on the upgrade. Raises RefusedError at once where it must not be run."""
        if refusal := self.refusal():
            raise refusal
        return self._report(name, ask)

    def _report(self, name: str, ask: Callable[[], Report]) -> Report:
        return self._once(f"report {name}", lambda: self._asked(name, ask))

    def _asked(self, name: str, ask: Callable[[], Report]) -> Report:
        started = time.monotonic()
        with self._shown.step(name) as running:
            report = ask()
            if report.findings:
                self._copies.need(f"the check {name}")
            report.seconds = round(time.monotonic() - started, 2)
            if report.findings:
                running.fail(f"{len(report.findings)} findings")
            else:
                running.note(amount(report.looked_at, report.unit))
            return report

    # Reports that only read.

    def preflight(self) -> Report:
        """Can this upgrade go well?"""
        validates = self.scope.validates
        return self._report(
            preflight.CHECK,
            lambda: questions.preflight(self.sides, self.old_side, self.recognised(), validates=validates),
        )

    def ran(self) -> Report:
        """Did the upgrade end well?"""
        return self._answer(run.CHECK, lambda: questions.run(self.sides, self.old_side))

    def history(self) -> Report:
        """Does RT's own history tell of a complete upgrade?"""
        return self._answer(history.CHECK, lambda: questions.history(self.sides, self.old_side))

    def schema(self) -> Report:
        """Is the upgraded schema a fresh install's?"""
        return self._answer(schema.CHECK, lambda: questions.schema(self.sides, self.old_side))

    def rows(self) -> Report:
        """Is every row accounted for?"""
        return self._answer(rows.CHECK, lambda: questions.rows(self.sides))

    def integrity(self) -> Report:
        """Does rt-validator find what it did not find before?"""
        return self._answer(integrity.CHECK, lambda: questions.integrity(self.sides, self.old_side))

    def meaning(self) -> Report:
        """Does RT say the same about the data as the old release did?"""

        def ask() -> Report:
            before, after = self.old_side.meaning(), self._telling().result()
            return questions.meaning(self.sides, self.old_side, before, after)

        return self._answer(meaning.CHECK, ask)

    def _telling(self) -> Future[Meaning]:
        """What the target says of the upgraded copy: being told, of the copy as it is when this returns."""

        def begin() -> Future[Meaning]:
            self.sides.run()
            held = threading.Event()
            pool = ThreadPoolExecutor(1)
            told = pool.submit(
                meaning_told.collect, self.sides.new(), self.sides.dump.accounts, self.old_side.sampling(),
                held=held.set, now=self.old_side.moment(),
            )  # fmt: skip
            told.add_done_callback(lambda _: held.set())  # also where it fails
            pool.shutdown(wait=False)
            held.wait()
            return told

        return self._once("telling", begin)

    def read_everything(self) -> None:
        """Have all that reads, or holds on to what it reads: from here on the upgraded copy may be written to."""
        self.at_once(self._telling, self.rows, self.integrity, self.schema, self.history, self.ran)

    # The report that writes.

    def application(self) -> Report:
        """Does the site work for people, programs, mail and jobs? Asked last: the answer leaves traces."""

        def ask() -> Report:
            self.read_everything()
            return questions.application(self.sides, self.old_side, thorough=self.scope.thorough)

        return self._answer(application.CHECK, ask)

    # All of it at once, and its end.

    def conduct(self) -> None:
        """Make everything, as much of it at once as makes sense; for a gate, which will ask for all of it.

        What goes wrong here shows again when a test asks for it.
        """
        self.at_once(self._both_sides)
        # Each has a copy of its own, so neither preflight nor the old side's copy need keep the upgrade waiting.
        self.at_once(self.sides.run, self.preflight)
        with self._shown.phase("checks"):
            reading = (self.rows, self.integrity, self.sides.site, self.schema, self.history, self.ran)
            self.at_once(*reading, self.meaning, self.application)

    def begin(self) -> None:
        """Begin with what `conduct` needs first, in the background: for who is busy until then."""
        pool = ThreadPoolExecutor(1)
        self._begun.append(pool.submit(self._both_sides))
        pool.shutdown(wait=False)

    def _both_sides(self) -> None:
        def make() -> None:
            with self._shown.phase("both sides"):
                # RT is loaded where it will be asked most, while the machine is waiting for other things.
                self.at_once(self.sides.untouched, lambda: self.sides.new().warm_up(), self.sides.fresh_schema)
                if not self._over.is_set():
                    self.at_once(self.recognised)

        self._once("both sides", make)

    def at_once(self, *makers: Callable[[], object]) -> None:
        """Make several of its things at the same time. What goes wrong shows when one of them is asked for."""
        parallel.at_once(makers, self._stop)

    def _stop(self) -> None:
        leftovers.halt_own(self.sides.lifecycle.client)

    def facts(self) -> dict[str, Any]:
        """Return what a report shows beside the checks."""
        made = self.sides.done()
        rows: Report | None = self._once.done("report rows")
        return {
            "upgrade steps": made.facts()["steps"] if made else [],
            "row_changes": rows.facts.get("row_changes", []) if rows else [],
        }

    def close(self) -> None:
        """Remove the containers and the copies, once."""
        self._once("close", self._close)

    def _close(self) -> None:
        self._over.set()
        parallel.end(self._begun, self._stop)
        self._copies.close()


QUESTIONS: Mapping[str, Callable[[Stage], Report]] = {
    preflight.CHECK: Stage.preflight, run.CHECK: Stage.ran, history.CHECK: Stage.history,
    schema.CHECK: Stage.schema, rows.CHECK: Stage.rows, integrity.CHECK: Stage.integrity,
    meaning.CHECK: Stage.meaning, application.CHECK: Stage.application,
}  # fmt: skip
"""What is asked of an upgrade, by the names of the checks, in the order of a report."""
