"""The schema check must excuse differences only by an allowance, by the past, and if no step mentions them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks import schema as check
from harness.checks.schema import SchemaAllowance, step_mentions
from harness.checks.schema.step_mentions import StepMentions
from harness.database.schema import Column, Schema, Table
from harness.database.schema_extras import ForeignKey
from tests.harness.checks.schemas import FRESH, database, table

WIDER = database(table("Things", Name="utf8mb4", Kind="utf8mb4"))
RULE = SchemaAllowance("1.0.0", "charset", "it converts", "ascii", "utf8mb4", columns=("Things.Kind",))


@pytest.mark.parametrize(
    ("steps", "before", "found"),
    [(["1.0.0"], None, 0), (["2.0.0"], None, 1), ([], WIDER, 0), ([], FRESH, 1)],
    ids=["step-applied", "another-step", "there-before", "new-without-step"],
)
def test_an_allowance_needs_its_step_or_a_past(steps: list[str], before: Schema | None, found: int) -> None:
    """A site upgraded long ago keeps what that step left; a difference without a cause is a finding."""
    assert len(check.check(WIDER, FRESH, steps, before, [RULE]).findings) == found


NEW = Column("LastUpdated", "timestamp", "", "", nullable=True, default=None, extra="")
OLD = replace(NEW, nullable=False, default="current_timestamp()", extra="on update current_timestamp()")
"""A TIMESTAMP declared without options, as a newer and as an older server creates it."""


def stamped(column: Column, name: str = "sessions") -> Schema:
    """Return a schema of one table with a timestamp in it."""
    made = table(name, Id="utf8mb4")
    return database(replace(made, columns={**made.columns, column.name: column}))


@pytest.mark.control("schema")
@pytest.mark.parametrize(("found", "fresh"), [(OLD, NEW), (NEW, OLD)], ids=["old-on-new", "new-on-old"])
def test_a_stamp_of_the_sessions_may_be_another_servers(found: Column, fresh: Column) -> None:
    """A site cannot avoid this difference, and nothing depends on it."""
    report = check.check(stamped(found), stamped(fresh), (), stamped(found))
    assert report
    assert len(report.allowed) == 3


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(("older", "newer"), [(OLD, NEW), (NEW, OLD)], ids=["old-on-new", "new-on-old"])
@pytest.mark.parametrize("aspect", ["nullable", "default", "extra"])
@pytest.mark.parametrize("where", ["another-table", "another-column", "not-brought-along"])
def test_any_other_stamp_may_not(older: Column, newer: Column, aspect: str, where: str) -> None:
    """Each of the three differences is excused, either way, for that column only, and only if it existed before.

    In another column, if a step mentions it, a difference means that the step had no effect.
    """
    name = "Tickets" if where == "another-table" else "sessions"
    wanted = replace(newer, name="Created") if where == "another-column" else newer
    found = replace(wanted, **{aspect: getattr(older, aspect)})
    before = stamped(wanted if where == "not-brought-along" else found, name)
    said = StepMentions((f"ALTER TABLE {name} MODIFY {found.name} TIMESTAMP NULL",))
    report = check.check(stamped(found, name), stamped(wanted, name), (), before, mentions=said)
    assert [finding.where for finding in report.findings] == [f"{name}.{found.name}"]


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(
    "found",
    [replace(NEW, default="'2001-01-01 00:00:00'"), replace(NEW, extra="INVISIBLE")],
    ids=["default", "extra"],
)
def test_a_stamp_that_no_server_makes_may_not(found: Column) -> None:
    """Only values that servers create are excused; any other was set by hand."""
    assert check.check(stamped(found), stamped(NEW), (), stamped(found)).findings


def test_an_allowance_that_was_not_needed_is_named() -> None:
    """Unneeded allowances hide the next defect."""
    assert check.check(FRESH, FRESH, ["1.0.0"], FRESH, [RULE]).facts["allowances unused"] == [str(RULE)]


def test_a_typo_in_an_allowance_is_refused(tmp_path: Path) -> None:
    """A misspelt key would otherwise allow nothing, or everything, unnoticed."""
    path = tmp_path / "allowances.toml"
    path.write_text('[[allowance]]\nstep = "1.0.0"\naspekt = "charset"\nreason = "it converts"\n')
    with pytest.raises(ValueError, match="aspekt"):
        check.allowances(path)


OWN = table("Extension", "utf8mb3", Name="utf8mb3")
OLDER = table("Things", "utf8mb3", Name="utf8mb3", Kind="ascii")


@pytest.mark.mutants("schema")
def test_a_table_of_the_sites_own_must_keep_the_collation_of_rts() -> None:
    """The steps convert RT's tables only; joins with an extension's table worked before and fail afterwards."""
    (finding,) = check.check(database(*FRESH.tables.values(), OWN), FRESH, [], database(OLDER, OWN)).findings
    assert finding.where == "Extension"
    assert finding.repair == "ALTER TABLE `Extension` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;"
    assert check.check(database(*FRESH.tables.values(), OWN), FRESH).findings, "nor where nobody knows what it was"


APART = replace(table("Extension", Name="utf8mb4"), collation="utf8mb4_unicode_ci")
COLUMN = table("Extension", Name="utf8mb4")
COLUMN.columns["Name"] = replace(COLUMN.columns["Name"], collation="utf8mb4_unicode_ci")


@pytest.mark.control("schema")
@pytest.mark.parametrize("own", [OWN, table("Extension", "latin1", Name="latin1"), APART, COLUMN])
def test_a_table_of_the_sites_own_may_be_as_it_was(own: Table) -> None:
    """A report of ten years, in a collation that never was RT's: the upgrade did not change it."""
    both = database(*FRESH.tables.values(), own)
    report = check.check(both, FRESH, [], both)
    assert report, str(report)
    assert [one.partition(":")[0].partition(".")[0] for one in report.facts[check.APART]] == ["Extension"]


@pytest.mark.mutants("schema")
@pytest.mark.parametrize("own", [APART, COLUMN])
def test_a_table_that_could_be_joined_before_is_found(own: Table) -> None:
    """RT's tables got its character set: joins across two sets worked, across two collations of one set not."""
    before = database(OLDER, own)
    (finding,) = check.check(database(*FRESH.tables.values(), own), FRESH, [], before).findings
    assert finding.where.partition(".")[0] == "Extension"


@pytest.mark.control("schema")
def test_a_table_in_a_set_that_rts_holds_is_joined_as_before() -> None:
    """In latin1 for ten years: a server converts it to the character set of RT's tables, before and after."""
    own = table("Extension", "latin1", Name="latin1")
    before = database(OLDER, own)
    assert check.check(database(*FRESH.tables.values(), own), FRESH, [], before)


@pytest.mark.mutants("schema")
@pytest.mark.parametrize("own", [APART, COLUMN])
def test_a_table_of_the_sites_own_that_was_changed_is_found(own: Table) -> None:
    """The table had the collation of RT's tables, or a third one, and nothing should have changed it."""
    for was in (table("Extension", Name="utf8mb4"), table("Extension", "latin1", Name="latin1")):
        before, after = (database(*FRESH.tables.values(), one) for one in (was, own))
        assert check.check(after, FRESH, [], before).findings


@pytest.mark.parametrize(
    ("said", "found"), [("", 0), ("ALTER TABLE sessions CONVERT TO CHARACTER SET utf8mb4", 2)]
)
def test_sessions_may_be_in_the_character_set_of_their_day(said: str, found: int) -> None:
    """Many sites recreate them; but if a step was to convert them, it has not."""
    fresh, left = (database(table("sessions", own, id=own)) for own in ("utf8mb4", "utf8mb3"))
    said_by_steps = step_mentions.parse(f"== 1.0.0/schema.mysql\n{said};\n")
    assert len(check.check(left, fresh, ["1.0.0"], left, [], mentions=said_by_steps).findings) == found


def test_a_table_of_the_sites_own_is_named_as_not_checked() -> None:
    """The correct structure of such a table is unknown, and the verdict says so."""
    both = database(*FRESH.tables.values(), table("Extension", Name="utf8mb4"))
    report = check.check(both, FRESH, [], both)
    assert report
    assert report.out_of_scope[0].startswith("Extension:")


def test_a_table_of_the_sites_own_that_is_gone_is_found() -> None:
    """A fresh install has never had it, so only the old database can tell."""
    both = database(*FRESH.tables.values(), table("Extension", Name="utf8mb4"))
    assert [finding.where for finding in check.check(FRESH, FRESH, [], both).findings] == ["Extension"]


def test_no_tables_are_no_pass() -> None:
    """A check without anything to look at must not pass."""
    assert check.check(database(), database()).vacuous


def test_foreign_keys_are_known_by_what_they_do() -> None:
    """NO ACTION and RESTRICT are the same to InnoDB, and the server assigns the names."""
    key = ForeignKey("a", ("Via",), "Things", ("id",), "CASCADE", "RESTRICT")
    assert key.signature == replace(key, name="b").signature


@pytest.mark.parametrize(("before", "found"), [("MyISAM", 0), ("InnoDB", 1)])
def test_a_table_of_the_sites_own_in_another_engine(before: str, found: int) -> None:
    """RT itself created its full-text table so on MySQL before 5.6; one that the upgrade changed is a finding."""
    own = replace(table("AttachmentsIndex", Content="utf8mb4"), engine="MyISAM")
    sides = [database(*FRESH.tables.values(), one) for one in (own, replace(own, engine=before))]
    report = check.check(sides[0], FRESH, [], sides[1])
    assert len(report.findings) == found
    assert ("AttachmentsIndex: MyISAM" in str(report.facts)) == (not found)
