"""Spring a trap: the stage of an upgrade whose dump was patched first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness import dump, releases
from harness.checks import application, preflight
from harness.checks.preflight_configuration import PASSAGES
from harness.common import cache
from harness.database import Database
from harness.database.baseline import Baseline
from harness.dump.choice import Choice
from harness.errors import InfrastructureError
from harness.rt import Configuration
from harness.stage import QUESTIONS, Stage
from harness.traps import Sign, Trap
from harness.upgrade import statements
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Outcome, Report, Verdict

READING = tuple(name for name in QUESTIONS if name != application.CHECK)
"""Checks that a harmless trap must pass: all that only read."""


@dataclass(frozen=True)
class Sprung:
    """What became of a trap: the verdict, whether the upgrade was refused, reports, and signs not given."""

    verdict: Verdict
    refused: bool
    reports: list[Report]
    missing: list[Sign]

    def __str__(self) -> str:
        """Show it all."""
        parts = [f"verdict {self.verdict.value}, upgrade {'refused' if self.refused else 'allowed'}"]
        parts += [f"not said by {sign.check}: {sign.text}" for sign in self.missing]
        return "\n".join([*parts, *map(str, self.reports)])


class Scene(Stage):
    """The stage of one trap."""

    def __init__(self, lifecycle: Lifecycle, trap: Trap) -> None:
        """Choose what the trap says, in the site configuration that it says."""
        files = {name: text.encode() for name, text in trap.configuration.items()}
        own = Lifecycle(lifecycle.client, Configuration(files), lifecycle.notify)
        release, _, keyword = trap.dump.removeprefix("rt-").partition("-")
        pair = releases.pair(trap.declared, trap.target, trap.server)
        super().__init__(own, Choice(pair, dump.load(dump.bundled(release, keyword))))
        self.trap = trap

    def baseline(self) -> Baseline:
        """Return the dump's baseline under another key: what is known of the dump is not true once patched."""
        key = json.dumps([self.trap.patch, self.trap.administrator, self.trap.prior, self.trap.cut_at])
        return replace(super().baseline(), key=cache.digest(super().baseline().key, key))

    def _copy(self, title: str, origin: Baseline | None = None) -> Database:
        database = super()._copy(title, origin)
        if self.trap.prior:
            self._upgrade_first(database)
        database.execute(*self.trap.patch)
        if self.trap.administrator:
            database.execute(*self.trap.administrator, root=True)
        return database

    def _upgrade_first(self, database: Database) -> None:
        """Upgrade a copy the way it was upgraded before anybody asked us, whole or not."""
        manifest = self.dump.manifest
        origin = manifest.release if manifest else self.pair.origin
        hold = 0
        if self.trap.cut_at:
            hold = self._middle_of(origin)
        with statements.counting(self.lifecycle, self.trap.prior, database, hold) as tools:
            made = statements.run(tools, origin, self.trap.prior, held=lambda: statements.kill(tools))
        if bool(made.run.code) != bool(hold):
            raise InfrastructureError(f"The first upgrade of {self.trap.name} did not end as it should.")

    def _middle_of(self, origin: str) -> int:
        """Return the number of the statement in the middle of the step `cut_at`."""

        def count() -> int:
            database = super(Scene, self)._copy("copy to count statements on")
            with statements.counting(self.lifecycle, self.trap.prior, database) as tools:
                every = statements.run(tools, origin, self.trap.prior).statements
            mine = [one.number for one in every if one.step == self.trap.cut_at]
            return mine[len(mine) // 2]

        return self._once("middle", count)

    def prepare(self, names: Sequence[str]) -> None:
        """Start at once what these checks will need."""
        self.validates = "integrity" in names
        needed: list[Callable[[], object]] = [self.recognised]
        if set(names) != {preflight.CHECK}:
            needed.append(self.new)
        if "schema" in names:
            needed.append(self.fresh_schema)
        self._at_once(*needed)


def spring(lifecycle: Lifecycle, trap: Trap) -> Sprung:
    """Patch, upgrade and check. Of a trap that stops an upgrade only the checks that must see it are asked.

    A check that is asked and does not report makes it NOT PROVEN, as in a gate.
    """
    scene = Scene(lifecycle, trap)
    try:
        names = trap.checks
        if trap.verdict is not Verdict.NO_GO:  # that nothing was found must come from asking everything
            names = tuple(dict.fromkeys((*READING, *names)))
        scene.prepare(names)
        reports = [QUESTIONS[name](scene) for name in names]
        refused = scene.refusal() is not None
    finally:
        scene.close()
    missing = [sign for sign in trap.signs if not given(sign, reports)]
    return Sprung(Outcome(reports, expected=names).verdict(), refused, reports, missing)


def given(sign: Sign, reports: list[Report]) -> bool:
    """Tell whether a sign is among the reports: in a finding, or, for a note, in what was accepted or told."""
    for report in reports:
        if report.check != sign.check:
            continue
        # Whole documents of the target hold any word.
        facts = {name: fact for name, fact in report.facts.items() if name != PASSAGES}
        told = json.dumps(
            [report.allowed, facts, report.out_of_scope, report.unanswered], ensure_ascii=False, default=str
        )
        if sign.text in (told if sign.note else "\n".join(map(str, report.findings))):
            return True
    return False
