"""Check, before anything runs, whether the old database can be upgraded at all.

Anything that will make the upgrade fail or lose data is a finding; anything that an operator should know is a
fact. `identity` says whether it is the database that it is said to be, and stops what must not be upgraded;
`image_steps` whether the target's image has the upgrade steps of its release; `database` asks its tables,
`merges` looks for tickets merged in a circle, `rights` what steps grant by, `storage` where attachments are,
`time_zones` which zones are known; `start` starts the target on it, and `production` says what no copy can show.
`collisions`, `lookups` and `blanks` look for names that the new collation makes equal, `row_formats` for indexes
that the new character set makes too long. `configuration` and `lifecycles` judge the site's settings,
`site_pages` its own pages and callbacks, and `upgrading` picks the passages of RT's UPGRADING documents that
apply.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.checks.application.startup_log import Start
from harness.checks.integrity import Validation
from harness.checks.preflight import blanks as preflight_blanks
from harness.checks.preflight import collisions as preflight_collisions
from harness.checks.preflight import configuration as preflight_configuration
from harness.checks.preflight import database as preflight_database
from harness.checks.preflight import identity as preflight_identity
from harness.checks.preflight import image_steps as preflight_image_steps
from harness.checks.preflight import lifecycles as preflight_lifecycles
from harness.checks.preflight import lookups as preflight_lookups
from harness.checks.preflight import merges as preflight_merges
from harness.checks.preflight import production as preflight_production
from harness.checks.preflight import rights as preflight_rights
from harness.checks.preflight import row_formats as preflight_row_formats
from harness.checks.preflight import site_pages as preflight_site_pages
from harness.checks.preflight import start as preflight_start
from harness.checks.preflight import storage as preflight_storage
from harness.checks.preflight import time_zones as preflight_time_zones
from harness.checks.preflight.collisions import RESTORE, STEP, Affected
from harness.checks.preflight.database import SchemaChanges
from harness.checks.upgrade_history import EXTENSIONS, History
from harness.database import Database
from harness.database.schema import Schema
from harness.releases import parse
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.verdict import MOST_SAMPLES, Finding, Report

CHECK = "preflight"
QUESTION = "Is the dump what it is said to be, and can this upgrade go well?"
REPAIR = "mend it on the site, take a new dump, and run the gate again"
NOTES = Path(__file__).with_name("notes.toml")
BEFORE = "before the upgrade"
"""The fact that reports show in a section of its own: see `facts_to_read`."""
_TITLES = {
    preflight_configuration.FORGOTTEN: "Set in CONFIG and not in CONFIG_NEW",
    preflight_configuration.LOST: "Options that the target no longer knows",
    preflight_configuration.ABSORBED: "Plugins that the target has absorbed, each a finding",
    preflight_start.SAID: "What the target says at its start, and the old release does not",
    preflight_start.THEMES: "Themes that the target does not have",
    preflight_configuration.STRANGE: "Options that neither release knows: misspelt, or an extension's",
    preflight_configuration.SAID: "What the UPGRADING documents say of options and plugins of the site",
    preflight_site_pages.UNCALLED: "Callbacks of the site that the target does not call",
    preflight_site_pages.REPLACED: "Pages of the site in the place of a release's own",
    preflight_identity.OWN: "Columns of the site's own in RT's tables: without this no image serves the database",
    "to do by hand": "To be done by hand",
    "dates 0000-00-00": "Dates that are 0000-00-00",
    preflight_lifecycles.UNKNOWN_STATUSES: "Statuses that their lifecycle does not know",
    preflight_lifecycles.UNKNOWN_DISABLED: "Lifecycles that the target does not know, of what is disabled",
    preflight_blanks.TOLD: "Values that are found without the blank at their end today, and no longer then",
    preflight_lookups.TOLD: "Names that are distinct today, and that searches take for the same then",
    EXTENSIONS: "Data of extensions that was never inserted to its end",
    preflight_time_zones.TABLES: "Time zone tables of the copy's server",
    preflight_time_zones.WANTED: "Time zone tables of the production server",
    preflight_production.FACT: "To be seen on the production server, which no copy shows",
    "rt-validator": "What rt-validator finds in the database as it is, the first of it",
}
"""Facts that an operator should read before the upgrade, with their titles in the report."""


@dataclass
class Evidence:
    """Facts about the old side that others have collected; None if not known.

    recognised: the result of the first questions. configuration: of the new side. old_configuration: of the old
    side, if it has another one. uncollated: columns that get this server's own default collation if the dump is
    restored unchanged, as table to column to character set. append_structure: returns the repair of a dump that
    lacks the table of this name. start: asks for the old release's log at every start.
    """

    recognised: Recognised
    validation: Validation | None = None
    configuration: Configuration = field(default_factory=Configuration)
    old_configuration: Configuration | None = None
    uncollated: Affected = field(default_factory=dict)
    append_structure: Callable[[str], str] = "append the structure of {} to the dump".format
    start: Callable[[], Start | None] = lambda: None


@dataclass(frozen=True)
class Recognised:
    """The result of recognising the database. stops: those of the report's findings that forbid the upgrade."""

    report: Report
    stops: tuple[Finding, ...]
    schema: Schema
    changes: SchemaChanges


def recognise(
    schema: Schema,
    origin: Rt | None,
    target: Rt,
    path: tuple[str, str],
    *,
    steps: Sequence[str],
    history: History | None,
) -> Recognised:
    """Ask the first questions: those whose answer may forbid the upgrade.

    schema: of the old database. history: RT's own upgrade history in it, None if it could not be read. The other
    parameters are those of `check`.
    """
    report = Report(CHECK, QUESTION, unit="questions", repair=REPAIR)
    changes = preflight_database.read_changes(target, steps)
    stops = preflight_image_steps.judge(report, target, path)
    stops += preflight_identity.judge(report, origin, target, path, steps)
    preflight_identity.unfinished(report, history)
    stops += preflight_identity.done_already(report, schema, changes)
    return Recognised(report, tuple(stops), schema, changes)


def check(
    database: Database,
    origin: Rt | None,
    target: Rt,
    path: tuple[str, str],
    *,
    steps: Sequence[str],
    known: Evidence,
) -> Report:
    """Check the old database. Nothing is written to it.

    origin: a container of the old release, None if it has no image; target: of the new one; both connected to
    `database`. path: the releases, from and to. steps: those that the upgrade is to apply.
    """
    report, schema, changes = known.recognised.report, known.recognised.schema, known.recognised.changes
    preflight_database.structure(report, database, schema, changes)
    restored = {table: columns for table, columns in known.uncollated.items() if table not in changes.converted}
    for affected, cause in ((preflight_collisions.converted(schema, changes), STEP), (restored, RESTORE)):
        preflight_collisions.judge(report, database, schema, affected, cause)
        preflight_lookups.judge(report, database, schema, affected, cause)
        preflight_blanks.judge(report, database, schema, affected, cause)
    preflight_row_formats.judge(report, database, schema, preflight_collisions.converted(schema, changes))
    preflight_database.orphans(report, database, schema, changes)
    preflight_database.values(report, database, schema)
    preflight_merges.judge(report, database, schema)
    preflight_time_zones.judge(report, database, schema, known.configuration)
    preflight_time_zones.known(report, database, schema, known.configuration, origin=origin, target=target)
    preflight_production.tell(report, database, changes)
    probed = preflight_start.probe(target, steps)
    preflight_configuration.loads(report, probed)
    preflight_rights.judge(report, database, schema, target, preflight_rights.read_by_steps(target, steps))
    preflight_configuration.index(
        report, schema, probed, known.old_configuration, append_structure=known.append_structure
    )
    preflight_storage.loads(report, database, probed)
    preflight_start.judge(report, target, probed, steps)
    preflight_start.told(report, probed, known.start)
    preflight_lifecycles.judge(report, database, schema, probed, known.configuration)
    preflight_configuration.judge(
        report,
        known.configuration,
        origin,
        target,
        path,
        former=known.old_configuration,
        elsewhere=preflight_configuration.options_in_database(database, schema),
    )
    preflight_site_pages.judge(
        report, known.configuration, origin, target, path, plugins=probed.get("plugins", ())
    )
    if known.old_configuration:
        preflight_storage.judge(report, database, schema, known.old_configuration, known.configuration)
    _notes(report, database, path)
    if known.validation:
        errors = known.validation.found
        report.facts["rt-validator"] = errors[:MOST_SAMPLES]
        report.facts["rt-validator, findings shown"] = f"{len(errors[:MOST_SAMPLES])} of {len(errors)}"
    report.facts[BEFORE] = facts_to_read(report.facts)
    return report


def facts_to_read(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the facts to read before the upgrade, the most important first: {fact, title, items}.

    fact: the key under which it also stands among the other facts.
    """
    entries = []
    for name, title in _TITLES.items():
        value = facts.get(name)
        items = [value] if isinstance(value, str) and value != preflight_time_zones.LOADED else value
        if isinstance(items, list) and items:
            entries.append({"fact": name, "title": title, "items": list(map(str, items))})
    return entries


@cache
def _read_notes() -> list[dict[str, str]]:
    notes: list[dict[str, str]] = tomllib.loads(NOTES.read_text(encoding="utf-8"))["note"]
    return notes


def _notes(report: Report, database: Database, path: tuple[str, str]) -> None:
    """Report the manual actions that the releases ask for, if the database contains the data concerned."""
    for note in _read_notes():
        if not parse(path[0]) < parse(note["before"]) <= parse(path[1]):
            continue
        report.looked_at += 1
        if count := int(database.value(note["sql"]) or 0):
            report.facts.setdefault("to do by hand", []).append(f"{note['what'].format(count=count)}")
