"""The schema check must excuse what was so before only if no applied step was to change it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.checks import schema as check
from harness.checks.schema import step_mentions
from harness.checks.schema.step_mentions import StepMentions
from harness.database.schema import Column, Index, Schema
from tests.harness.checks.schemas import database, table

MENTIONS = step_mentions.parse("""== 1.0.0/schema.mysql
-- Things gets a Size
ALTER TABLE `Things` MODIFY Size INT NOT NULL; # and no Weight
UPDATE Other SET Kind = 1;
== 1.0.0/indexes
for my $i (1 .. 4) { $RT::Handle->DropIndexIfExists(Table => 'Links', Name => "Links$i") }
$RT::Handle->MakeSureIndexExists(Table => 'Links', Columns => [$_]) for qw/Base Target/;
""")


@pytest.mark.parametrize(
    ("table", "names", "expected"),
    [
        ("Things", ["Size"], True),
        ("things", ["size"], True),
        ("Things", ["Kind"], False),
        ("Things", ["Weight"], False),
        ("Other", ["Size"], False),
        ("Links", ["Links3"], True),
        ("Links", ["Base", "Target"], True),
        ("Links", ["Base", "Created"], False),
        ("Links", ["LinksOld"], False),
    ],
)
def test_what_steps_speak_of(table: str, names: list[str], expected: bool) -> None:
    """Table and column in one statement; an index also by the name that a loop gives it; comments do not count."""
    assert MENTIONS.include(table, *names) is expected


def aged(*indexes: Index, charset: str = "utf8mb4", **changes: Any) -> Schema:
    """Return a schema of one table with traces of its age; changes: of its column Size."""
    size = replace(Column("Size", "int", "", "", nullable=False, default="0", extra=""), **changes)
    made = table("Things", Name=charset)
    return database(replace(made, columns={**made.columns, "Size": size}, indexes=[*made.indexes, *indexes]))


@pytest.mark.control("schema")
@pytest.mark.parametrize(
    "left",
    [
        aged(default=None),
        aged(default="7"),
        aged(nullable=True),
        aged(Index("mine", False, ("Name", "Size"), "BTREE")),
    ],
    ids=["no-default", "another-default", "null-allowed", "an-index-more"],
)
def test_what_was_so_before_is_the_sites_own(left: Schema) -> None:
    """Old steps or an administrator left it; it is harmless, and no applied step mentions it."""
    report = check.check(left, aged(), ["1.0.0"], left, [], mentions=StepMentions())
    assert report, str(report)
    assert ["brought along" in one for one in report.allowed] == [True]
    new = check.check(left, aged(), ["1.0.0"], aged(), [], mentions=StepMentions())
    assert new.findings, "not where it is new"


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(
    "left",
    [
        aged(default=None),
        aged(nullable=True),
        aged(Index("mine", False, ("Size",), "BTREE")),
        aged(Index("mine", True, ("Name",), "BTREE")),
        aged(type="bigint"),
        aged(charset="latin1"),
        database(table("Things", Name="utf8mb4")),
    ],
    ids=["default", "nullable", "index", "unique", "type", "charset", "column-missing"],
)
def test_what_a_step_should_have_mended_is_not(left: Schema) -> None:
    """The difference existed before, but a step was to change it, or it is of a kind that is never harmless."""
    assert check.check(left, aged(), ["1.0.0"], left, [], mentions=MENTIONS).findings


SHORT, LONG = Index("things1", False, ("Name",), "BTREE"), Index("tuning", False, ("Name", "Size"), "BTREE")
BY_NAME = step_mentions.parse(
    "== 1.0.0/indexes\nMakeSureIndexExists(Table => 'Things', Columns => ['Name', 'Size']);"
)
"""Statement of a step that mentions both columns, so that nothing else excuses an index on them."""


@pytest.mark.control("schema")
@pytest.mark.parametrize("before", [aged(LONG), aged(SHORT, LONG)], ids=["never-made", "dropped-by-the-step"])
def test_a_longer_index_that_rt_takes_for_its_own_is_no_finding(before: Schema) -> None:
    """RT creates no index if an existing one begins with its columns, so a tuned site lacks the short one."""
    report = check.check(aged(LONG), aged(SHORT), ["1.0.0"], before, [], mentions=BY_NAME)
    assert report, str(report)
    assert ["brought along" in one and "longer index" in one for one in report.allowed] == [True, True]


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(
    ("left", "before", "found"),
    [
        (aged(), aged(SHORT), ["missing"]),
        (aged(), aged(LONG), ["missing"]),
        (aged(LONG), aged(), ["extra", "missing"]),
        (aged(LONG), aged(SHORT), ["extra", "missing"]),
        (
            aged(replace(LONG, columns=("Size", "Name"))),
            aged(replace(LONG, columns=("Size", "Name"))),
            ["extra", "missing"],
        ),
        (
            aged(replace(LONG, columns=("Name(5)", "Size"))),
            aged(replace(LONG, columns=("Name(5)", "Size"))),
            ["extra", "missing"],
        ),
        (aged(replace(LONG, unique=True)), aged(replace(LONG, unique=True)), ["extra"]),
    ],
    ids=["lost", "longer-one-lost", "new", "instead", "other-way-round", "of-a-prefix", "unique"],
)
def test_any_other_index_does_not_stand_in(left: Schema, before: Schema, found: list[str]) -> None:
    """The longer index must begin with the whole columns, and have existed before; a unique one refuses rows."""
    report = check.check(left, aged(SHORT), ["1.0.0"], before, [], mentions=BY_NAME)
    assert sorted(one.what.partition(":")[0].partition(" ")[2] for one in report.findings) == found


def test_an_index_that_no_step_dropped_is_found_missing() -> None:
    """The short index existed beside the longer one, and no applied step mentions it: it was lost."""
    report = check.check(aged(LONG), aged(SHORT), ["1.0.0"], aged(SHORT, LONG), [], mentions=StepMentions())
    assert any("index missing" in one.what for one in report.findings)


def test_an_index_that_a_step_leaves_is_known_by_what_it_does() -> None:
    """The server assigns the names, and this is known of step 4.3.13 only."""
    groups = replace(table("Groups", Domain="utf8mb4"), name="Groups")
    old = replace(groups, indexes=[*groups.indexes, Index("any", False, ("Domain", "Instance"), "BTREE")])
    assert check.check(database(old), database(groups), ["4.3.13"], database(groups), mentions=MENTIONS)
    assert check.check(database(old), database(groups), ["4.3.12"], database(groups), mentions=MENTIONS).findings
