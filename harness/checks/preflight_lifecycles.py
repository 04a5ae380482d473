"""Does the target know the lifecycles that the database's queues and catalogs are in, and the statuses in them?

A site's lifecycles are in its configuration, or since RT 5.0 in the options in its database. RT cannot read
the tickets of a queue whose lifecycle it does not know, and refuses every change to them; no start says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.database import Database
from harness.rt import Configuration
from harness.schema import Schema, quote
from harness.verdict import Report

_HELD = {"Queues": ("Tickets", "Queue"), "Catalogs": ("Assets", "Catalog")}
"""What is in a lifecycle: the table whose rows have its statuses, and the column that says where each belongs."""
_SHOWN = 5
REPAIR = "say CONFIG= with the site's own lifecycles, as the new side is to have them"
UNKNOWN_STATUSES = "statuses that their lifecycle does not know"


def check(
    report: Report, database: Database, schema: Schema, probed: Mapping[str, object], configuration: Configuration
) -> None:
    """Compare what the rows are in with what the target knows.

    probed: what probe.pl said; its "lifecycles" are {name: its statuses}, absent where RT did not come that far.
    """
    said = probed.get("lifecycles")
    if not isinstance(said, dict):
        return
    known = {str(name): {str(one).lower() for one in statuses} for name, statuses in said.items()}
    for holder in _HELD:
        if holder in schema.tables and "Lifecycle" in schema.tables[holder].columns:
            report.looked_at += 1
            _missing(report, database, holder, known)
            _statuses(report, database, holder, known, configuration)


def _missing(report: Report, database: Database, holder: str, known: Mapping[str, object]) -> None:
    sql = (
        f"SELECT Lifecycle, COUNT(*), MIN(id) FROM {quote(holder)}"
        " WHERE COALESCE(Lifecycle, '') <> '' GROUP BY Lifecycle ORDER BY Lifecycle"
    )
    for name, count, first in database.rows(sql):
        if name not in known:
            report.find(
                f"{holder}.Lifecycle", f"{count} rows are in a lifecycle that the target does not know: it can "
                f"neither read nor change what is in them",
                samples=(f"lifecycle {name}, first id {first}", f"it knows {_listed(sorted(known))}"),
                sql=sql, repair=REPAIR,
            )  # fmt: skip


def _statuses(
    report: Report, database: Database, holder: str, known: Mapping[str, set[str]], configuration: Configuration
) -> None:
    """Find rows in statuses that their lifecycle does not have, unless the site's own configuration came along.

    With it this is how the site is, before and after, and a fact. Without it, it is the wrong configuration.
    """
    table, column = _HELD[holder]
    sql = (
        f"SELECT h.Lifecycle, r.Status, COUNT(*), MIN(r.id) FROM {quote(table)} r JOIN {quote(holder)} h"
        f" ON h.id = r.{quote(column)} WHERE COALESCE(h.Lifecycle, '') <> ''"
        " GROUP BY h.Lifecycle, r.Status ORDER BY h.Lifecycle, r.Status"
    )
    unknown = [row for row in database.rows(sql) if row[0] in known and str(row[1]).lower() not in known[row[0]]]
    strange = [f"{name}: {status} ({count} rows, first id {first})" for name, status, count, first in unknown]
    if not strange:
        return
    if configuration.files:
        report.facts.setdefault(UNKNOWN_STATUSES, []).extend(strange)
        return
    report.find(
        f"{table}.Status", f"{sum(int(row[2]) for row in unknown)} rows are in statuses that their lifecycle does "
        "not have, and no configuration of the site's own came along",
        samples=tuple(strange[:_SHOWN]), sql=sql, repair=REPAIR,
    )  # fmt: skip


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
