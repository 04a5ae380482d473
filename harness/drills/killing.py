"""Interrupt one pair's upgrade at several places, and compare each with an undisturbed upgrade."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from harness import upgrade
from harness.checks import history as history_check
from harness.checks import interrupted_upgrade, preflight, repeated, upgrade_history
from harness.checks import run as run_check
from harness.checks.interrupted_upgrade import Aftermath
from harness.common.once import once
from harness.database import Database, schema
from harness.drills import interruption
from harness.drills.interruption import Cut, Place
from harness.dump.choice import Choice
from harness.errors import UsageError
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.upgrade import guard, statements
from harness.upgrade.guard import OLDER
from harness.upgrade.lifecycle import Lifecycle
from harness.upgrade.statements import CountedRun, Statement
from harness.verdict import Report

BOUNDARIES = "steps"
"""Word that selects the first statement of every step, in place of a percentage."""


class Killing:
    """Resources shared by all interruptions of one pair. Close it when done: it owns containers."""

    def __init__(self, lifecycle: Lifecycle, choice: Choice) -> None:
        """Store the pair and the dump; nothing is started yet."""
        self.lifecycle, self.pair, self.dump = lifecycle, choice.pair, choice.dump
        self._stack = contextlib.ExitStack()

    def close(self) -> None:
        """Remove the containers and the copies."""
        self._stack.close()

    @once
    def before(self) -> Database:
        """Return an untouched copy. Nothing may write to it."""
        return self._copy()

    @once
    def upgraded(self) -> tuple[Database, CountedRun]:
        """Return the database after the undisturbed upgrade, and its run. Nothing may write to the database."""
        self.before()
        database = self._copy()
        with statements.start_counting(self.lifecycle, self.pair.target, database) as tools:
            return database, statements.run(tools, self.pair.origin, self.pair.target)

    def statements(self, where: Iterable[str]) -> list[Statement]:
        """Return the statements chosen by words, in order: a percentage, a step, or "steps" for each step's first.

        Raises UsageError for any other word.
        """
        _, counted = self.upgraded()
        found: dict[int, Statement] = {}
        for word in where:
            found.update({one.number: one for one in _chosen(counted, word)})
        return [found[number] for number in sorted(found)]

    def kill(self, cut: Cut, statement: Statement) -> Report:
        """Interrupt the upgrade at a statement, examine the database, restore and upgrade again.

        Check all of it.
        """
        place = Place(cut, statement)
        baseline = self.lifecycle.restored(self.dump, self.pair.server)
        with interruption.copy(self.lifecycle, baseline, cut) as database:
            made = interruption.cut_off(self.lifecycle, database, self.pair, place)
            seen = self._look(place, made, database)
            interruption.restore(database, self.dump)
            seen.again = self._again(database)
        return interrupted_upgrade.check(seen)

    # Implementation.

    def _copy(self) -> Database:
        baseline = self.lifecycle.restored(self.dump, self.pair.server)
        return self._stack.enter_context(interruption.copy(self.lifecycle, baseline, Cut.UPGRADE))

    def _tools(self, version: str, database: Database) -> Rt:
        lifecycle = self.lifecycle.new_side if version == self.pair.target else self.lifecycle
        return lifecycle.tools(version, database)

    @once
    def _steps(self) -> list[str]:
        with self._tools(self.pair.target, self.before()) as tools:
            return upgrade.expected_steps(tools.upgrade_steps(), self.pair.origin, self.pair.target)

    @once
    def _own_columns(self) -> tuple[str, ...]:
        return guard.find_own_columns_of(self.lifecycle, self.pair, self.before())

    def _look(self, place: Place, made: CountedRun, database: Database) -> Aftermath:
        origin, target = self.pair.origin, self.pair.target
        with contextlib.ExitStack() as stack:
            new = stack.enter_context(self._tools(target, database))
            known = guard.environment(columns := self._own_columns())
            has_old = self.lifecycle.has_image(origin)
            old = stack.enter_context(self._tools(origin, database)) if has_old else None
            thaw, steps = Thawer(new), self._steps()
            left = upgrade_history.read(database, thaw)
            history = history_check.check(upgrade_history.read(self.before(), thaw), left, steps, origin, target)
            judgements = [guard.ask(one, columns) for one in (new, old) if one]
            changed = None
            if judgements[0].code == OLDER:
                changed = repeated.untouched(self.before(), database, thaw)
            recognised = preflight.recognise(
                schema.read(database), old, new, (origin, target), steps=steps, history=left
            )
        forbidden = tuple(one.what for one in recognised.stops)
        # The old release may serve a database that is still its own.
        started = (
            [self.lifecycle.new_side] if judgements[0].code == OLDER else [self.lifecycle.new_side, self.lifecycle]
        )
        refused = {
            version: guard.try_to_serve(lifecycle, version, database, environment=known)[0]
            for version, lifecycle in zip((target, origin), started, strict=False)
            if lifecycle.has_image(version)
        }
        ran = run_check.check(made.run, steps)
        return Aftermath(str(place), target, ran, history, judgements, refused, changed, forbidden)

    def _again(self, database: Database) -> list[Report]:
        with self._tools(self.pair.target, database) as tools:
            made = upgrade.run(tools, self.pair.origin, self.pair.target)
            same = repeated.check(self.upgraded()[0], database, Thawer(tools))
            return [run_check.check(made, self._steps()), same]


def _chosen(counted: CountedRun, word: str) -> list[Statement]:
    if word == BOUNDARIES:
        return counted.boundaries()
    if found := [one for one in counted.boundaries() if one.step == word]:
        return found
    try:
        return [counted.at_percent(float(word))]
    except ValueError as error:
        steps = ", ".join(one.step for one in counted.boundaries())
        raise UsageError(
            f"{word!r} is no place in this upgrade.",
            repair=f"say a percentage, {BOUNDARIES!r}, or one of: {steps}",
        ) from error
