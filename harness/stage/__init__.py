"""Drive an upgrade: both of its sides, and the checks of them, each run once.

So tests may ask in any order, and a gate may ask for everything at once. Checks that only read run before those
that write.

`sides`: both copies, and the upgrade of one. `old_side`: the old release's answers about the other, which
`witness` may give in its place. `questions`: the arguments of each check. Below these `copies` (and how they are
prepared), `fact_cache` of earlier runs, `shown` for progress output; `visitor` tries the site
with what `visit_content` reads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from harness import leftovers
from harness.checks import application, history, integrity, meaning, preflight, rows, run, schema
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.told import Meaning
from harness.checks.preflight import Recognised
from harness.common import parallel
from harness.common.once import Once, once
from harness.common.wording import amount
from harness.dump.choice import Choice
from harness.errors import InfrastructureError, RefusedError
from harness.stage import questions
from harness.stage.copies import Copies, Preparation
from harness.stage.old_side import OldSide
from harness.stage.shown import Shown
from harness.stage.sides import Sides
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Finding, Report

Result = TypeVar("Result")
NO_LOGINS = "logins: no manifest beside the dump names accounts and passwords to try"


@dataclass(frozen=True)
class Scope:
    """Extent of the checks. thorough: every kind of page, every queue and dashboard; less if a person is waiting.

    validates: whether preflight shows rt-validator's output about the old side: it takes seconds and is no
    finding.
    accepts: tells which findings are signed off, so that they do not prevent the upgrade.
    """

    thorough: bool = True
    validates: bool = True
    accepts: Callable[[Finding], bool] = lambda _: False


class Stage:
    """An upgrade and its checks. Close it when done: it owns containers."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        choice: Choice,
        *,
        shown: Shown | None = None,
        scope: Scope | None = None,
        preparation: Preparation | None = None,
    ) -> None:
        """Remember the arguments; nothing is started yet."""
        self.scope, self.pair = scope or Scope(), choice.pair
        self._shown = shown or Shown()
        self._copies = Copies(lifecycle, self._shown, preparation)
        self.sides = Sides(self._copies, choice, self.refusal)
        self.old_side = OldSide(self.sides)
        self._begun: list[Future[None]] = []
        self._over, self._stopped = threading.Event(), threading.Event()
        self._reports = Once()

    # Permission to run the upgrade.

    @once
    def recognised(self) -> Recognised:
        """Return the dump's origin as it records itself: the part of preflight that may forbid the upgrade."""
        return questions.recognised(self.sides, self.old_side)

    def refusal(self) -> RefusedError | None:
        """Return why the upgrade must not be run: a wrong, upgraded or half-upgraded database, a wrong image."""
        stops = [finding for finding in self.recognised().stops if not self.scope.accepts(finding)]
        if not stops:
            return None
        return RefusedError(
            f"The upgrade was not run, because of what preflight found: {stops[0].what}.",
            repair=next((finding.repair for finding in stops if finding.repair), ""),
        )

    def _report(self, name: str, question: Callable[[], Report], *, needs_upgrade: bool = True) -> Report:
        """Return a check's report; the question is asked once.

        Raises RefusedError at once if the check needs the upgrade and this must not be run.
        """
        if needs_upgrade and (refusal := self.refusal()):
            raise refusal

        def ask() -> Report:
            started = time.monotonic()
            with self._shown.step(name) as running:
                report = question()
                if self._stopped.is_set():  # its containers were being ended meanwhile
                    raise InfrastructureError(f"The check {name} was interrupted.")
                if report.findings:
                    self._copies.need(f"the check {name}")
                report.seconds = round(time.monotonic() - started, 2)
                if report.findings:
                    running.find(amount(len(report.findings), "findings"))
                else:
                    running.note(amount(report.looked_at, report.unit))
                return report

        return self._reports(name, ask)

    # Reports that only read.

    def preflight(self) -> Report:
        """Check whether this upgrade can go well."""
        validates = self.scope.validates
        return self._report(
            preflight.CHECK,
            lambda: questions.preflight(self.sides, self.old_side, self.recognised(), validates=validates),
            needs_upgrade=False,
        )

    def ran(self) -> Report:
        """Check whether the upgrade ended well."""
        return self._report(run.CHECK, lambda: questions.run(self.sides, self.old_side))

    def history(self) -> Report:
        """Check whether RT's own history records a complete upgrade."""
        return self._report(history.CHECK, lambda: questions.history(self.sides, self.old_side))

    def schema(self) -> Report:
        """Check whether the upgraded schema equals that of a fresh install."""
        return self._report(schema.CHECK, lambda: questions.schema(self.sides, self.old_side))

    def rows(self) -> Report:
        """Check whether every row is accounted for."""
        return self._report(rows.CHECK, lambda: questions.rows(self.sides))

    def integrity(self) -> Report:
        """Check whether rt-validator reports anything that it did not report before."""
        return self._report(integrity.CHECK, lambda: questions.integrity(self.sides, self.old_side))

    def meaning(self) -> Report:
        """Check whether RT says the same about the data as the old release did."""

        def ask() -> Report:
            before, after = self.old_side.meaning(), self._telling().result()
            report = questions.meaning(self.sides, self.old_side, before, after)
            report.out_of_scope += [] if self.sides.dump.accounts else [NO_LOGINS]
            return report

        return self._report(meaning.CHECK, ask)

    @once
    def _telling(self) -> Future[Meaning]:
        """Return the target's answer, still running, about the upgraded copy as it is when this returns."""
        self.sides.run()
        new, accounts, every = self.sides.new(), self.sides.dump.accounts, self.old_side.sampling()
        held, now = threading.Event(), self.old_side.reference_time()
        limit = meaning_told.patience(self.sides.after())
        answer = _in_background(
            lambda: meaning_told.collect(new, accounts, every, held=held.set, now=now, limit=limit)
        )
        answer.add_done_callback(lambda _: held.set())  # also where it fails
        held.wait()
        return answer

    def read_everything(self) -> None:
        """Read everything, or take a snapshot to read: afterwards the upgraded copy may be written to."""
        self.at_once(self._telling, self.rows, self.integrity, self.schema, self.history, self.ran)

    # The report that writes.

    def application(self) -> Report:
        """Check whether the site works for people, programs, mail and jobs. Asked last, because it writes."""

        def ask() -> Report:
            self.read_everything()
            return questions.application(self.sides, self.old_side, thorough=self.scope.thorough)

        return self._report(application.CHECK, ask)

    # All of it at once, and the end of it.

    def conduct(self) -> None:
        """Make everything, as much in parallel as makes sense; for a gate, which will ask for all of it.

        An error here is raised again when a test asks for the same thing.
        """
        self.at_once(self._both_sides)
        # Each has a copy of its own, so neither preflight nor the old side's copy delays the upgrade.
        self.at_once(self.sides.run, self.preflight)
        with self._shown.phase("checks"):
            reading = (self.rows, self.integrity, self.sides.site, self.schema, self.history, self.ran)
            self.at_once(*reading, self.meaning, self.application)

    def begin(self) -> None:
        """Start in the background what `conduct` needs first; for callers that are busy until then."""
        self._begun.append(_in_background(self._both_sides))

    @once
    def _both_sides(self) -> None:
        with self._shown.phase("both sides"):
            # RT is loaded where it is needed most, while the machine is waiting for other things.
            self.at_once(self.sides.untouched, lambda: self.sides.new().warm_up(), self.sides.fresh_schema)
            if not self._over.is_set():
                self.at_once(self.recognised)

    def at_once(self, *makers: Callable[[], object]) -> None:
        """Make several of its things in parallel. An error is raised when one of them is asked for."""
        parallel.at_once(makers, self._stop)

    def _stop(self) -> None:
        self._stopped.set()
        self._shown.interrupt()
        leftovers.halt_own(self.sides.lifecycle.client)

    def facts(self) -> dict[str, Any]:
        """Return the facts that a report shows besides those of the checks."""
        made = self.sides.done()
        return {"upgrade steps": made.facts()["steps"] if made else []}

    def reports(self) -> list[Report]:
        """Return the reports that are finished, in the order of a report; without those that a stop cut off."""
        done: list[Report | None] = [self._reports.done(name) for name in QUESTIONS]
        return [report for report in done if report is not None]

    @once
    def close(self) -> None:
        """Remove the containers and the copies; only the first call has an effect."""
        self._over.set()
        parallel.end(self._begun, self._stop)
        self._copies.close()


def _in_background(work: Callable[[], Result]) -> Future[Result]:
    """Start some work in a thread of its own, and return without waiting for it."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


QUESTIONS: Mapping[str, Callable[[Stage], Report]] = {
    preflight.CHECK: Stage.preflight,
    run.CHECK: Stage.ran,
    history.CHECK: Stage.history,
    schema.CHECK: Stage.schema,
    rows.CHECK: Stage.rows,
    integrity.CHECK: Stage.integrity,
    meaning.CHECK: Stage.meaning,
    application.CHECK: Stage.application,
}
"""All checks of an upgrade by name, in the order of a report."""
