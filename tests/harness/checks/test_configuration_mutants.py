"""Preflight must report the parts of a site's configuration that the target does not accept."""

from __future__ import annotations

import re

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import preflight
from harness.checks.preflight import configuration as preflight_configuration
from harness.checks.preflight import start as preflight_start
from harness.checks.preflight import storage as preflight_storage
from harness.checks.preflight import time_zones as preflight_time_zones
from harness.database import Database, schema
from harness.dump import FOLDER, load
from harness.dump.choice import DEFAULT_SERVER
from harness.rt import Rt
from harness.rt.configuration import SITE_CONFIGURATION, Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.mutants.configuration import (
    CLOUD,
    FATAL,
    FILE,
    FORGOTTEN,
    GOOD,
    LOST,
    NO_STORAGE,
    ORIGIN,
    OUTSIDE,
    READ,
    RIGHTLY_GONE,
    STORAGE,
    STRANGE,
    TARGET,
    TIME_ZONES,
    TOLD,
    WITHOUT_TIME_ZONES,
    ConfigurationMutant,
)

PATH = (ORIGIN, TARGET)


def of(text: str) -> Configuration:
    """Return the configuration of a site that has one file."""
    return Configuration({"site.pm": f"{text}\n1;\n".encode()})


def told(text: str, origin: Rt | None, target: Rt) -> Report:
    """Return the report on a configuration from its text alone."""
    report = Report(preflight.CHECK, "")
    preflight_configuration.judge(report, of(text), origin, target, PATH)
    return report


def caught(mutant: ConfigurationMutant, report: Report) -> bool:
    """Tell whether a defect is reported in the right place."""
    text = "\n".join(report.facts.get(mutant.fact, ())) if mutant.fact else "\n".join(map(str, report.findings))
    return bool(re.search(mutant.shows, text))


@pytest.mark.engine
def test_options_and_plugins_are_told_by_name(rt_tools: RtFactory, tally: Tally) -> None:
    """A good configuration has none to report; of a bad one each line is reported, even if there are many."""
    origin, target = rt_tools(ORIGIN, None), rt_tools(TARGET, None)
    good = told(GOOD, origin, target)
    assert not good.findings
    assert (good.facts[LOST], good.facts[STRANGE]) == ([], [])
    told_of = {one["heading"]: one for one in good.facts[preflight_configuration.PASSAGES]}
    assert "5.0.3 AND EARLIER" in told_of
    assert "4.4.5 AND EARLIER" not in told_of
    assert told_of["5.0.9 AND EARLIER"]["file"] == "UPGRADING-5.0"
    assert told_of["5.0.9 AND EARLIER"]["speaks_of"] == ["ReferrerWhitelist"]
    assert not re.search(r"(?m)^=|\b[CFL]<", "".join(one["text"] for one in told_of.values()))
    assert [one.partition(":")[0] for one in good.facts[READ]] == ["FROM 5.0.9 AND EARLIER, ReferrerWhitelist"] * 2
    in_database = Report(preflight.CHECK, "")
    preflight_configuration.judge(
        in_database, of(GOOD), origin, target, PATH, elsewhere=[*lost(origin, target)[:1], "Whatever"]
    )
    assert in_database.facts[LOST] == lost(origin, target)[:1]
    assert in_database.facts[STRANGE] == ["Whatever"]
    report = told("\n".join([GOOD, *(mutant.line for mutant in TOLD)]), origin, target)
    for mutant in TOLD:
        tally(mutant.name, mutant.check, caught(mutant, report))


@pytest.mark.engine
def test_what_the_new_side_forgot_is_told_by_name(rt_tools: RtFactory, tally: Tally) -> None:
    """A rewritten configuration may lack options by mistake, and RT then uses its defaults."""
    origin, target = rt_tools(ORIGIN, None), rt_tools(TARGET, None)
    old = "\n".join([GOOD, *RIGHTLY_GONE, *FORGOTTEN])
    fact = forgotten(old, GOOD, origin, target)
    for name in FORGOTTEN.values():
        tally(f"forgotten {name}", "preflight", name in fact)
    assert sorted(fact) == sorted(FORGOTTEN.values())
    # Without the old release an extension's option cannot be told from one that the target has dropped.
    assert {*fact} - {*forgotten(old, GOOD, None, target)} == {"CommandByMailGroup"}
    assert {*fact} - {*forgotten(old, GOOD, origin, target, "MailPlugins")} == {"MailPlugins"}
    assert forgotten(old, old, origin, target) == []
    elsewhere = "\n".join(f"if (1) {{ RT->Config->Set({name} => 1) }}" for name in FORGOTTEN.values())
    assert forgotten(old, elsewhere, origin, target) == ["ReferrerWhitelist", "rtname"]
    in_comments = re.sub(r"(?m)^", "# ", old)
    assert set(forgotten(old, in_comments, origin, target)) == {*FORGOTTEN.values(), "ReferrerWhitelist", "rtname"}
    assert preflight_configuration.FORGOTTEN not in told(GOOD, origin, target).facts


def lost(origin: Rt, target: Rt) -> list[str]:
    """Return the options that only the old release knows."""
    return sorted(preflight_configuration.known(origin) - preflight_configuration.known(target))


def forgotten(old: str, new: str, origin: Rt | None, target: Rt, *elsewhere: str) -> list[str]:
    """Return the options reported for a new side that has these lines instead of the old ones."""
    report = Report(preflight.CHECK, "")
    preflight_configuration.judge(report, of(new), origin, target, PATH, former=of(old), elsewhere=elsewhere)
    fact: list[str] = report.facts[preflight_configuration.FORGOTTEN]
    return fact


@pytest.mark.engine
def test_what_the_target_does_not_start_with(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """A part of the configuration that breaks the target must be found before the upgrade, not by it."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    target = rt_tools(TARGET, database)
    assert not probed(target, GOOD).findings
    for mutant in FATAL:
        for name, content in mutant.files.items():
            put(target, f"{SITE_CONFIGURATION}/{name}", content)
        tally(mutant.name, mutant.check, caught(mutant, probed(target, mutant.line)))


ON, OFF = "Set($ChartsTimezonesInDB, 1);", "Set($ChartsTimezonesInDB, 0);"


def zones(database: Database, text: str) -> Report:
    """Return the report on time zones with a file of these lines."""
    report = Report(preflight.CHECK, "")
    preflight_time_zones.judge(report, database, schema.read(database), of(text))
    return report


@pytest.mark.engine
def test_time_zones_of_production_are_always_asked_for(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """The harness's own server has them, so its state proves nothing; and no dump contains them."""
    database = clone(lifecycle.fresh(TARGET, "mariadb-10.11"))
    for text, said in (
        (ON, True),
        ("Set( $ChartsTimezonesInDB => '1' );", True),
        (f"{OFF}\n{ON}", True),
        (f"# {ON}", False),
        (f"Set($rtname, 'x'); # {ON}", False),
        (OFF, False),
        (f"{ON}\n{OFF}", False),
        ("Set($ChartsTimezonesInDB, undef);", False),
        (GOOD, False),
    ):
        report = zones(database, text)
        told = [one["items"] for one in preflight.facts_to_read(report.facts)]
        assert told == ([[preflight_time_zones.ON_PRODUCTION]] if said else []), text
        assert not report.findings, "this server has them"
    insert = "INSERT INTO Configurations (Name, Content, Disabled, Creator, LastUpdatedBy) VALUES"
    database.execute(f"{insert} ('ChartsTimezonesInDB', '1', 0, 1, 1)")
    assert preflight_time_zones.WANTED in zones(database, OFF).facts, "the database is read after the files"
    database.execute("UPDATE Configurations SET Content = '0'")
    assert preflight_time_zones.WANTED not in zones(database, ON).facts
    database.execute("UPDATE Configurations SET Content = '1', Disabled = 1")
    assert preflight_time_zones.WANTED not in zones(database, OFF).facts


@pytest.mark.engine
def test_a_server_without_time_zones(lifecycle: Lifecycle, clone: CloneFactory, tally: Tally) -> None:
    """An image that the user named may be like the production server, so a lack in it is a finding."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    # The server caches zones that were used, but none has been used on this one.
    database.execute(*WITHOUT_TIME_ZONES, root=True)
    assert not zones(database, GOOD).findings, "nobody wants them"
    assert not zones(database, f"# {TIME_ZONES.line}").findings, "nor in a comment"
    tally(TIME_ZONES.name, TIME_ZONES.check, caught(TIME_ZONES, zones(database, TIME_ZONES.line)))


@pytest.mark.engine
def test_a_storage_that_the_new_side_forgot(lifecycle: Lifecycle, clone: CloneFactory, tally: Tally) -> None:
    """No copy has a storage, so no other check can notice; any way of naming it counts as set."""
    database = clone(lifecycle.restored(load(FOLDER / f"rt-{ORIGIN}-plain.sql.zst"), DEFAULT_SERVER))
    database.execute(*OUTSIDE)
    tally(STORAGE.name, STORAGE.check, caught(STORAGE, stored(database, STORAGE.line, GOOD)))
    tally("storage in a comment", STORAGE.check, stored(database, STORAGE.line, f"# {STORAGE.line}").findings)
    elsewhere = "if (1) { RT->Config->Set(ExternalStorage => (Type => 'Disk', Path => '/mnt')) }"
    for old, new in ((STORAGE.line, STORAGE.line), (STORAGE.line, elsewhere), (GOOD, GOOD), (GOOD, STORAGE.line)):
        assert stored(database, old, new).findings == []


@pytest.mark.engine
def test_a_storage_that_is_named_in_the_database_comes_along(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """From RT 5 on the database may name it, unless that is switched off."""
    database = clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER))
    assert stored(database, STORAGE.line, GOOD).findings
    database.execute("INSERT INTO Configurations (Name, Content, Disabled) VALUES ('ExternalStorage', '{}', 0)")
    assert stored(database, STORAGE.line, GOOD).findings == []
    database.execute("UPDATE Configurations SET Disabled = 1")
    assert stored(database, STORAGE.line, GOOD).findings
    database.execute("ALTER TABLE Configurations DROP COLUMN Disabled")
    assert stored(database, STORAGE.line, GOOD).findings, "a half-made table names nothing, and ends nothing"


@pytest.mark.engine
def test_a_storage_that_the_target_cannot_read(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """No copy reads the stored files, so no other check can notice. Nothing must connect to the storage."""
    database = clone(lifecycle.restored(load(FOLDER / f"rt-{ORIGIN}-plain.sql.zst"), DEFAULT_SERVER))
    database.execute(*OUTSIDE)
    target = rt_tools(TARGET, database)
    for good in (GOOD, STORAGE.line):
        assert readable(target, database, good).findings == []
    for mutant in (CLOUD, NO_STORAGE):
        tally(mutant.name, mutant.check, caught(mutant, readable(target, database, mutant.line)))
    # A module that the site itself provides.
    put(target, f"{SITE_CONFIGURATION}/lib/Amazon/S3.pm", "package Amazon::S3; sub new { die 'connected' } 1;")
    assert readable(target, database, CLOUD.line).findings == []


@pytest.mark.engine
def test_nor_by_the_word_of_the_database(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """From RT 5 on the database may name the storage although no file does."""
    database = clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER))
    target = rt_tools(TARGET, database)
    assert readable(target, database, GOOD).findings == []
    database.execute(
        "INSERT INTO Configurations (Name, Content, ContentType, Disabled)"
        """ VALUES ('ExternalStorage', '{"Type": "AmazonS3"}', 'application/json', 0)"""
    )
    found = readable(target, database, GOOD).findings
    tally(
        "storage-of-the-database-without-its-module",
        "preflight",
        len(found) == 1 and "Amazon::S3" in found[0].what,
    )


def readable(target: Rt, database: Database, text: str) -> Report:
    """Return the findings on the storage if the target starts with a configuration on that database."""
    put(target, FILE, of(text).files["site.pm"].decode())
    probe, report = preflight_start.probe(target, ["5.0.8"]), Report(preflight.CHECK, "")
    assert not probe["configuration"]
    preflight_storage.loads(report, database, probe)
    return report


def stored(database: Database, old: str, new: str) -> Report:
    """Return the findings on the storage that each side's configuration names."""
    report = Report(preflight.CHECK, "")
    preflight_storage.judge(report, database, schema.read(database), of(old), of(new))
    return report


def probed(target: Rt, text: str) -> Report:
    """Return the findings if the target tries to start with a configuration."""
    put(target, FILE, of(text).files["site.pm"].decode())
    report = Report(preflight.CHECK, "")
    preflight_configuration.loads(report, preflight_start.probe(target, ["5.0.8"]))
    return report


def put(tools: Rt, path: str, content: str) -> None:
    """Write a file into a container."""
    write = 'mkdir -p "$(dirname "$1")" && cat >"$1"'
    tools.need("sh", "-c", write, "sh", path, stdin=[content.encode()])
