"""What a site has added to the structure must be kept, named and never be advised to be dropped or cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checks import schema as check
from harness.checks.schema import step_mentions
from harness.checks.schema.step_mentions import StepMentions
from harness.checks.schema.width import holds
from harness.database.schema import Column, Index, Schema
from harness.database.schema_extras import Check, Trigger
from harness.verdict import Report
from tests.harness.checks.schemas import FRESH, database, table

NAME = FRESH.tables["Things"].columns["Name"]
BADGE = Column("Badge", "varchar(20)", "utf8mb4", "utf8mb4_general_ci", nullable=True, default=None, extra="")
SILENT = StepMentions()


def with_column(column: Column) -> Schema:
    """Return the fresh schema with a column more, or with another one in its place."""
    things = FRESH.tables["Things"]
    return database(replace(things, columns={**things.columns, column.name: column}))


def ask(upgraded: Schema, before: Schema, mentions: StepMentions = SILENT, fresh: Schema = FRESH) -> Report:
    """Run the check on the upgraded structure."""
    return check.check(upgraded, fresh, ["1.0.0"], before, [], mentions=mentions)


WIDE = replace(NAME, type="varchar(99)")


@pytest.mark.control("schema")
@pytest.mark.parametrize(
    ("now", "was"),
    [
        (BADGE, BADGE),
        (BADGE, replace(BADGE, charset="utf8mb3")),
        (replace(BADGE, nullable=False, default="''"),) * 2,
        (WIDE, WIDE),
        (replace(NAME, type="mediumtext"), replace(NAME, type="text", charset="utf8mb3")),
    ],
    ids=["added", "converted", "with-a-default", "wider", "converted-wider"],
)
def test_a_column_of_the_sites_own_is_known(now: Column, was: Column) -> None:
    """It was there before, RT works with it, and a later upgrade leaves it alone."""
    report = ask(with_column(now), with_column(was))
    assert report, str(report)
    assert [line.partition(":")[0] for line in report.allowed] == [f"Things.{now.name}"]


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(
    ("now", "was"),
    [
        (BADGE, None),
        (replace(BADGE, nullable=False),) * 2,
        (replace(BADGE, type="varchar(10)"), BADGE),
        (replace(BADGE, nullable=False, default="''"), BADGE),
        (WIDE, NAME),
        (replace(WIDE, type="varchar(50)"), WIDE),
        (replace(NAME, type="varchar(8)"),) * 2,
        (replace(NAME, type="blob", charset="", collation=""),) * 2,
    ],
    ids=["new", "must-be-filled", "cut", "null-refused", "newly-wider", "less-wide", "narrower", "of-bytes"],
)
def test_any_other_column_is_found(now: Column, was: Column | None) -> None:
    """The upgrade made or cut it, or RT cannot do with it."""
    report = ask(with_column(now), with_column(was) if was else FRESH)
    assert {one.where for one in report.findings} == {f"Things.{now.name}"}
    assert not [one.repair for one in report.findings if "DROP" in one.repair]


def test_a_column_that_a_step_was_to_change_is_found() -> None:
    """It was so before; but a step names it, and has had no effect."""
    said = step_mentions.parse("== 1.0.0/schema.mysql\nALTER TABLE Things DROP Badge, MODIFY Name VARCHAR(9);\n")
    for column in (BADGE, WIDE):
        (finding,) = ask(with_column(column), with_column(column), said).findings
        assert "ACCEPT" in finding.repair


@pytest.mark.parametrize("column", [WIDE, replace(NAME, charset="utf8mb4", type="longtext"), BADGE])
def test_no_repair_drops_or_cuts(column: Column) -> None:
    """Not even beside another difference of the same column, whose statement restates the type."""
    for other in (column, replace(column, nullable=not column.nullable, default="'x'")):
        found = ask(with_column(other), FRESH).findings
        assert found
        for finding in found:
            assert "DROP" not in finding.repair
            assert "varchar(9)" not in finding.repair


def test_no_repair_converts_to_fewer_characters() -> None:
    """A table of emoji beside tables of RT's in an older character set."""
    older = database(table("Things", "utf8mb3", Name="utf8mb3", Kind="utf8mb3"))
    own = table("Extension", Name="utf8mb4")
    both = database(*older.tables.values(), own)
    was = database(*older.tables.values(), table("Extension", "utf8mb3", Name="utf8mb3"))
    report = ask(both, was, fresh=older)
    assert report.findings
    assert not [one for one in report.findings if "CONVERT" in one.repair]


def test_no_repair_makes_letters_two_bytes_in_the_same_room() -> None:
    """A text holds so many bytes, and a letter of latin1 is up to three in Unicode: what no longer fits is cut."""
    text = replace(BADGE, type="text")
    older = replace(text, charset="latin1", collation="latin1_swedish_ci")
    (finding,) = ask(with_column(older), with_column(text)).findings
    assert "MODIFY" not in finding.repair
    assert ask(with_column(replace(text, type="mediumtext")), with_column(older))


def test_no_repair_of_computed_values_lacks_how() -> None:
    """MODIFY without the expression is no SQL."""
    was = replace(BADGE, type="int", charset="", collation="", extra="stored generated")
    (finding,) = ask(with_column(replace(was, type="smallint")), with_column(was)).findings
    assert "MODIFY" not in finding.repair
    (finding,) = ask(with_column(replace(was, type="smallint", extra="")), with_column(was)).findings
    assert "MODIFY" not in finding.repair


OWN = replace(
    table("Extension", id="utf8mb4", Name="utf8mb4"),
    indexes=[
        Index("PRIMARY", True, ("id",), "BTREE"),
        Index("by_name", False, ("Name",), "BTREE"),
        Index("words", False, ("Name",), "FULLTEXT"),
    ],
    checks=[Check("short", "a")],
    triggers=[Trigger("cleans", "BEFORE", "INSERT", "a")],
    counter=70,
)
COUNTING = replace(OWN, columns={**OWN.columns, "id": Column("id", "int", "", "", False, None, "auto_increment")})
FULL = 2_147_483_640


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(
    ("now", "found"),
    [
        (replace(OWN, columns={"id": OWN.columns["id"]}), "own column is gone"),
        (replace(OWN, indexes=OWN.indexes[:2]), "FULLTEXT (Name)"),
        (replace(OWN, indexes=OWN.indexes[::2]), "INDEX (Name)"),
        (replace(OWN, indexes=[*OWN.indexes[:2], replace(OWN.indexes[2], ignored=True)]), "FULLTEXT (Name)"),
        (replace(OWN, checks=[]), "short is gone"),
        (replace(OWN, checks=[*OWN.checks, Check("more", "b")]), "more is new"),
        (replace(OWN, checks=[Check("short", "b")]), "short is another one"),
        (replace(OWN, triggers=[]), "cleans is gone"),
        (replace(OWN, triggers=[replace(OWN.triggers[0], event="UPDATE")]), "cleans does something else"),
        (replace(COUNTING, counter=69), "was 70 and is 69"),
        (replace(COUNTING, counter=FULL), "8 ids are left"),
        (replace(COUNTING, columns=OWN.columns), "own column changed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_table_of_the_sites_own_lost_is_found(now: object, found: str) -> None:
    """No fresh install has it, so that only the old database can tell."""
    was = COUNTING if "id" in found or "was 70" in found or "changed" in found else OWN
    before, after = (database(*FRESH.tables.values(), one) for one in (was, now))  # type: ignore[arg-type]
    assert any(found in one.what for one in ask(after, before).findings)


@pytest.mark.control("schema")
def test_what_grows_is_no_finding() -> None:
    """More rows, wider columns: what RT does with its full-text table."""
    grown = replace(
        COUNTING, counter=99, columns={**COUNTING.columns, "id": replace(COUNTING.columns["id"], type="bigint")}
    )
    before, after = (database(*FRESH.tables.values(), one) for one in (COUNTING, grown))
    assert ask(after, before)


BEYOND = 2_050_000_000
"""An id of an int column just beyond 95 per cent of them."""


@pytest.mark.control("schema")
@pytest.mark.parametrize(("was", "now", "left"), [(FULL, FULL, 8), (2_040_000_000, BEYOND, 97_483_648)])
def test_a_counter_that_was_nearly_full_is_told(was: int, now: int, left: int) -> None:
    """It is no effect of the upgrade, not even if a few rows of it pass the mark; the site needs to know."""
    before, after = (database(*FRESH.tables.values(), replace(COUNTING, counter=one)) for one in (was, now))
    report = ask(after, before)
    assert report
    assert f"{left} ids are left" in str(report.allowed)


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(("was", "kind"), [(2_000_000_000, "int"), (BEYOND - 1, "bigint")])
def test_a_counter_that_the_upgrade_brings_to_its_end_is_found(was: int, kind: str) -> None:
    """It used up many ids, or made the column smaller."""
    old = replace(COUNTING, columns={**COUNTING.columns, "id": replace(COUNTING.columns["id"], type=kind)})
    before = database(*FRESH.tables.values(), replace(old, counter=was))
    after = database(*FRESH.tables.values(), replace(COUNTING, counter=BEYOND))
    assert any("ids are left" in one.what for one in ask(after, before).findings)


@pytest.mark.parametrize("said", ["", "ALTER TABLE Things DROP INDEX own;"])
def test_an_index_of_the_sites_own_that_no_step_drops_is_found(said: str) -> None:
    """On a table of RT's: searches of the site's own pages become scans."""
    things = FRESH.tables["Things"]
    own = Index("own", False, ("Kind",), "BTREE")
    before = database(replace(things, indexes=[*things.indexes, own]))
    mentions = step_mentions.parse(f"== 1.0.0/schema.mysql\n{said}\n")
    assert len(ask(FRESH, before, mentions).findings) == (not said)


@pytest.mark.parametrize(
    ("wide", "narrow", "held"),
    [
        ("bigint", "int", True),
        ("bigint", "int unsigned", True),
        ("int", "int unsigned", False),
        ("int", "bigint", False),
        ("varchar(255)", "varchar(200)", True),
        ("varchar(200)", "varchar(255)", False),
        ("text", "varchar(255)", True),
        ("tinytext", "varchar(255)", False),
        ("longblob", "blob", True),
        ("mediumtext", "longtext", False),
        ("longblob", "longtext", False),
        ("varchar(255)", "int", False),
        ("datetime", "timestamp", False),
    ],
)
def test_what_fits_into_what(wide: str, narrow: str, held: bool) -> None:
    """A statement is printed only if every value fits."""
    one, other = (replace(NAME, type=each) for each in (wide, narrow))
    assert holds(one, other) is held
    assert holds(replace(one, charset="utf8mb4"), replace(other, charset="utf8mb3")) is held
    assert not holds(replace(one, charset="utf8mb3"), other)
