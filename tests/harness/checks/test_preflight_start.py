"""The target is started on the old tables: what it complains of must be foreseen, unless a step mends it first."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import upgrade
from harness.checks.preflight import start as preflight_start
from harness.database import Database
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

ORIGIN, TARGET = "4.4.6", "5.0.10"
CUSTOM_ROLE = """
use RT; RT::LoadConfig(); RT::Init();
my $role = RT::CustomRole->new(RT->SystemUser);
my ($good, $message) = $role->Create(Name => 'Supervisor', MaxValues => 1);
die $message unless $good;
"""


@pytest.mark.engine
@pytest.mark.parametrize(("version", "foreseen"), [("5.0.7", True), ("5.0.10", False)])
def test_custom_roles(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, version: str, *, foreseen: bool
) -> None:
    """Code that starts on tables of an older release logs SQL errors and goes on; a later release avoids this."""

    def work(database: Database) -> None:
        done = rt_tools(ORIGIN, database).perl(CUSTOM_ROLE)
        assert done.code == 0, done.err

    fresh = lifecycle.fresh(ORIGIN, "mariadb-10.11")
    made = lifecycle.baselines.of_clone(fresh, ["custom role", CUSTOM_ROLE], "making a custom role", work)
    target, report = rt_tools(version, clone(made)), Report("preflight", "")
    steps = upgrade.expected_steps(target.upgrade_steps(), ORIGIN, version)
    preflight_start.judge(report, target, preflight_start.probe(target, steps), steps)
    assert any(one.where == "start" for one in report.findings) == foreseen


@pytest.mark.engine
@pytest.mark.parametrize(
    ("complaints", "found"),
    [
        (["Unknown column 'main.LookupType' in 'WHERE'"], False),
        (["Unknown column 'main.LookupType' in 'WHERE'", "Table 'rt.Gone' doesn't exist"], True),
        (
            ["Unknown column 'main.LookupType' in 'WHERE'", "RT::Handle=HASH(0x5) couldn't execute the query 'x'"],
            False,
        ),
        (["RT::Handle=HASH(0x5) couldn't execute the query 'x'"], True),
        (["Unknown column 'main.Type' in 'WHERE'"], True),
        (["Unknown column 'Table' in 'SELECT'"], True),
    ],
    ids=["added", "and-another-error", "and-again", "without-a-reason", "part-of-a-name", "word-of-a-step"],
)
def test_errors_that_no_step_explains_are_found(
    rt_tools: RtFactory, complaints: list[str], *, found: bool
) -> None:
    """A column that a step adds explains the errors that miss this column, and no other error."""
    target, report = rt_tools(TARGET, None), Report("preflight", "")
    steps = upgrade.expected_steps(target.upgrade_steps(), "5.0.3", TARGET)
    preflight_start.judge(report, target, {"complaints": complaints}, steps)
    assert bool(report.findings) == found


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS b INT, ADD `c` INT", {"b", "c"}),
        ("ALTER TABLE t ADD COLUMN (b decimal(10,2) DEFAULT '1,d', `c` int);", {"b", "c"}),
        ("ALTER TABLE t ADD (b int, KEY k (b), c int)", {"b", "c"}),
        ("ALTER TABLE t RENAME COLUMN Queue TO ObjectId", {"objectid"}),
        ("ALTER TABLE t RENAME COLUMN IF EXISTS `Queue` TO `ObjectId`", {"objectid"}),
        ("ALTER TABLE t CHANGE a b INT, CHANGE COLUMN `c` `d` INT", {"b", "d"}),
        ("ALTER TABLE t ADD INDEX i (b), ADD UNIQUE (c), ADD CONSTRAINT d CHECK (e > 0)", set()),
        ("-- ADD b\n# ADD c\n/* ADD d */ UPDATE t SET e = 'ADD f'", set()),
    ],
)
def test_columns_are_added_in_many_words(sql: str, columns: set[str]) -> None:
    """Renamed columns appear as well; words, indexes and other text are no columns."""
    assert preflight_start.added_columns(sql) == columns
