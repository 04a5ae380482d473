"""The history check must find every sign of an incomplete upgrade."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import upgrade
from harness.checks import history, upgrade_history
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.mutants.history import MUTANTS, SQL_MUTANTS, HistoryMutant, good_history

ORIGIN, TARGET, STEPS = "4.4.6", "5.0.3", ["4.5.0", "4.5.1", "5.0.2"]


@pytest.mark.mutants("history")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bad_history_is_found(mutant: HistoryMutant) -> None:
    """Only the history lets RT itself distinguish a half upgrade from a whole one."""
    before, after = good_history(ORIGIN, ORIGIN, ()), good_history(ORIGIN, TARGET, STEPS)
    assert history.check(before, mutant.apply(after), STEPS, ORIGIN, TARGET).findings, mutant.reason


@pytest.mark.control("history")
def test_a_good_history_is_silent() -> None:
    """It must pass with the old history known and without."""
    before, after = good_history(ORIGIN, ORIGIN, ()), good_history(ORIGIN, TARGET, STEPS)
    assert history.check(before, after, STEPS, ORIGIN, TARGET)
    assert history.check(None, after, STEPS, ORIGIN, TARGET)


def test_nothing_to_do_leaves_the_history_alone() -> None:
    """The control scenario: the same release on both sides."""
    same = good_history(ORIGIN, ORIGIN, ())
    assert history.check(same, same, (), ORIGIN, ORIGIN)
    assert history.check(same, good_history(ORIGIN, TARGET, STEPS), (), ORIGIN, ORIGIN).findings


def test_a_failure_that_an_upgrade_went_past_is_history() -> None:
    """It was repaired years ago, and is no finding of today."""
    before = good_history("4.2.0", ORIGIN, ["4.4.0"])
    begun = {
        "stage": "before",
        "type": upgrade_history.SINGLE,
        "individual_id": "old",
        "rt_version": "4.2.0",
        "to": "4.4.0",
    }
    before.events().insert(2, begun)
    after = good_history(ORIGIN, TARGET, STEPS, before)
    assert history.check(before, after, STEPS, ORIGIN, TARGET)


def inserted(identity: str, *, ends: bool, file: str = "/src/etc/initialdata") -> list[upgrade_history.Event]:
    """Return the events that RT's tool writes when inserting the data of a file: `ends` well, or dies."""
    begin = {"stage": "before", "action": "insert", "individual_id": identity, "filename": file}
    end = {"stage": "after", "individual_id": identity, "return_value": ["1", "done"]}
    return [begin, end] if ends else [begin]


def test_data_that_was_inserted_anew_is_history() -> None:
    """An extension's data that failed once, years ago: among its events is no upgrade that supersedes them."""
    again = [*inserted("a", ends=False), *inserted("b", ends=True)]
    assert upgrade_history.unfinished(again) == []
    other = [*inserted("a", ends=False), *inserted("b", ends=True, file="/src/etc/more")]
    assert [one["individual_id"] for one in upgrade_history.unfinished(other)] == ["a"], "that was another file"
    late = [*inserted("a", ends=True), *inserted("b", ends=False)]
    assert [one["individual_id"] for one in upgrade_history.unfinished(late)] == ["b"], "it ended before"


@pytest.mark.parametrize(
    ("package", "there_before", "found"),
    [("An::Extension", True, 0), ("An::Extension", False, 1), ("RT", True, 1)],
)
def test_what_an_extension_never_ended_is_a_fact(package: str, there_before: bool, found: int) -> None:
    """No upgrade of RT repairs or causes it; but if it is new, or RT's own, it is a finding."""
    before, after = good_history(ORIGIN, ORIGIN, ()), good_history(ORIGIN, ORIGIN, ())
    for side in (before, after) if there_before else (after,):
        side.packages.setdefault(package, []).extend(inserted("open", ends=False))
    report = history.check(before, after, (), ORIGIN, ORIGIN)
    assert len(report.findings) == found
    assert ("An::Extension: insert of etc/initialdata" in str(report.facts)) == (not found)
    unknown = history.check(None, after, (), ORIGIN, ORIGIN)
    assert bool(unknown.findings) == (package == upgrade_history.CORE), "nobody can say since when"


@pytest.mark.engine
def test_real_histories(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally) -> None:
    """A real upgrade must be silent; each planted defect must be found."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    tools = rt_tools(TARGET, database)
    thaw, steps = Thawer(tools), upgrade.expected_steps(tools.upgrade_steps(), ORIGIN, TARGET)
    before = upgrade_history.read(database, thaw)
    upgrade.run(tools, ORIGIN, TARGET)
    good = upgrade_history.read(database, thaw)
    assert history.check(before, good, steps, ORIGIN, TARGET), "the upgrade itself"
    database.execute("CREATE TABLE kept AS SELECT * FROM Attributes WHERE Name = 'UpgradeHistory'")
    for mutant in SQL_MUTANTS:
        database.execute(*mutant.statements)
        report = history.check(before, upgrade_history.read(database, thaw), steps, ORIGIN, TARGET)
        tally(mutant.name, "history", report.findings)
        database.execute(
            "DELETE FROM Attributes WHERE Name = 'UpgradeHistory'", "INSERT INTO Attributes SELECT * FROM kept"
        )
