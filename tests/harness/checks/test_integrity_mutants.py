"""The integrity check must report the findings of rt-validator, and tell new findings from old ones."""

from __future__ import annotations

from functools import partial

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import dump
from harness.checks import integrity
from harness.checks.integrity import Validation
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.mutants.integrity import MUTANTS

FOUND = ["Record #3 in CachedGroupMembers references a nonexistent record in CachedGroupMembers; Via 9 (a id)"]


def test_what_was_found_before_is_no_finding() -> None:
    """Old data is rarely clean, and the upgrade is not the cause."""
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
        Validation("5.0.3", 0, [], {"k": "couldn't execute the query '...'"}),
    ],
    ids=["new-finding", "died", "dirty-without-words", "clean-with-words", "complained"],
)
def test_a_bad_validation_is_found(after: Validation) -> None:
    """A validator that could not work must not count as one that found nothing."""
    assert integrity.check(Validation("4.4.6", 0), after).findings


def test_the_validator_of_the_old_release_must_have_worked() -> None:
    """Otherwise every finding would seem new, or none."""
    assert integrity.check(Validation("4.4.6", 255), Validation("5.0.3", 0)).findings


def test_the_words_of_the_validator_are_understood() -> None:
    """A finding becomes one line, with the ids but without user data."""
    said = "Record #3 in T references a nonexistent record in U\n\tVia => '9' => id\n\tUser #9 'anna'\n\n"
    said += "The owner of ticket #1 is inconsistent. The denormalized owner is user #2\nbut there is no owner.\n"
    assert integrity.parse(said) == [
        "Record #3 in T references a nonexistent record in U; Via 9 (a id)",
        "The owner of ticket #1 is inconsistent. The denormalized owner is user #2 but there is no owner.",
    ]


NEWLY_ASKED = ["Record #1 in Queues references a nonexistent record in Groups; id 1 (a Instance)"]


def test_what_perl_says_of_a_sites_own_modules_is_no_finding() -> None:
    """Perl compiles them before RT handles its warnings, so these come in Perl's own format, at every start."""
    said = "Subroutine Name redefined at /opt/rt/site.d/lib/RT/User_Local.pm line 9.\n"
    assert integrity.parse(said) == []
    assert integrity.parse(f"{said}Links->LocalTarget references missing ticket #7\n") != []


@pytest.mark.parametrize(
    "place",
    ["/opt/rt/site.d/lib/X.pm line 55, <DATA> line 16", "X.pm line 5, <$fh> chunk 2", "(eval 71) line 3"],
)
def test_a_warning_that_perl_gives_while_a_file_is_read_is_no_finding(place: str) -> None:
    """If modules read their own DATA, Perl adds the handle to the place of each later warning."""
    assert integrity.parse(f"Subroutine ok redefined at {place}.\n") == []


def test_a_contradiction_that_both_sides_have_alike_is_no_finding() -> None:
    """Unknown messages come from the site's own modules on both sides; a new one is found."""
    before, after = (Validation(release, 0, ["hello from a plugin, 7"]) for release in ("4.4.6", "5.0.3"))
    assert integrity.check(before, after), "the words are the same"
    assert integrity.check(Validation("4.4.6", 0), after).findings, "only the new side's exit code contradicts"
    more = Validation("5.0.3", 0, [*after.found, *FOUND])
    assert any("contradict" in one.what for one in integrity.check(before, more).findings)


def test_a_validator_that_names_nothing_on_both_sides_proves_nothing() -> None:
    """Both validators report a defect, but nothing tells whether it is the same one."""
    report = integrity.check(Validation("4.4.6", 1), Validation("5.0.3", 1))
    assert report.findings == []
    assert report.unanswered == [
        f"what rt-validator of RT {one} found: it ended with exit code 1 and named nothing"
        for one in ("4.4.6", "5.0.3")
    ]


def test_what_only_the_targets_validator_asks_is_old_where_it_was_so_before() -> None:
    """Later validators check more; the target's, run on the untouched database, tells old defects from new."""
    before, after = Validation("4.4.4", 1, FOUND), Validation("5.0.3", 1, FOUND + NEWLY_ASKED)
    assert integrity.check(before, after).findings
    for code in (1, 11):  # findings made before it died count
        report = integrity.check(before, after, partial(Validation, "5.0.3", code, NEWLY_ASKED))
        assert report, str(report)
        assert any("by the target's validator" in one for one in report.allowed)
    assert integrity.check(before, after, lambda: Validation("5.0.3", 0)).findings, "it was not so before"


def test_the_targets_validator_looks_twice_only_where_it_must() -> None:
    """On a large site one run takes an hour."""
    clean = Validation("5.0.3", 1, FOUND)
    assert integrity.check(Validation("4.4.6", 1, FOUND), clean, lambda: pytest.fail("it was asked"))


def test_without_the_old_release_the_target_speaks_of_both() -> None:
    """If it cannot run there either, old findings are unknown: that is no finding, and no GO."""
    after = Validation("5.0.3", 1, FOUND)
    assert integrity.check(None, after, lambda: Validation("5.0.3", 1, FOUND))
    assert integrity.check(None, after, lambda: Validation("5.0.3", 0)).findings
    unknown = integrity.check(None, after, lambda: Validation("5.0.3", 11))
    assert (unknown.findings, len(unknown.unanswered)) == ([], 1)
    assert integrity.check(None, Validation("5.0.3", 0))


def test_what_is_cut_off_is_counted() -> None:
    """Otherwise eight findings of nine would look like all of them."""
    many = [f"Record #{number} in T references a nonexistent record in U" for number in range(9)]
    report = integrity.check(Validation("4.4.6", 1, many), Validation("5.0.3", 1, many))
    assert "8 of 9 are shown" in report.allowed[-1]


@pytest.mark.engine
def test_role_groups_that_are_missing_since_long_ago(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """RT 4.4.4 requires one role group of a queue or ticket, later releases each of them."""
    database = clone(lifecycle.restored(dump.load(dump.bundled("4.4.4")), "mariadb-10.11"))
    for domain in ("Queue", "Ticket"):
        database.execute(f"DELETE FROM `Groups` WHERE Domain = 'RT::{domain}-Role' AND Name = 'AdminCc' LIMIT 1")
    old, new = (integrity.collect(rt_tools(one, database)) for one in ("4.4.4", "5.0.3"))
    new.complaints.clear()  # complaints about tables that steps add
    assert {one.where for one in integrity.check(old, new).findings} == {"Queues", "Tickets"}
    assert integrity.check(old, new, lambda: new)


@pytest.mark.engine
def test_every_defect_planted_is_found(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """Planted one after the other on one database, each compared with the state just before it."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    tools = rt_tools("5.0.3", database)
    before = integrity.collect(tools)
    assert integrity.check(before, before), "a fresh site is clean"
    for mutant in MUTANTS:
        database.execute(*mutant.statements)
        after = integrity.collect(tools)
        tally(mutant.name, "integrity", integrity.check(before, after).findings)
        before = after
