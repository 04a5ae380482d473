"""Preflight must foresee what would fail, and accept what will succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import upgrade
from harness.checks import preflight, upgrade_history
from harness.checks.integrity import Validation
from harness.checks.preflight import Evidence
from harness.checks.preflight import collisions as preflight_collisions
from harness.checks.preflight import configuration as preflight_configuration
from harness.checks.preflight import database as preflight_database
from harness.checks.preflight import identity as preflight_identity
from harness.checks.preflight import lifecycles as preflight_lifecycles
from harness.checks.preflight import lookups as preflight_lookups
from harness.checks.preflight import merges as preflight_merges
from harness.checks.preflight import rights as preflight_rights
from harness.checks.preflight import row_formats as preflight_row_formats
from harness.checks.preflight import start as preflight_start
from harness.checks.preflight import time_zones as preflight_time_zones
from harness.database import Database
from harness.database.schema import Column, Schema, Table, read
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Finding, Report
from tests.harness.mutants.preflight import MUTANTS, SERVER

ORIGIN, TARGET = "4.4.6", "5.0.10"
OWN = Configuration({"own.pm": b"1;\n"})
"""A configuration without lifecycles of its own."""
UNCALLED = "html/Callbacks/Site/SelfService/index.html/BeforeMyRequests"
SITE = Configuration({UNCALLED: b"", "site.pm": b"Set($WebDefaultStylesheet, 'aileron');\n1;\n"})
"""A callback and a theme that the target does not have: facts, and no findings."""


def test_what_is_worth_knowing_comes_in_its_order() -> None:
    """Things that no longer work come first; facts that are empty or normal are left out."""
    told = {
        preflight_time_zones.TABLES: preflight_time_zones.LOADED,
        "to do by hand": ["this"],
        preflight_configuration.SAID: [],
        preflight_configuration.LOST: ["One"],
    }
    assert [one["items"] for one in preflight.facts_to_read(told)] == [["One"], ["this"]]
    told["time zone tables"] = "missing: charts by time will be empty"
    assert preflight.facts_to_read(told)[-1]["items"] == ["missing: charts by time will be empty"]
    told[preflight_time_zones.WANTED] = preflight_time_zones.ON_PRODUCTION
    assert preflight.facts_to_read(told)[-1]["items"] == [preflight_time_zones.ON_PRODUCTION]


def test_a_half_upgraded_history_is_found() -> None:
    """A failed run leaves only its beginning in the history, and no other trace."""
    report = Report("preflight", "")
    begun = {"stage": "before", "type": upgrade_history.FULL, "individual_id": "one", "from": ORIGIN, "to": TARGET}
    preflight_identity.unfinished(report, upgrade_history.History({"RT": [begun]}))
    assert report.findings


def test_what_an_extension_never_ended_is_a_fact() -> None:
    """The extension's data was never fully inserted, years ago: no reason against an upgrade of RT."""
    report = Report("preflight", "")
    begun = {"stage": "before", "action": "insert", "individual_id": "one", "filename": "/src/etc/initialdata"}
    preflight_identity.unfinished(report, upgrade_history.History({"An::Extension": [begun]}))
    assert report.findings == []
    assert "An::Extension" in str(report.facts)


@pytest.mark.parametrize(
    ("table_in", "column_in", "found", "half"),
    [
        ("latin1", "", 0, 0),
        ("latin1", "latin1", 1, 0),
        ("latin1", "utf8mb3", 0, 0),
        ("latin1", "ascii", 0, 0),
        ("utf8mb4", "", 0, 0),
        ("utf8mb4", "utf8mb4", 0, 1),
        ("utf8mb3", "utf8mb3", 0, 0),
    ],
)
def test_a_table_is_in_the_character_set_of_its_text(table_in: str, column_in: str, found: int, half: int) -> None:
    """RT 3 created numeric tables without a character set, so they have the server's default of that time."""
    tables = [
        Table(name, "InnoDB", f"{default}_general_ci", {"Kind": Column("Kind", kind, text, text, True, None, "")})
        for name, default, text, kind in (
            ("Tickets", "utf8mb3", "utf8mb3", "text"),
            ("Members", table_in, column_in, "text" if column_in else "int"),
        )
    ]
    schema = Schema("mariadb-10.11", {table.name: table for table in tables})
    changes = preflight_database.SchemaChanges(declared=("Tickets", "Members"))
    report = Report("preflight", "")
    preflight_database.report_charsets(report, schema.tables)
    assert len(report.findings) == found
    preflight_identity.half_converted(report, schema, changes)
    assert len(report.findings) == found + half


@pytest.mark.parametrize("charset", ["utf8mb3", "latin1"])
def test_a_table_that_is_made_anew_tells_nothing(charset: str) -> None:
    """Many sites empty the sessions by a DROP, and recreate them with the database's default of that day."""
    made = {
        name: Table(
            name, "InnoDB", f"{own}_general_ci", {"id": Column("id", "char(32)", own, own, False, None, "")}
        )
        for name, own in (("Tickets", "utf8mb4"), ("sessions", charset))
    }
    steps, report = preflight_database.SchemaChanges(declared=tuple(made)), Report("preflight", "")
    preflight_database.report_charsets(report, made)
    preflight_identity.half_converted(report, Schema("mariadb-10.11", made), steps)
    assert report.findings == []


def database_findings(
    database: Database,
    changes: preflight_database.SchemaChanges,
    probed: Mapping[str, object],
    target: Rt,
    rights: Sequence[str],
) -> set[tuple[str, str]]:
    """Return place and text of every finding in the database itself."""
    report, schema = Report("preflight", ""), read(database)
    preflight_database.structure(report, database, schema, changes)
    converted = preflight_collisions.converted(schema, changes)
    preflight_collisions.judge(report, database, schema, converted)
    preflight_lookups.judge(report, database, schema, converted)
    preflight_row_formats.judge(report, database, schema, converted)
    preflight_database.orphans(report, database, schema, changes)
    preflight_rights.judge(report, database, schema, target, rights)
    preflight_database.values(report, database, schema)
    preflight_merges.judge(report, database, schema)
    preflight_identity.done_already(report, schema, changes)
    preflight_lifecycles.judge(report, database, schema, probed, OWN)
    return {(one.where, one.what) for one in report.findings}


@pytest.mark.engine
def test_defects_of_the_database(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """Planted one after the other on a server with the newest collation; each must add a finding."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-11.8"))
    target = rt_tools(TARGET, database)
    steps = upgrade.expected_steps(target.upgrade_steps(), ORIGIN, TARGET)
    changes = preflight_database.read_changes(target, steps)
    probed = preflight_start.probe(target, steps)
    rights = preflight_rights.read_by_steps(target, steps)
    assert rights == ["ModifySelf"]
    database.execute("CREATE TABLE `tickets` (id INT PRIMARY KEY)", "CREATE TABLE `a ``name -- x` (id INT)")
    before = database_findings(database, changes, probed, target, rights)
    assert before == set(), "a fresh site is clean, whatever tables of its own it has"
    assert {"tickets": 0, "a `name -- x": 0}.items() <= database.counts().items()
    for mutant in MUTANTS:
        database.execute(*mutant.statements)
        if mutant.name in SERVER:
            database.execute(SERVER[mutant.name], root=True)
        after = database_findings(database, changes, probed, target, rights)
        tally(mutant.name, "preflight", after - before)
        before = after


def look(
    database: Database,
    origin: Rt | None,
    target: Rt,
    path: tuple[str, str],
    validation: Validation | None = None,
    *,
    configuration: Configuration | None = None,
) -> Report:
    """Return the whole preflight's report for a path between two releases."""
    steps = upgrade.expected_steps(target.upgrade_steps(), *path)
    left = upgrade_history.read(database, Thawer(target))
    recognised = preflight.recognise(read(database), origin, target, path, steps=steps, history=left)
    known = Evidence(recognised, validation, configuration or Configuration())
    return preflight.check(database, origin, target, path, steps=steps, known=known)


def stops(database: Database, target: Rt, path: tuple[str, str]) -> tuple[Finding, ...]:
    """Return the findings that forbid this path: only the first questions, as nothing else depends on FROM."""
    steps = upgrade.expected_steps(target.upgrade_steps(), *path)
    return preflight.recognise(read(database), None, target, path, steps=steps, history=None).stops


@pytest.mark.engine
def test_the_whole_preflight(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally) -> None:
    """No finding for a good path; findings for a wrong release of the dump, and after half an upgrade."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    origin, target = rt_tools(ORIGIN, database), rt_tools(TARGET, database, configuration=SITE)
    dirty = Validation(ORIGIN, 1, [f"Record #{number} in T references nothing" for number in range(9)])
    good = look(database, origin, target, (ORIGIN, TARGET), dirty, configuration=SITE)
    assert good
    tally("callback", "preflight", UNCALLED in str(good.facts[preflight.BEFORE]))
    tally("theme", "preflight", "default stylesheet (aileron)" in str(good.facts[preflight.BEFORE]))
    assert good.facts["rt-validator, findings shown"] == "8 of 9"
    for declared, mutant in (("5.0.3", "declared from too high"), ("4.4.4", "declared from too low")):
        tally(mutant, "preflight", stops(database, target, (declared, TARGET)))
    database.execute("UPDATE CachedGroupMembers SET Via = 999999 ORDER BY id DESC LIMIT 1")
    upgrade.run(target, ORIGIN, TARGET)
    tally("half an upgrade", "preflight", "half" in str(look(database, origin, target, (ORIGIN, TARGET))))


@pytest.mark.engine
def test_a_server_that_is_silent_is_no_finding(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow disk the guard gives up; an error that the server does answer with is about the database."""
    monkeypatch.setattr(preflight_identity, "WAIT", 1)
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    target = rt_tools(TARGET, database)
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLES Users WRITE")
        with pytest.raises(InfrastructureError, match="did not answer RT"):
            preflight_identity.guard(target)
    database.execute("ALTER TABLE Users CHANGE Name Login VARCHAR(200)")
    report = Report("preflight", "")
    assert preflight_identity.judge(report, None, target, (ORIGIN, TARGET), ()) == []
    assert [one.where for one in report.findings] == ["guard"]


@pytest.mark.engine
def test_a_server_that_is_not_reached_is_no_finding(rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dump is not the cause if containers do not find each other."""
    monkeypatch.setattr(preflight_identity, "WAIT", 1)
    with pytest.raises(InfrastructureError, match="does not reach the copy's server"):
        preflight_identity.guard(rt_tools(TARGET, None))
