"""Run a trap: patch the dump, upgrade it and check it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness import dump, releases
from harness.checks import application, preflight
from harness.checks.preflight.configuration import PASSAGES
from harness.common.once import once
from harness.database import Database
from harness.dump.choice import Choice
from harness.errors import InfrastructureError
from harness.rt.configuration import Configuration
from harness.stage import QUESTIONS, Scope, Stage
from harness.stage.copies import Preparation
from harness.traps import Sign, Trap
from harness.upgrade import statements
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Outcome, Report, Verdict

READING = tuple(name for name in QUESTIONS if name != application.CHECK)
"""Checks that a harmless trap must pass: all that only read."""


@dataclass(frozen=True)
class TrapResult:
    """The result of a trap: the verdict, whether the upgrade was refused, the reports, and the missing signs."""

    verdict: Verdict
    refused: bool
    reports: list[Report]
    missing: list[Sign]

    def __str__(self) -> str:
        """Return all of it as text."""
        parts = [f"verdict {self.verdict.value}, upgrade {'refused' if self.refused else 'allowed'}"]
        parts += [f"not said by {sign.check}: {sign.text}" for sign in self.missing]
        return "\n".join([*parts, *map(str, self.reports)])


class TrapRun:
    """The dump of one trap, and the changes made to each copy of it before the checks."""

    def __init__(self, lifecycle: Lifecycle, trap: Trap) -> None:
        """Select the trap's pair, dump and site configuration."""
        files = {name: text.encode() for name, text in trap.configuration.items()}
        self.lifecycle = Lifecycle(lifecycle.client, Configuration(files), lifecycle.notify)
        release, _, keyword = trap.dump.removeprefix("rt-").partition("-")
        pair = releases.pair(trap.declared, trap.target, trap.server)
        self.choice, self.trap = Choice(pair, dump.load(dump.bundled(release, keyword))), trap

    def stage(self, *, validates: bool) -> Stage:
        """Return the stage of the patched dump's upgrade."""
        key = json.dumps([self.trap.patch, self.trap.administrator, self.trap.prior, self.trap.cut_at])
        patched = Preparation((key,), f"setting the trap {self.trap.name}", self._apply_patch, kept=False)
        return Stage(self.lifecycle, self.choice, scope=Scope(validates=validates), preparation=patched)

    def _apply_patch(self, database: Database) -> None:
        if self.trap.prior:
            self._upgrade_first(database)
        database.execute(*self.trap.patch)
        if self.trap.administrator:
            database.execute(*self.trap.administrator, root=True)

    def _upgrade_first(self, database: Database) -> None:
        """Upgrade a copy to the release `prior`, completely or up to `cut_at`, as a site may have done earlier."""
        hold = self._middle() if self.trap.cut_at else 0
        with statements.start_counting(self.lifecycle, self.trap.prior, database, hold) as tools:
            made = statements.run(tools, self._origin, self.trap.prior, held=lambda: statements.kill(tools))
        if bool(made.run.code) != bool(hold):
            raise InfrastructureError(f"The first upgrade of {self.trap.name} did not end as it should.")

    @property
    def _origin(self) -> str:
        """Return the release that the dump is from, whatever the trap declares it to be."""
        manifest = self.choice.dump.manifest
        return manifest.release if manifest else self.choice.pair.origin

    @once
    def _middle(self) -> int:
        """Return the number of the statement in the middle of the step `cut_at`."""
        whole = self.lifecycle.restored(self.choice.dump, self.choice.pair.server)
        with (
            self.lifecycle.baselines.cloned(whole) as database,
            statements.start_counting(self.lifecycle, self.trap.prior, database) as tools,
        ):
            every = statements.run(tools, self._origin, self.trap.prior).statements
        mine = [one.number for one in every if one.step == self.trap.cut_at]
        return mine[len(mine) // 2]


def run_trap(lifecycle: Lifecycle, trap: Trap) -> TrapResult:
    """Patch, upgrade and check. For a trap with the verdict NO-GO, only the checks that must report are run.

    A check that is run and does not report makes it NOT PROVEN, as in a gate.
    """
    names = trap.checks
    if trap.verdict is not Verdict.NO_GO:  # that nothing is found must be the result of all checks
        names = tuple(dict.fromkeys((*READING, *names)))
    stage = TrapRun(lifecycle, trap).stage(validates="integrity" in names)
    try:
        _start(stage, names)
        reports = [QUESTIONS[name](stage) for name in names]
        refused = stage.refusal() is not None
    finally:
        stage.close()
    missing = [sign for sign in trap.signs if not given(sign, reports)]
    return TrapResult(Outcome(reports, expected=names).verdict(), refused, reports, missing)


def _start(stage: Stage, names: Sequence[str]) -> None:
    """Start in parallel what these checks need."""
    needed: list[Callable[[], object]] = [stage.recognised]
    if set(names) != {preflight.CHECK}:
        needed.append(stage.sides.new)
    if "schema" in names:
        needed.append(stage.sides.fresh_schema)
    stage.at_once(*needed)


def given(sign: Sign, reports: list[Report]) -> bool:
    """Tell whether a sign is in the reports: in a finding, or (for a note) in the rest of a report."""
    for report in reports:
        if report.check != sign.check:
            continue
        # documents of the target are complete texts, which contain any word
        facts = {name: fact for name, fact in report.facts.items() if name != PASSAGES}
        told = json.dumps(
            [report.allowed, facts, report.out_of_scope, report.unanswered], ensure_ascii=False, default=str
        )
        if sign.text in (told if sign.note else "\n".join(map(str, report.findings))):
            return True
    return False
