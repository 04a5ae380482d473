"""The target is started on the old tables: what it complains of must be foreseen, unless a step mends it first."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import upgrade
from harness.checks import preflight
from harness.checks.application import startup_log
from harness.checks.application.startup_log import Start
from harness.checks.log import LogRecord
from harness.checks.preflight import start as preflight_start
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

ORIGIN, TARGET = "4.4.6", "5.0.10"
CUSTOM_ROLE = """
use RT; RT::LoadConfig(); RT::Init();
my $role = RT::CustomRole->new(RT->SystemUser);
my ($good, $message) = $role->Create(Name => 'Supervisor', MaxValues => 1);
die $message unless $good;
"""
GONE_AND_WRONG = b"Set($WebDefaultStylesheet, 'aileron');\nSet(%CustomFieldGroupings, 'RT::Ticket' => 'x');\n1;\n"
"""A theme that only the target lacks, and a value that both releases complain of."""
CHOSEN_THEME = """
use RT; RT::LoadConfig(); RT::Init();
my $user = RT::User->new(RT->SystemUser);
$user->Load('root');
my ($good, $message) = $user->SetPreferences(RT->System, { WebDefaultStylesheet => 'aileron' });
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


@pytest.mark.engine
def test_what_the_target_says_of_options(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """It says so at each start, goes on with another value, and no page or job fails: only preflight can tell."""
    site = Configuration({"site.pm": GONE_AND_WRONG})
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))

    def told(version: str, configuration: Configuration, before: Start | None) -> dict[str, Any]:
        report, target = Report("preflight", ""), rt_tools(version, database, configuration=configuration)
        preflight_start.told(report, preflight_start.probe(target, ["5.0.8"]), lambda: before)
        assert not report.findings
        return {entry["fact"]: entry["items"] for entry in preflight.facts_to_read(report.facts)}

    old = startup_log.collect(rt_tools(ORIGIN, database, configuration=site))
    (said,) = told(TARGET, site, old)[preflight_start.SAID]
    tally("theme of the site that is gone", "preflight", "default stylesheet (aileron) does not exist" in said)
    assert any("CustomFieldGroupings" in one for one in told(TARGET, site, None)[preflight_start.SAID]), (
        "nobody to ask"
    )
    assert told(TARGET, Configuration(), old) == {}
    done = rt_tools(ORIGIN, database).perl(CHOSEN_THEME)
    assert done.code == 0, done.err
    (themes,) = told(TARGET, Configuration(), old)[preflight_start.THEMES]
    tally("theme of users that is gone", "preflight", themes.startswith("1 users have chosen a theme"))
    assert told(ORIGIN, Configuration(), old) == {}


def test_an_old_release_that_cannot_be_started_leaves_nothing_open() -> None:
    """It is asked only so that a fact is short: the run must not be called unproven for it."""

    def fails() -> Start:
        raise InfrastructureError("RT 4.4.6 did not start.")

    for before, reason in ((fails, "RT 4.4.6 did not start."), (lambda: None, "the old release cannot be asked")):
        report = Report("preflight", "")
        preflight_start.told(report, {"said": [LogRecord("", "warning", "wrong option")]}, before)
        assert (report.unanswered, report.facts[preflight_start.SAID]) == ([], ["wrong option"])
        assert report.out_of_scope == [f"what the target alone says at its start: {reason}"]


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
