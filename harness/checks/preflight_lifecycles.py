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
    """Say which rows are in statuses of no lifecycle.

    With the site's own configuration this is how the site is, before and after; without it nobody can tell.
    """
    table, column = _HELD[holder]
    rows = database.rows(
        f"SELECT h.Lifecycle, r.Status, COUNT(*), MIN(r.id) FROM {quote(table)} r JOIN {quote(holder)} h"
        f" ON h.id = r.{quote(column)} WHERE COALESCE(h.Lifecycle, '') <> ''"
        " GROUP BY h.Lifecycle, r.Status ORDER BY h.Lifecycle, r.Status"
    )
    strange = [
        f"{table} in {name}: {status} ({count}, first id {first})"
        for name, status, count, first in rows
        if name in known and str(status).lower() not in known[name]
    ]
    if not strange:
        return
    report.facts.setdefault(UNKNOWN_STATUSES, []).extend(strange)
    if not configuration.files:
        report.not_checked.append(
            f"{table} in statuses that RT's own lifecycles do not have, {_listed(strange)}: {REPAIR}"
        )


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
