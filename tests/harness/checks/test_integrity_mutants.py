"""The integrity check must pass on what rt-validator finds, and tell new findings from old ones."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import integrity
from harness.checks.integrity import Validation
from harness.lifecycle import Lifecycle
from harness.mutants.integrity import MUTANTS

FOUND = ["Record #3 in CachedGroupMembers references a nonexistent record in CachedGroupMembers; Via 9 (a id)"]


def test_what_was_found_before_is_no_finding() -> None:
    """Old data is rarely clean, and the upgrade is not to blame for it."""
    before, after = (Validation(release, 1, FOUND) for release in ("4.4.6", "5.0.3"))
    report = integrity.check(before, after)
    assert (bool(report), report.facts["old"]) == (True, FOUND)


@pytest.mark.mutants("integrity")
@pytest.mark.parametrize(
    "after",
    [
        Validation("5.0.3", 1, FOUND),
        Validation("5.0.3", 11, []),
        Validation("5.0.3", 1, []),
        Validation("5.0.3", 0, FOUND),
        Validation("5.0.3", 0, [], ["couldn't execute the query '...'"]),
    ],
    ids=["new-finding", "died", "dirty-without-words", "clean-with-words", "complained"],
)
def test_a_bad_validation_is_found(after: Validation) -> None:
    """A validator that could not work must not count as one that found nothing."""
    assert integrity.check(Validation("4.4.6", 0), after).findings


def test_the_validator_of_the_old_release_must_have_worked() -> None:
    """Otherwise everything would be new, or nothing."""
    assert integrity.check(Validation("4.4.6", 255), Validation("5.0.3", 0)).findings


def test_the_words_of_the_validator_are_understood() -> None:
    """One line a finding; the ids stay, what people wrote goes."""
    said = "Record #3 in T references a nonexistent record in U\n\tVia => '9' => id\n\tUser #9 'anna'\n\n"
    said += "The owner of ticket #1 is inconsistent. The denormalized owner is user #2\nbut there is no owner.\n"
    assert integrity.parse(said) == [
        "Record #3 in T references a nonexistent record in U; Via 9 (a id)",
        "The owner of ticket #1 is inconsistent. The denormalized owner is user #2 but there is no owner.",
    ]


@pytest.mark.engine
def test_every_defect_planted_is_found(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """One after the other on one database, each compared with the state just before it."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    tools = rt_tools("5.0.3", database)
    before = integrity.collect(tools)
    assert integrity.check(before, before), "a fresh site is clean"
    for mutant in MUTANTS:
        database.execute(*mutant.statements)
        after = integrity.collect(tools)
        tally(mutant.name, "integrity", integrity.check(before, after).findings)
        before = after
