"""A site's own triggers must be fired on both sides, leave nothing behind, and damage by a step be found."""

from __future__ import annotations

import pymysql
import pytest

from fixtures.databases import CloneFactory
from harness.checks.schema import CHECK, QUESTION, triggers, views
from harness.database import Database, schema
from harness.database.schema import Schema
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
    triggers.judge(report, *(triggers.Side(one, schema.read(one)) for one in (before, after)))
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


DATED = (
    "SET SESSION sql_mode = ''",
    "CREATE TABLE dated (id int PRIMARY KEY, made datetime, short int AS (id + 1))",
    "INSERT INTO dated (id, made) VALUES (1, '0000-00-00 00:00:00')",
    "CREATE TRIGGER dates AFTER INSERT ON dated FOR EACH ROW INSERT INTO audit (what) VALUES ('dated')",
)
REFUSING = (
    "CREATE TABLE refusing (id int PRIMARY KEY, CHECK (id > 0))",
    "INSERT INTO refusing VALUES (1)",
    "CREATE TRIGGER refused BEFORE INSERT ON refusing FOR EACH ROW SET @seen = NEW.id",
)


@pytest.mark.mutants("schema")
def test_a_row_of_an_older_sql_mode_fires_as_well(sides: tuple[Database, Database]) -> None:
    """Its date of zeros is refused under the servers' own mode, on both sides, and no trigger is ever fired."""
    for one in sides:
        one.execute(*DATED, root=True)
    assert judged(*sides).findings == []
    sides[1].execute("DROP TABLE audit")
    assert "triggers of dated" in {one.where for one in judged(*sides).findings}


@pytest.mark.control("schema")
def test_a_row_that_the_table_refuses_fires_nothing(sides: tuple[Database, Database]) -> None:
    """No trigger caused the error: it is told that this was not tried, and not that the trigger failed before."""
    for one in sides:
        one.execute(*REFUSING, root=True)
    report = judged(*sides)
    assert report.findings == []
    assert report.facts["statements that failed with their triggers before"] == ["DELETE of failing"]
    assert "INSERT of refusing" in report.out_of_scope[0]


@pytest.mark.control("schema")
def test_what_could_not_be_tried_before_is_no_finding(sides: tuple[Database, Database]) -> None:
    """Nobody knows then whether the error was there before."""
    before, after = sides
    after.execute("DELETE FROM named", "INSERT INTO named (Name) VALUES (NULL)", root=True)
    after.execute(
        "DROP TRIGGER second", "CREATE TRIGGER second AFTER INSERT ON named FOR EACH ROW SET @a = gone()"
    )
    report = judged(before, after)
    assert report.findings == []
    assert "INSERT of named" in report.out_of_scope[0]


def test_a_locked_row_leaves_one_question_open(sides: tuple[Database, Database]) -> None:
    """What was found elsewhere stays a finding."""
    before, after = sides
    after.execute("ALTER TABLE Classes DROP COLUMN HotList")
    after.execute("SET GLOBAL innodb_lock_wait_timeout = 1", root=True)
    with after.connection(autocommit=False) as other, other.cursor() as cursor:
        cursor.execute("SELECT * FROM named FOR UPDATE")
        report = judged(before, after)
    assert [one.where for one in report.findings] == ["triggers of Classes"]
    (left,) = report.unanswered
    assert "INSERT of named can be fired: Somebody else holds a lock there" in left


def test_a_lost_connection_leaves_one_question_open(sides: tuple[Database, Database]) -> None:
    """A connection that is gone says nothing about a trigger, whatever number the client gives for it."""
    before, after = sides
    ends = "CREATE TRIGGER ends BEFORE DELETE ON named FOR EACH ROW KILL CONNECTION_ID()"
    for one in sides:
        one.execute(ends, root=True)
    after.execute("ALTER TABLE Classes DROP COLUMN HotList")
    report = judged(before, after)
    assert [one.where for one in report.findings] == ["triggers of Classes"]
    assert all("DELETE of named can be fired" in one for one in report.unanswered)
    assert report.unanswered


def test_a_closed_connection_is_no_success(sides: tuple[Database, Database]) -> None:
    """The client calls that error 0."""
    with sides[0].connection() as connection, connection.cursor() as cursor:
        for statement in ("KILL CONNECTION_ID()", "SELECT 1"):
            with pytest.raises(pymysql.err.OperationalError):
                cursor.execute(statement)
        with pytest.raises(pymysql.err.InterfaceError):
            triggers._result(cursor, "SELECT 1")


@pytest.mark.mutants("schema")
def test_a_stored_structure_is_read_again_for_what_triggers_do(sides: tuple[Database, Database]) -> None:
    """It does not hold that, and a table that knows no transactions must not be written to."""
    before, after = sides
    for one in sides:
        one.execute("ALTER TABLE audit ENGINE = MyISAM", root=True)
    stored = [triggers.Side(one, Schema.from_json(schema.read(one).to_json())) for one in (before, after)]
    report = Report(CHECK, QUESTION)
    triggers.judge(report, *stored)
    assert "audit, which is MyISAM" in "".join(report.out_of_scope)


def test_without_triggers_they_are_not_mentioned(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """Most sites have none."""
    empty = clone(lifecycle.baselines.empty(server(SERVERS[0]), lifecycle.server_image(SERVERS[0])))
    report = judged(empty, empty)
    assert (report.findings, report.out_of_scope, report.looked_at) == ([], [], 0)


@pytest.mark.slow
def test_a_gate_says_so(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps drop the column without saying so, and each change of a class dies from then on.

    A connection that is lost when the site's views are read leaves that open, and nothing else.
    """

    def lose_connection(_report: Report, _before: Database, after: Database) -> None:
        after.execute("KILL CONNECTION_ID()")

    monkeypatch.setattr(views, "judge", lose_connection)
    planted = Preparation(("triggers", *ON_A_SITE), "planting triggers", lambda one: one.execute(*ON_A_SITE))
    dump = FOLDER / "rt-4.4.6-plain.sql.zst"
    pair = choose("4.4.6", "5.0.3", SERVERS[0], dump)
    stage = Stage(lifecycle, pair, scope=Scope(validates=False), preparation=planted)
    try:
        report = stage.schema()
    finally:
        stage.close()
    assert [one.where for one in report.findings] == ["triggers of Classes"]
    assert [one.partition(":")[0] for one in report.unanswered] == ["whether the site's views can be read"]
