"""Check that the target knows the time zones that are in use, and the server those that charts need.

The server's tables are in the schema `mysql`, so no dump contains them: a server that the harness created has them
even if the production server has not. Only someone with access to that server can tell.

RT gives a zone's name to the system's library, which takes a name without a file for UTC and says nothing. Debian
moved old names, such as US/Eastern, from tzdata to tzdata-legacy (in trixie), so an image may lack what the former
had.
"""

from __future__ import annotations

import re
from collections import Counter

from harness.checks.preflight.configuration import options_in_database, texts
from harness.common.wording import amount
from harness.database import Database
from harness.database.schema import Schema
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.verdict import MOST_SAMPLES, Report

OPTION = "ChartsTimezonesInDB"
TABLES, WANTED = "time zone tables", "time zones by the database"
LOADED = "loaded"
ASKED = "SELECT CONVERT_TZ('2020-06-01 12:00:00', 'UTC', 'Europe/Berlin')"
REPAIR = "mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql"
ON_PRODUCTION = (
    f"the site sets ${OPTION}, for which the production server must have time zone tables: no dump holds them, so "
    f"this run says nothing of them. Where {ASKED}; gives NULL there, they are missing: load them with {REPAIR} "
    "(on MySQL: mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql)"
)
ZONE = "Timezone"
_SET = r"^\s*Set\s*\(?\s*\${}\s*(?:,|=>)\s*(.*?)\s*\)?\s*;"
_NAME = re.compile(r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*")
"""A zone's name in a file's place, no rule like CET-1CEST, for which the library needs no file."""
_WITHOUT = 'cd /usr/share/zoneinfo; for zone; do [ -f "$zone" ] || printf "%s\\n" "$zone"; done'
_OFF = ("0", "", "undef", "''", '""', "'0'", '"0"')


def judge(report: Report, database: Database, schema: Schema, configuration: Configuration) -> None:
    """Report what the production server must have; a server named by the user that lacks it is a finding."""
    report.looked_at += 1
    loaded = database.value(ASKED) is not None
    report.facts[TABLES] = LOADED if loaded else "missing: charts by time will be empty"
    if not used(database, schema, configuration):
        return
    report.facts[WANTED] = ON_PRODUCTION
    if not loaded:
        report.find(
            "server",
            "the configuration wants time zones from the database, and the server has none loaded",
            sql=ASKED,
            repair=REPAIR,
        )


def used(database: Database, schema: Schema, configuration: Configuration) -> bool:
    """Tell whether the option is on: as set in the database, otherwise by the last file that sets it."""
    return _option(OPTION, database, schema, configuration) not in _OFF


def _option(name: str, database: Database, schema: Schema, configuration: Configuration) -> str:
    """Return an option's value as it is written, "" if nothing sets it."""
    in_database = options_in_database(database, schema).get(name)
    if in_database is not None:
        return in_database
    pattern = re.compile(_SET.format(name), re.MULTILINE)
    values = [value for text in texts(configuration) for value in pattern.findall(text)]
    return values[-1] if values else ""


def known(
    report: Report,
    database: Database,
    schema: Schema,
    configuration: Configuration,
    *,
    origin: Rt | None,
    target: Rt,
) -> None:
    """Report the zones in use that the old release's image knows and the target's does not.

    origin: None if it has no image; then all zones in use must be known.
    """
    report.looked_at += 1
    column = {"Users"} & set(schema.tables) and database.rows("SELECT Timezone FROM Users WHERE Timezone <> ''")
    users = Counter(str(zone) for (zone,) in column or ())
    site = _option(ZONE, database, schema, configuration).strip("'\"")
    asked = sorted(name for name in {*users, site} if _NAME.fullmatch(name))
    lacking = _without(target, asked)
    lost = lacking - (_without(origin, sorted(lacking)) if origin and lacking else set())
    if not lost:
        return
    whole = "the site" if site in lost else ""
    people = amount(count, "users") if (count := sum(users[zone] for zone in lost)) else ""
    report.find(
        "time zones",
        f"{amount(len(lost), 'time zones')} of {' and '.join(filter(None, (whole, people)))} unknown to the "
        "target's image: RT will show, and read, those times as UTC without a word",
        samples=tuple(sorted(lost)[:MOST_SAMPLES]),
        sql="SELECT Timezone, COUNT(*) FROM Users GROUP BY Timezone",
        repair="install Debian's tzdata-legacy in the target's image; or give the option and these users the name "
        "that the zone has now (America/New_York for US/Eastern)",
    )


def _without(image: Rt, zones: list[str]) -> set[str]:
    """Return the zones for which an image has no file."""
    return set(image.need("sh", "-c", _WITHOUT, "sh", *zones).split()) if zones else set()
