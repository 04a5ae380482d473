"""The history check must find every trace of an upgrade that is not whole."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import upgrade
from harness.checks import history
from harness.lifecycle import Lifecycle
from harness.mutants.history import MUTANTS, SQL_MUTANTS, HistoryMutant, good_history
from harness.thaw import Thawer

ORIGIN, TARGET, STEPS = "4.4.6", "5.0.3", ["4.5.0", "4.5.1", "5.0.2"]


@pytest.mark.mutants("history")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bad_history_is_found(mutant: HistoryMutant) -> None:
    """The history is the one place where RT itself tells a half upgrade from a whole one."""
    before, after = good_history(ORIGIN, ORIGIN, ()), good_history(ORIGIN, TARGET, STEPS)
    assert history.check(before, mutant.apply(after), STEPS, ORIGIN, TARGET).findings, mutant.reason


@pytest.mark.control("history")
def test_a_good_history_is_silent() -> None:
    """With the old history known and without."""
    before, after = good_history(ORIGIN, ORIGIN, ()), good_history(ORIGIN, TARGET, STEPS)
    assert history.check(before, after, STEPS, ORIGIN, TARGET)
    assert history.check(None, after, STEPS, ORIGIN, TARGET)


def test_nothing_to_do_leaves_the_history_alone() -> None:
    """The control scenario: the same release on both sides."""
    same = good_history(ORIGIN, ORIGIN, ())
    assert history.check(same, same, (), ORIGIN, ORIGIN)
    assert history.check(same, good_history(ORIGIN, TARGET, STEPS), (), ORIGIN, ORIGIN).findings


def test_a_failure_that_an_upgrade_went_past_is_history() -> None:
    """Somebody repaired it years ago: that is no finding of today."""
    before = good_history("4.2.0", ORIGIN, ["4.4.0"])
    begun = {
        "stage": "before",
        "type": history.SINGLE,
        "individual_id": "old",
        "rt_version": "4.2.0",
        "to": "4.4.0",
    }
    before.events().insert(2, begun)
    after = good_history(ORIGIN, TARGET, STEPS, before)
    assert history.check(before, after, STEPS, ORIGIN, TARGET)


@pytest.mark.engine
def test_real_histories(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally) -> None:
    """A real upgrade is silent; each defect planted into it is found."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    tools = rt_tools(TARGET, database)
    thaw, steps = Thawer(tools), upgrade.expected_steps(tools.upgrade_steps(), ORIGIN, TARGET)
    before = history.read(database, thaw)
    upgrade.run(tools, ORIGIN, TARGET)
    good = history.read(database, thaw)
    assert history.check(before, good, steps, ORIGIN, TARGET), "the upgrade itself"
    database.execute("CREATE TABLE kept AS SELECT * FROM Attributes WHERE Name = 'UpgradeHistory'")
    for mutant in SQL_MUTANTS:
        database.execute(*mutant.statements)
        report = history.check(before, history.read(database, thaw), steps, ORIGIN, TARGET)
        tally(mutant.name, "history", report.findings)
        database.execute(
            "DELETE FROM Attributes WHERE Name = 'UpgradeHistory'", "INSERT INTO Attributes SELECT * FROM kept"
        )
