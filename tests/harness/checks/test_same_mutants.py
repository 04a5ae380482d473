"""Two databases that should be equal but are not: after two upgrades, or after a restored backup."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from fixtures.databases import CloneFactory
from fixtures.tally import Tally
from harness import dump
from harness.checks import repeated
from harness.database import Database
from harness.drills import rollback
from harness.dump.choice import Choice, choose
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.mutants.planting import planted
from tests.harness.mutants.same import REPEATED, ROLLBACK, STRUCTURES, UNTOUCHED, Group

CHOICE = choose("4.4.6", "5.0.10", "mariadb-10.11")
pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("same-mutants")]  # one worker, for they share a scene


@dataclass
class Scene:
    """One upgraded database, twice."""

    first: Database
    second: Database
    tools: Rt

    def repeated(self) -> Report:
        """Run the check for two upgrades."""
        return repeated.check(self.first, self.second, Thawer(self.tools))

    def untouched(self) -> Report:
        """Run the check for an interrupted upgrade that is claimed to have done nothing."""
        return repeated.untouched(self.first, self.second, Thawer(self.tools))

    def rollback(self) -> Report:
        """Run the check for a restored backup."""
        report = Report(rollback.CHECK, rollback.QUESTION)
        rollback.compare_databases(report, self.first, self.second, self.tools)
        return report


@pytest.fixture(scope="module")
def scene(lifecycle: Lifecycle) -> Iterator[Scene]:
    """The databases for all mutants: rows are removed again."""
    upgraded, _ = lifecycle.upgraded(CHOICE.pair, dump.load(dump.bundled(CHOICE.pair.origin)))
    cloned = lifecycle.baselines.cloned
    with (
        cloned(upgraded) as first,
        cloned(upgraded) as second,
        lifecycle.tools(CHOICE.pair.target, second) as tools,
    ):
        yield Scene(first, second, tools)


def places(report: Report) -> set[str]:
    """Return the tables with findings."""
    return {finding.where.partition(".")[0] for finding in report.findings}


def plant(scene: Scene, groups: Sequence[Group], ask: Callable[[], Report], tally: Tally) -> None:
    """Plant one group after the other and record the findings of each."""
    for group in groups:
        with contextlib.ExitStack() as stack:
            for mutant in group:
                stack.enter_context(planted(mutant, scene.second, scene.tools))
            found = places(ask())
        for mutant in group:
            tally(mutant.name, mutant.check, mutant.table in found)


@pytest.mark.control("repeated")
def test_the_same_upgrade_is_the_same(scene: Scene) -> None:
    """Otherwise the other tests here would prove nothing."""
    assert scene.repeated()


@pytest.mark.control("repeated")
def test_links_in_another_order_are_the_same(scene: Scene) -> None:
    """The order of Perl's hashes differs in each run; their content is the same."""
    two = [int(one) for (one,) in scene.second.rows("SELECT id FROM Links ORDER BY id DESC LIMIT 2")]

    def change_places() -> None:
        for old, new in ((two[0], -1), (two[1], two[0]), (-1, two[1])):
            scene.second.execute(f"UPDATE Links SET id = {new} WHERE id = {old}")

    change_places()
    try:
        report = scene.repeated()
    finally:
        change_places()
    assert report
    assert any("Links" in one for one in report.allowed), report.allowed


@pytest.mark.control("rollback")
def test_what_was_put_back_is_the_same(scene: Scene) -> None:
    """The same for a backup."""
    assert scene.rollback()


def test_two_upgrades_that_differ_are_found(scene: Scene, tally: Tally) -> None:
    """Values that an upgrade generates may differ, but that must not hide any other difference."""
    plant(scene, REPEATED, scene.repeated, tally)


def test_a_database_called_untouched_is_looked_at(scene: Scene, tally: Tally) -> None:
    """Only the stamp of the event of its beginning may differ."""
    plant(scene, UNTOUCHED, scene.untouched, tally)


def test_a_backup_that_loses_something_is_found(scene: Scene, tally: Tally) -> None:
    """Each is a loss that backup programs have really caused."""
    plant(scene, ROLLBACK, scene.rollback, tally)


def test_a_structure_that_differs_is_found(
    lifecycle: Lifecycle, scene: Scene, clone: CloneFactory, tally: Tally
) -> None:
    """Rows may be equal in tables that are not. These defects stay, so they get a copy of their own."""
    upgraded, _ = lifecycle.upgraded(CHOICE.pair, dump.load(dump.bundled(CHOICE.pair.origin)))
    spoilt = Scene(scene.first, clone(upgraded), scene.tools)
    for mutant in STRUCTURES:
        spoilt.second.execute(*mutant.statements)
    found = {"repeated": places(spoilt.repeated()), "rollback": places(spoilt.rollback())}
    for mutant in STRUCTURES:
        tally(mutant.name, mutant.check, mutant.table in found[mutant.check])


def test_what_the_old_release_cannot_serve_is_found(
    lifecycle: Lifecycle, scene: Scene, clone: CloneFactory, tally: Tally
) -> None:
    """Every row is back, but no one can work."""
    choice = Choice(CHOICE.pair, dump.load(dump.bundled(CHOICE.pair.origin)))
    before, restored = (clone(lifecycle.restored(choice.dump, choice.pair.server)) for _ in range(2))
    tally("never-restored", "rollback", "refuses" in served(lifecycle, choice, before, scene.first))
    restored.execute("UPDATE Users SET Password = CONCAT(Password, 'x') WHERE Name = 'root'")
    tally("password-lost", "rollback", "Login.html" in served(lifecycle, choice, before, restored))


def served(lifecycle: Lifecycle, choice: Choice, before: Database, after: Database) -> str:
    """Return the findings when the old release is to serve a restored database."""
    report = Report(rollback.CHECK, rollback.QUESTION)
    rollback.try_old_release(report, lifecycle, choice, before=before, after=after)
    return str(report) if report.findings else ""
