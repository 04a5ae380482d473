"""A site's own triggers must be fired on both sides, leave nothing behind, and damage by a step be found."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from harness.checks.schema import CHECK, QUESTION, triggers
from harness.database import Database
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.releases import server
from harness.stage import Scope, Stage
from harness.stage.copies import Preparation
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
SERVERS = ("mariadb-10.11", "mysql-9.7")
MADE = (
    "CREATE TABLE Classes (id int PRIMARY KEY AUTO_INCREMENT, Name varchar(20), HotList int)",
    "CREATE TABLE audit (id int PRIMARY KEY AUTO_INCREMENT, what varchar(20))",
    "CREATE TABLE bare (a int)",
    "CREATE TABLE named (id int PRIMARY KEY AUTO_INCREMENT, Name varchar(20) UNIQUE)",
    "CREATE TABLE failing (id int PRIMARY KEY)",
    "INSERT INTO Classes (Name, HotList) VALUES ('a', 1), ('b', 0)",
    "INSERT INTO named (Name) VALUES ('a')",
    "INSERT INTO failing VALUES (1)",
    "CREATE TRIGGER changed BEFORE UPDATE ON Classes FOR EACH ROW INSERT INTO audit (what) VALUES (OLD.HotList)",
    "CREATE TRIGGER made AFTER INSERT ON Classes FOR EACH ROW INSERT INTO audit (what) VALUES (NEW.Name)",
    "CREATE TRIGGER gone AFTER DELETE ON Classes FOR EACH ROW INSERT INTO audit (what) VALUES (OLD.Name)",
    "CREATE TRIGGER never AFTER UPDATE ON bare FOR EACH ROW INSERT INTO audit (what) VALUES ('never')",
    "CREATE TRIGGER second AFTER INSERT ON named FOR EACH ROW INSERT INTO audit (what) VALUES ('second')",
    "CREATE TRIGGER fails BEFORE DELETE ON failing FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'kept'",
)

ON_A_SITE = (
    "CREATE TRIGGER hot BEFORE UPDATE ON Classes FOR EACH ROW SET @hot = OLD.HotList",
    "CREATE TRIGGER good AFTER INSERT ON Tickets FOR EACH ROW SET @last = NEW.id",
)
"""The first uses a column that a step drops."""


@pytest.fixture(params=SERVERS)
def sides(request: pytest.FixtureRequest, lifecycle: Lifecycle, clone: CloneFactory) -> tuple[Database, Database]:
    """Two databases with a site's own triggers, one of which refused each write before."""
    name = request.param
    empty = lifecycle.baselines.empty(server(name), lifecycle.server_image(name))
    before, after = clone(empty), clone(empty)
    for one in (before, after):
        one.execute(*MADE, root=True)
    return before, after


def judged(before: Database, after: Database) -> Report:
    """Return the report on their triggers."""
    report = Report(CHECK, QUESTION)
    triggers.judge(report, before, after)
    return report


@pytest.mark.control("schema")
def test_triggers_as_they_were_are_left_alone(sides: tuple[Database, Database]) -> None:
    """All are fired that can be, and nothing of it stays: no row, and no number of their tables is used up."""
    counts = [one.counts() for one in sides]
    report = judged(*sides)
    assert (report.findings, report.looked_at) == ([], 6)
    assert report.facts["statements that failed with their triggers before"] == ["DELETE of failing"]
    assert report.out_of_scope[0] == (
        "triggers at UPDATE of bare, INSERT of named: no row could be written there for a trial"
    )
    assert [one.counts() for one in sides] == counts
    for one in sides:
        one.execute("INSERT INTO Classes (Name) VALUES ('next')", root=True)
        assert one.value("SELECT id FROM Classes WHERE Name = 'next'") == 3


@pytest.mark.mutants("schema")
def test_what_a_step_breaks_is_found(sides: tuple[Database, Database]) -> None:
    """RT's own tables are correct then, and each write to the table dies."""
    before, after = sides
    after.execute("ALTER TABLE Classes DROP COLUMN HotList")
    (broken,) = judged(before, after).findings
    assert "triggers of Classes: each UPDATE fails with error 1054, and did not before" in str(broken)
    assert broken.samples[0] == "changed (BEFORE UPDATE)"


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(
    ("statement", "event"),
    [
        ("ALTER TABLE audit CHANGE what message varchar(20)", "INSERT"),
        ("DROP TABLE audit", "DELETE"),
    ],
    ids=["column-of-another-table", "another-table"],
)
def test_what_a_trigger_writes_to_must_be_there(
    sides: tuple[Database, Database], statement: str, event: str
) -> None:
    """A trigger writes to another table than its own as a rule."""
    before, after = sides
    after.execute(statement)
    assert f"each {event} fails" in "".join(one.what for one in judged(before, after).findings)


@pytest.mark.control("schema")
def test_what_cannot_be_taken_back_is_not_tried(sides: tuple[Database, Database]) -> None:
    """A row in such a table would stay, on the copy that must stay untouched as well."""
    for one in sides:
        one.execute("ALTER TABLE audit ENGINE = MyISAM", root=True)
    report = judged(*sides)
    assert (report.findings, sides[0].value("SELECT COUNT(*) FROM audit")) == ([], 0)
    assert "audit, which is MyISAM" in "".join(report.out_of_scope)


def test_no_triggers_are_no_words(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """Most sites have none."""
    empty = clone(lifecycle.baselines.empty(server(SERVERS[0]), lifecycle.server_image(SERVERS[0])))
    report = judged(empty, empty)
    assert (report.findings, report.out_of_scope, report.looked_at) == ([], [], 0)


@pytest.mark.slow
def test_a_gate_says_so(lifecycle: Lifecycle) -> None:
    """The steps drop the column without a word, and each change of a class dies from then on."""
    planted = Preparation(("triggers", *ON_A_SITE), "planting triggers", lambda one: one.execute(*ON_A_SITE))
    dump = FOLDER / "rt-4.4.6-plain.sql.zst"
    pair = choose("4.4.6", "5.0.3", SERVERS[0], dump)
    stage = Stage(lifecycle, pair, scope=Scope(validates=False), preparation=planted)
    try:
        assert [one.where for one in stage.schema().findings] == ["triggers of Classes"]
    finally:
        stage.close()
