"""The row check: every planted defect must be found in its table, and an unchanged database cause no finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from pymysql.connections import Connection

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import dump
from harness.checks import rows
from harness.checks.rows import undocumented_steps
from harness.checks.rows.allowances import matcher, read
from harness.checks.rows.context import Cell, Context
from harness.checks.rows.effects import EFFECTS
from harness.checks.rows.judge import shown
from harness.checks.rows.rules import owner_by_name
from harness.database.digest import Row, reader
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.checks.upgraded_pair import PAIR, UpgradedPair, upgraded_pair
from tests.harness.mutants.planting import RowMutant, planted
from tests.harness.mutants.rows import HARMLESS, MUTANTS

pytestmark = pytest.mark.xdist_group("rows-mutants")  # one worker, because they share a database
engine = pytest.mark.engine


def account(sides: UpgradedPair) -> Report:
    """Run the check."""
    return rows.check(sides.before, sides.after, sides.steps, sides.thaw, known=sides.digests)


@pytest.fixture(scope="module")
def sides(lifecycle: Lifecycle) -> Iterator[UpgradedPair]:
    """One upgraded database for all mutants: each is removed again."""
    with upgraded_pair(lifecycle) as upgraded:
        yield upgraded


@engine
@pytest.mark.mutants("rows")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_defect_is_found(sides: UpgradedPair, mutant: RowMutant) -> None:
    """A check that misses one row, letter or byte does not count."""
    with planted(mutant, sides.after, sides.tools):
        report = account(sides)
    assert mutant.table in {finding.where.partition(".")[0] for finding in report.findings}


@engine
@pytest.mark.control("rows")
@pytest.mark.parametrize("mutant", HARMLESS, ids=lambda mutant: mutant.name)
def test_a_harmless_difference_is_no_finding(sides: UpgradedPair, mutant: RowMutant) -> None:
    """A false alarm costs trust."""
    with planted(mutant, sides.after, sides.tools):
        assert account(sides)


@engine
@pytest.mark.control("rows")
def test_a_good_upgrade_is_accounted_for(sides: UpgradedPair) -> None:
    """Remembered and newly computed checksums must give the same answer."""
    anew = rows.check(sides.before, sides.after, sides.steps, sides.thaw)
    assert account(sides)
    assert anew
    assert anew.looked_at == sum(int(one["rows"]) for name, one in sides.digests.items() if name != "sessions")


@engine
def test_without_its_steps_nothing_is_allowed(sides: UpgradedPair) -> None:
    """Allowances may count only for steps that were applied."""
    report = rows.check(sides.before, sides.after, [], sides.thaw, known=sides.digests)
    touched = {
        "ACL",
        "Attributes",
        "Classes",
        "Configurations",
        "Links",
        "ScripActions",
        "Templates",
        "Transactions",
    }
    assert touched <= {finding.where for finding in report.findings}


@engine
def test_no_finding_shows_data(sides: UpgradedPair) -> None:
    """A report may be mailed around; the rows are personal data."""
    subject = sides.before.value("SELECT Subject FROM Tickets WHERE LENGTH(Subject) > 10 ORDER BY id DESC LIMIT 1")
    with planted(next(one for one in MUTANTS if one.name == "subject-one-letter"), sides.after, sides.tools):
        text = account(sides).to_json()
    assert subject[1:] not in text


@engine
@pytest.mark.control("rows")
def test_the_control_without_an_upgrade_finds_nothing(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """One dump on two products: all differences are the servers', none is in the rows."""
    campus = dump.load(dump.bundled(PAIR.origin))
    sides = [clone(lifecycle.restored(campus, name)) for name in (PAIR.server, "mysql-9.7")]
    report = rows.check(sides[0], sides[1], [], Thawer(rt_tools(PAIR.target, sides[0])))
    assert report, str(report)


@engine
def test_a_site_without_tickets_proves_nothing(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Zero rows in a key table pass every comparison."""
    fresh = lifecycle.fresh(PAIR.target, PAIR.server)
    before, after = clone(fresh), clone(fresh)
    report = rows.check(before, after, [], Thawer(rt_tools(PAIR.target, before)))
    assert report.vacuous


@engine
def test_tables_of_any_shape_are_compared(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """Extensions add tables with text keys, keys of two columns, or none; their rows must count too."""
    fresh = lifecycle.fresh(PAIR.target, PAIR.server)
    before, after = clone(fresh), clone(fresh)
    for side in (before, after):
        side.execute(
            "CREATE TABLE Text (k VARCHAR(20) PRIMARY KEY, v TEXT)",
            "INSERT INTO Text VALUES ('a', ''), ('ä', 'x')",
            "CREATE TABLE Two (a INT, b INT, v INT, PRIMARY KEY (a, b))",
            "INSERT INTO Two VALUES (-1, 1, 1), (1, 1, 1)",
            "CREATE TABLE None_ (v INT)",
            "INSERT INTO None_ VALUES (1), (1), (2)",
            "CREATE TABLE Phones (phone VARCHAR(20) PRIMARY KEY, v FLOAT)",
            "INSERT INTO Phones VALUES ('4915112345', 1.234567)",
        )
    after.execute(
        "UPDATE Text SET v = NULL WHERE k = 'a'",
        "UPDATE Two SET v = 2 WHERE a = 1",
        "DELETE FROM None_ LIMIT 1",
        "UPDATE Phones SET v = 1.234571",
    )
    report = rows.check(before, after, [], Thawer(rt_tools(PAIR.target, before)))
    assert sorted(finding.where for finding in report.findings) == ["None_", "Phones", "Text", "Two"]
    assert "4915112345" not in report.to_json()


def test_keys_that_are_text_are_shown_as_checksums() -> None:
    """A key may be a person's name, or a telephone number."""
    assert re.fullmatch("12, digest:[0-9a-f]{16}", shown(("12", "anna"), (True, False)))
    assert re.fullmatch("digest:[0-9a-f]{16}", shown(("4915112345",), (False,)))
    assert re.fullmatch("digest:[0-9a-f]{16}", shown(("4915112345",), ())), "nor where the column is not known"


@pytest.mark.parametrize("spec", [{"rule": "no such rule"}, {"matchs": "x"}, {"sql": "x", "of": "y"}, {}, 1.5])
def test_a_word_that_is_not_understood_is_refused(spec: object) -> None:
    """A typo must not allow anything."""
    with pytest.raises(ValueError, match="not understood"):
        matcher(spec)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("Owner|||", "Owner.Name"),
        ("Status|Owner||", "Status|Owner.Name"),
        ("|Owner", "|Owner.Name"),
        ("Owner", "Owner.Name"),
        ("Owner|Owner|id", "Owner.Name|Owner.Name|id"),
        ("Status|||", "Status|||"),
        ("Owner.Name|", "Owner.Name|"),
        ("", ""),
        ("Status||Owner|", "Status||Owner.Name"),
    ],
)
def test_an_order_is_what_perl_makes_of_it(order: str, expected: str) -> None:
    """A search made in the browser has four places, and Perl's split drops empty ones at the end."""
    assert owner_by_name(order) == expected


def frozen(**values: object) -> Context:
    """Return a context in which these contents thaw to these values; no database is used."""
    thaw = Thawer(cast("Rt", None))  # nothing is left to thaw in a container
    thaw._known.update(values)
    nowhere = cast("Connection[Any]", None)
    return Context(nowhere, nowhere, thaw)


@pytest.mark.parametrize(
    ("now", "right"),
    [([1, 2, 9, 3], True), ([1, 2, 3, 9], False), ([1, 2, 3], False), ([9, 1, 2, 3], False), ([1, 9, 3], False)],
)
def test_a_list_gains_what_the_step_puts_in(now: list[int], right: bool) -> None:
    """All earlier items must remain, in order, with the new one at its place."""
    judge = matcher({"spliced": [9], "at": 2})
    cell = Cell(frozen(was=[1, 2, 3], now=now), "Content", {"Content": "was"}, {"Content": "now"})
    complaint = judge(cell)
    assert (complaint is None) == right


@pytest.mark.parametrize("rule", ["dashboard link", "dropped dashboard link", "during the upgrade"])
def test_a_rule_complains_of_a_row_that_is_not_there(rule: str) -> None:
    """A rule about new rows that the file applies to removed ones must not end the check."""
    there: Row = {"Base": "", "Target": ""}
    old, new = ({}, there) if rule == "dropped dashboard link" else (there, {})
    assert matcher({"rule": rule})(Cell(frozen(), "Target", old, new))


def test_what_steps_without_rules_may_do() -> None:
    """By step, kind of change and table; an unlisted step may do everything."""
    known = undocumented_steps.read(
        {"first": "2.0.0", "step": [{"step": "1.5.0", "added": ["ACL"], "structure": ["Users"]}]}
    )
    applied = ["1.5.0", "2.0.0", "2.1.0"]
    assert known.candidates(applied, "added", "ACL") == ["1.5.0"]
    assert known.candidates(applied, "removed", "ACL") == []
    assert known.candidates(applied, "structure", "ACL") == []
    assert known.candidates(["1.0.0", *applied], "removed", "Tickets") == ["1.0.0"]
    with pytest.raises(ValueError, match="unknown adds"):
        undocumented_steps.read({"first": "2.0.0", "step": [{"step": "1.5.0", "adds": ["ACL"]}]})


@engine
def test_a_menu_that_a_step_left_alone_is_found(lifecycle: Lifecycle, sides: UpgradedPair) -> None:
    """It was unmodified before the upgrade, so it must have gained a report; both sides here have the same one."""
    with (
        lifecycle.baselines.cloned(lifecycle.fresh(PAIR.target, PAIR.server)) as database,
        reader(database) as one,
        reader(database) as other,
    ):
        assert len(EFFECTS["reports menu edited"](Context(one, other, sides.thaw))) == 1


@engine
def test_content_of_an_unknown_shape_leaves_everything_else_answered(sides: UpgradedPair) -> None:
    """Frozen content may be twenty years old: one row is an open question, and losses beside it must be found."""
    lost = "$dbh->do(q{DELETE FROM Attributes WHERE Name = 'SavedSearch' ORDER BY id DESC LIMIT 1})"
    board = "Name = 'Dashboard' AND Description = 'Homepage' AND ObjectType = 'RT::System'"
    odd = RowMutant(
        "odd", "rows", "of another shape", (), "Attributes", board, f"$value = {{ Panes => [1] }}; {lost}"
    )
    with planted(odd, sides.after, sides.tools):
        report = account(sides)
    assert any("a shape that the harness does not know" in one for one in report.unanswered), report.unanswered
    assert any(one.where == "Attributes" and "removed" in one.what for one in report.findings), str(report)


def test_every_allowance_has_a_reason() -> None:
    """An allowance without a reason is a hole in the check."""
    allowances = read()
    assert all(len(reason) > 15 for reason in [one.reason for one in allowances.rows])
    assert all(len(reason) > 15 for reason in [one.reason for one in allowances.structure])
