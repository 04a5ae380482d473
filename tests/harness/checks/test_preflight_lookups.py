"""Preflight must find names that become one only where RT looks for them, and only where they do."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import upgrade
from harness.checks.preflight import database as preflight_database
from harness.checks.preflight import lookups as preflight_lookups
from harness.checks.preflight.collisions import converted
from harness.checks.preflight.database import SchemaChanges
from harness.database import Database, schema
from harness.dump import FOLDER, load
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
ORIGIN, TARGET = "4.4.6", "5.0.10"
DUMP = FOLDER / f"rt-{ORIGIN}-plain.sql.zst"
ONE, TWO = "'Masse'", "'Maße'"
APART = (
    f"INSERT INTO Templates (Queue, Name) VALUES (1, {ONE}), (2, {TWO}), (0, 'Gruß'), (0, 'GRUß')",
    f"INSERT INTO CustomFields (Name, LookupType) VALUES ({ONE}, 'RT::Queue-RT::Ticket'), ({TWO}, 'RT::User')",
    f"INSERT INTO `Groups` (Name, Domain) VALUES ({ONE}, 'UserDefined'), ({TWO}, 'RT::Queue-Role')",
)
"""Names that are looked for in different places, and that are the same today."""
LISTED = f"INSERT INTO CustomFieldValues (CustomField, Name) VALUES (1, {ONE}), (1, {TWO}), (2, {ONE})"
FIELDS = (
    f"INSERT INTO CustomFields (id, Name, LookupType) VALUES (901, {ONE}, 'RT::Queue-RT::Ticket'),"
    f" (902, {TWO}, 'RT::Queue-RT::Ticket')"
)
CATALOGS = f"INSERT INTO Catalogs (Name, Disabled) VALUES ({ONE}, 1), ({TWO}, 1)"
MET = f"INSERT INTO Templates (Queue, Name) VALUES (2, {ONE})"


def looked(database: Database, changes: SchemaChanges) -> Report:
    """Return the report on the database in its current state."""
    report, tables = Report("preflight", ""), schema.read(database)
    preflight_lookups.judge(report, database, tables, converted(tables, changes))
    return report


@pytest.mark.control("preflight")
@pytest.mark.parametrize(
    ("server", "one"), [("mariadb-11.8", True), ("mysql-9.7", True), ("mariadb-10.11", False)]
)
def test_names_in_different_places_stay_apart(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, server: str, *, one: bool
) -> None:
    """The bundled data are clean; names that nobody loads by are told; where both meet in a queue, it is found."""
    database, target = clone(lifecycle.restored(load(DUMP), server)), rt_tools(TARGET, None)
    steps = upgrade.expected_steps(target.upgrade_steps(), ORIGIN, TARGET)
    changes = preflight_database.read_changes(target, steps)
    bundled = looked(database, changes)
    assert (bundled.findings, bundled.facts) == ([], {})
    assert bool(bundled.looked_at)
    database.execute(*APART)
    assert looked(database, changes).findings == []
    database.execute(LISTED, MET)
    report = looked(database, changes)
    assert [found.where for found in report.findings] == ["Templates.Name"] * one
    assert len(report.facts.get(preflight_lookups.TOLD, [])) == one
    if one:
        assert "1 values within Queue are distinct today" in report.findings[0].what
        assert len(database.rows(report.findings[0].sql)) == 2


@pytest.fixture
def converting(clone: CloneFactory, lifecycle: Lifecycle, rt_tools: RtFactory) -> tuple[Database, SchemaChanges]:
    """Return the bundled data on a server whose collation makes names equal, and the changes of the steps."""
    database, target = clone(lifecycle.restored(load(DUMP), "mariadb-11.8")), rt_tools(TARGET, None)
    steps = upgrade.expected_steps(target.upgrade_steps(), ORIGIN, TARGET)
    return database, preflight_database.read_changes(target, steps)


@pytest.mark.parametrize(
    ("applied", "found"),
    [
        ("(901, 1), (902, 2)", False),
        ("(901, 1)", False),
        ("(901, 1), (902, 2), (902, 1)", True),
        ("(901, 0), (902, 2)", True),
        ("(901, 0), (902, 0)", True),
    ],
    ids=["two-queues", "one-unused", "one-queue", "all-queues-and-one", "all-queues"],
)
def test_custom_fields_meet_where_they_are_applied(
    converting: tuple[Database, SchemaChanges], applied: str, *, found: bool
) -> None:
    """RT permits the same name in different queues, and prefers the enabled one of two."""
    database, changes = converting
    database.execute(FIELDS, f"INSERT INTO ObjectCustomFields (CustomField, ObjectId) VALUES {applied}")
    report = looked(database, changes)
    assert [one.where for one in report.findings] == ["CustomFields.Name"] * found
    assert bool(report.facts.get(preflight_lookups.TOLD)) == (not found), "a search still takes them for the same"
    if found:
        assert sorted(row[0] for row in database.rows(report.findings[0].sql)) == [901, 902]
    database.execute("UPDATE CustomFields SET Disabled = 1 WHERE id = 902")
    assert looked(database, changes).findings == []


def test_what_is_all_disabled_does_not_count(converting: tuple[Database, SchemaChanges]) -> None:
    """RT loads a catalog by its name whether it is disabled or not, and could take it for an enabled one."""
    database, changes = converting
    database.execute(CATALOGS)
    assert looked(database, changes).findings == []
    database.execute(f"UPDATE Catalogs SET Disabled = 0 WHERE Name = {TWO}")
    assert [one.where for one in looked(database, changes).findings] == ["Catalogs.Name"]


def test_a_mere_fact_sorts_no_large_table(converting: tuple[Database, SchemaChanges]) -> None:
    """Searches and dashboards of all users are attributes, and nothing takes one of them for the other."""
    database, changes = converting
    rows = f"({ONE}, 'RT::User', 1), ({TWO}, 'RT::User', 1)"
    database.execute(f"INSERT INTO Attributes (Name, ObjectType, ObjectId) VALUES {rows}")
    report = looked(database, changes)
    assert (report.findings, report.facts) == ([], {})
