"""Check that the time zone tables exist that charts need if the configuration lets the database convert times.

They are in the schema `mysql`, so no dump contains them: a server that the harness created has them even if the
production server has not. Only someone with access to that server can tell.
"""

from __future__ import annotations

import re

from harness.checks.preflight.configuration import options_in_database, texts
from harness.database import Database
from harness.database.schema import Schema
from harness.rt.configuration import Configuration
from harness.verdict import Report

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
_SET = re.compile(rf"^\s*Set\s*\(?\s*\${OPTION}\s*(?:,|=>)\s*(.*?)\s*\)?\s*;", re.MULTILINE)
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
    in_database = options_in_database(database, schema).get(OPTION)
    if in_database is not None:
        return in_database not in _OFF
    values = [value for text in texts(configuration) for value in _SET.findall(text)]
    return bool(values) and values[-1] not in _OFF
