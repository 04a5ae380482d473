"""Does the target know the lifecycles that the database's queues and catalogs are in, and the statuses in them?

A site's lifecycles are in its configuration, or since RT 5.0 in the options in its database. RT takes one that
it does not know for `default`, with that one's statuses, rights and transitions, and says so in its log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.checks.preflight_configuration import options
from harness.database import Database
from harness.database.schema import Schema, quote
from harness.rt import Configuration
from harness.verdict import Report

_HELD = {"Queues": ("Tickets", "Queue"), "Catalogs": ("Assets", "Catalog")}
"""What is in a lifecycle: the table whose rows have its statuses, and the column that says where each belongs."""
_SHOWN = 5
REPAIR = "say CONFIG= with the site's own lifecycles, as the new side is to have them"
UNKNOWN_DISABLED = "lifecycles that the target does not know, of what is disabled"
UNKNOWN_STATUSES = "statuses that their lifecycle does not know"
OPTION = "Lifecycles"


def _in_database(database: Database, schema: Schema) -> bool:
    """Tell whether somebody changed lifecycles in the browser: RT keeps them among the options in its database."""
    asked = f"SELECT COUNT(*) FROM Configurations WHERE Name = '{OPTION}' AND Disabled = 0"
    table = schema.tables.get("Configurations")
    return table is not None and {"Name", "Disabled"} <= {*table.columns} and bool(database.value(asked))


def judge(
    report: Report, database: Database, schema: Schema, probed: Mapping[str, object], configuration: Configuration
) -> None:
    """Compare what the rows are in with what the target knows.

    probed: what probe.pl said; its "lifecycles" are {name: its statuses}, absent where RT did not come that far.
    """
    said = probed.get("lifecycles")
    if not isinstance(said, dict):
        return
    known = {str(name): {str(one).lower() for one in statuses} for name, statuses in said.items()}
    own = OPTION in options(configuration)["options"] or _in_database(database, schema)
    for holder in _HELD:
        if holder in schema.tables and "Lifecycle" in schema.tables[holder].columns:
            report.looked_at += 1
            _missing(report, database, holder, known)
            _statuses(report, database, holder, known, own=own)


def _missing(report: Report, database: Database, holder: str, known: Mapping[str, object]) -> None:
    sql = (
        f"SELECT MIN(Lifecycle), COUNT(*), MIN(id), MIN(Disabled) FROM {quote(holder)}"
        " WHERE COALESCE(Lifecycle, '') <> '' GROUP BY BINARY Lifecycle ORDER BY 1"
    )
    for name, count, first, disabled in database.rows(sql):
        if name in known:
            continue
        if disabled:
            report.facts.setdefault(UNKNOWN_DISABLED, []).append(f"{holder}: {name} ({count}, first id {first})")
        else:
            report.find(
                f"{holder}.Lifecycle", f"{count} rows are in a lifecycle that the target does not know: it takes "
                f"it for another one, with other statuses and rights",
                samples=(f"lifecycle {name}, first id {first}", f"it knows {_listed(sorted(known))}"),
                sql=sql, repair=REPAIR,
            )  # fmt: skip


def _statuses(
    report: Report, database: Database, holder: str, known: Mapping[str, set[str]], *, own: bool
) -> None:
    """Look for rows in statuses that their lifecycle does not have.

    own: the site's own lifecycles came along. Then this is how the site is, before and after, and a fact. Else
    nobody can tell: it may be so, or the configuration is the wrong one.
    """
    table, column = _HELD[holder]
    sql = (
        f"SELECT MIN(h.Lifecycle), r.Status, COUNT(*), MIN(r.id) FROM {quote(table)} r JOIN {quote(holder)} h"
        f" ON h.id = r.{quote(column)} WHERE COALESCE(h.Lifecycle, '') <> ''"
        " GROUP BY BINARY h.Lifecycle, r.Status ORDER BY 1, 2"
    )
    unknown = [row for row in database.rows(sql) if row[0] in known and str(row[1]).lower() not in known[row[0]]]
    strange = [f"{name}: {status} ({count} rows, first id {first})" for name, status, count, first in unknown]
    if not strange:
        return
    report.facts.setdefault(UNKNOWN_STATUSES, []).extend(strange)
    if not own:
        report.unanswered.append(
            f"what {sum(int(row[2]) for row in unknown)} {table} are in, for RT's own lifecycles have no such "
            f"status: {_listed(strange)}; {REPAIR}"
        )


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
