"""Check that the target knows the lifecycles of the database's queues and catalogs, and the statuses in use.

A site's lifecycles are in its configuration, or since RT 5.0 in the options in its database. RT replaces one that
it does not know by `default`, with the statuses, rights and transitions of that, and logs this.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.checks.preflight.configuration import options_in_database
from harness.common.wording import amount, listed, option
from harness.database import Database
from harness.database.schema import Schema, quote
from harness.rt.configuration import Configuration
from harness.verdict import Report

_HELD = {"Queues": ("Tickets", "Queue"), "Catalogs": ("Assets", "Catalog")}
"""Objects with a lifecycle: the table whose rows have its statuses, and that table's column for the object."""
_SHOWN = 5
REPAIR = f"say {option('config')} with the site's own lifecycles, as the new side is to have them"
UNKNOWN_DISABLED = "lifecycles that the target does not know, of what is disabled"
UNKNOWN_STATUSES = "statuses that their lifecycle does not know"
OPTION = "Lifecycles"


def judge(
    report: Report, database: Database, schema: Schema, probed: Mapping[str, object], configuration: Configuration
) -> None:
    """Compare the lifecycles and statuses of the rows with those the target knows.

    probed: the output of probe.pl; its "lifecycles" are {name: its statuses}, absent if RT did not start that far.
    """
    said = probed.get("lifecycles")
    if not isinstance(said, dict):
        return
    known = {str(name): {str(one).lower() for one in statuses} for name, statuses in said.items()}
    # A site whose configuration sets no lifecycles has RT's own, or a plugin's. Those changed in the browser are
    # among the options in the database.
    own = bool(configuration.files) or OPTION in options_in_database(database, schema)
    for holder in _HELD:
        if holder in schema.tables and "Lifecycle" in schema.tables[holder].columns:
            report.looked_at += 1
            _missing(report, database, holder, known, own=own)
            _statuses(report, database, holder, known, own=own)


def _missing(report: Report, database: Database, holder: str, known: Mapping[str, object], *, own: bool) -> None:
    """Look for queues or catalogs in lifecycles that the target does not know.

    own: as in `_statuses`. Without the site's own lifecycles this is an open question: they may bring that one.
    """
    sql = (
        f"SELECT MIN(Lifecycle), COUNT(*), MIN(id), MIN(Disabled) FROM {quote(holder)}"
        " WHERE COALESCE(Lifecycle, '') <> '' GROUP BY BINARY Lifecycle ORDER BY 1"
    )
    for name, count, first, disabled in database.rows(sql):
        if name in known:
            continue
        if disabled:
            report.facts.setdefault(UNKNOWN_DISABLED, []).append(f"{holder}: {name} ({count}, first id {first})")
        elif not own:
            report.unanswered.append(
                f"whether the target is to know the lifecycle {name} ({holder}: {amount(count, 'rows')}, first id "
                f"{first}), which is none of RT's own; {REPAIR}"
            )
        else:
            report.find(
                f"{holder}.Lifecycle",
                f"{count} rows are in a lifecycle that the target does not know: it takes "
                f"it for another one, with other statuses and rights",
                samples=(f"lifecycle {name}, first id {first}", f"it knows {listed(sorted(known), _SHOWN)}"),
                sql=sql,
                repair=REPAIR,
            )


def _statuses(
    report: Report, database: Database, holder: str, known: Mapping[str, set[str]], *, own: bool
) -> None:
    """Look for rows in statuses that their lifecycle does not have.

    own: whether the site's own lifecycles are known. Then the rows are like this before and after, which is a
    fact. Else it is an open question: the rows may be so, or the site has lifecycles of its own.
    """
    table, column = _HELD[holder]
    sql = (
        f"SELECT MIN(h.Lifecycle), r.Status, COUNT(*), MIN(r.id) FROM {quote(table)} r JOIN {quote(holder)} h"
        f" ON h.id = r.{quote(column)} WHERE COALESCE(h.Lifecycle, '') <> ''"
        " GROUP BY BINARY h.Lifecycle, r.Status ORDER BY 1, 2"
    )
    unknown = [row for row in database.rows(sql) if row[0] in known and str(row[1]).lower() not in known[row[0]]]
    strange = [
        f"{name}: {status} ({amount(count, 'rows')}, first id {first})" for name, status, count, first in unknown
    ]
    if not strange:
        return
    report.facts.setdefault(UNKNOWN_STATUSES, []).extend(strange)
    if not own:
        report.unanswered.append(
            f"what {sum(int(row[2]) for row in unknown)} {table} are in, for RT's own lifecycles have no such "
            f"status: {listed(strange, _SHOWN)}; {REPAIR}"
        )
