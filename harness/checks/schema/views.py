"""Check that the views that a site has made in addition to RT's tables can still be read.

RT does not read them, but reports do, and a step may drop a column that a view uses.
"""

from __future__ import annotations

import pymysql

from harness.database import CLIENT_ERRORS, Database
from harness.verdict import Report

_VIEWS = "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY 1"


def judge(report: Report, before: Database, after: Database) -> None:
    """Report views that can no longer be read, and other objects that were not checked."""
    old, new = _read(before), _read(after)
    report.looked_at += len(new)
    for name in sorted({*old, *new}):
        if name not in new:
            report.find(f"view {name}", "it is gone", repair="make it anew after the upgrade")
        elif new[name] and not old.get(name):
            report.find(
                f"view {name}",
                f"it can no longer be read (error {new[name]})",
                sql=f"SELECT * FROM `{name}` LIMIT 0",
                repair="make it anew for the upgraded tables",
            )
    if broken := [name for name in new if old.get(name)]:
        report.facts["views that could not be read before"] = broken
    if new:
        report.out_of_scope.append(f"what the site's {len(new)} views show, only that they can be read")


def _read(database: Database) -> dict[str, int]:
    """Return the error number with which reading each view fails; 0 if it succeeds."""
    found: dict[str, int] = {}
    for (name,) in database.rows(_VIEWS):
        try:
            database.rows(f"SELECT * FROM `{name}` LIMIT 0")
            found[name] = 0
        except (pymysql.err.ProgrammingError, pymysql.err.InternalError, pymysql.err.OperationalError) as error:
            if error.args[0] in CLIENT_ERRORS:
                raise
            found[name] = int(error.args[0])
    return found
