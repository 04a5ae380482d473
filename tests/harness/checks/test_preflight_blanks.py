"""Preflight must find names that lookups will no longer find, only on the servers where that happens."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import upgrade
from harness.checks.preflight import blanks as preflight_blanks
from harness.checks.preflight import database as preflight_database
from harness.checks.preflight.collisions import converted
from harness.checks.preflight.database import SchemaChanges
from harness.database import Database, schema
from harness.dump import FOLDER, load
from harness.dump.choice import choose
from harness.stage import Scope, Stage
from harness.stage.copies import Preparation
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
ORIGIN, TARGET = "4.4.6", "5.0.10"
DUMP = FOLDER / f"rt-{ORIGIN}-plain.sql.zst"
PADS_NOT, PADS = "mysql-9.7", "mariadb-11.8"
NAMES = {
    "blank-in-address": ("Users.EmailAddress", "the next mail makes a second account, without the old tickets"),
    "blank-in-login": ("Users.Name", "nobody logs in by that name any more"),
    "blank-in-queue": ("Queues.Name", "the mail gateway refuses the queue's mail"),
    "blank-in-field": ("CustomFields.Name", "scrips and searches ask for a field that is not there"),
    "blank-in-template": ("Templates.Name", "a scrip has no template"),
}
OTHER = "ObjectCustomFieldValues.Content"
"""Searches then find less, which is only a fact: any site has some."""


def blank(database: Database, where: str) -> None:
    """Append a blank to one value."""
    table, column = where.split(".")
    database.execute(f"UPDATE {table} SET {column} = CONCAT({column}, ' ') WHERE {column} > '' LIMIT 1")


def looked(database: Database, changes: SchemaChanges) -> Report:
    """Return the report on the database in its current state."""
    report, tables = Report("preflight", ""), schema.read(database)
    preflight_blanks.judge(report, database, tables, converted(tables, changes))
    return report


def read(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, server: str
) -> tuple[Database, SchemaChanges]:
    """Return a copy on a server, and the changes of the steps."""
    database = clone(lifecycle.restored(load(DUMP), server))
    target = rt_tools(TARGET, None)
    steps = upgrade.expected_steps(target.upgrade_steps(), ORIGIN, TARGET)
    return database, preflight_database.read_changes(target, steps)


def test_where_a_blank_becomes_a_letter(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """Each must be found with its place, and its repair must mend it."""
    database, changes = read(lifecycle, clone, rt_tools, PADS_NOT)
    database.execute("UPDATE Users SET EmailAddress = ' ' WHERE Name = 'Nobody'")  # this is never looked up
    good = looked(database, changes)
    assert (good.findings, good.facts) == ([], {})
    assert good.looked_at
    for name, (where, _) in NAMES.items():
        blank(database, where)
        found = {one.where: one for one in looked(database, changes).findings}
        tally(name, "preflight", set(found) == {where})
        database.execute(found[where].repair.rpartition("\n")[2].rstrip(";"))
        assert looked(database, changes).findings == []
    blank(database, OTHER)
    told = looked(database, changes)
    assert (told.findings, len(told.facts[preflight_blanks.TOLD])) == ([], 1)
    # RT looks addresses up like this. Once a step has converted the table, the lookup has already changed.
    blank(database, "Users.EmailAddress")
    asked = "SELECT COUNT(*) FROM Users WHERE EmailAddress = (SELECT MIN(TRIM(EmailAddress)) FROM Users u WHERE"
    asked += " u.EmailAddress LIKE '% ')"
    assert database.value(asked) == 1
    database.execute("ALTER TABLE Users CONVERT TO CHARACTER SET utf8mb4")
    assert database.value(asked) == 0
    assert looked(database, changes).findings == []


@pytest.mark.control("preflight")
def test_where_a_blank_stays_nothing(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """On such a server nothing changes."""
    database, changes = read(lifecycle, clone, rt_tools, PADS)
    for where, _ in NAMES.values():
        blank(database, where)
    report = looked(database, changes)
    assert (report.findings, report.facts) == ([], {})


def test_a_gate_says_so(lifecycle: Lifecycle) -> None:
    """No later check of a gate could find it."""
    prepared = Preparation(("blanks", "1"), "planting a blank", lambda one: blank(one, "Users.EmailAddress"))
    stage = Stage(
        lifecycle, choose(ORIGIN, TARGET, PADS_NOT, DUMP), scope=Scope(validates=False), preparation=prepared
    )
    try:
        assert [one.where for one in stage.preflight().findings] == ["Users.EmailAddress"]
    finally:
        stage.close()
