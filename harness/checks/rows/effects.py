"""Find the effects that a step should have had and did not have.

A row that is missing cannot be judged, so this works in the other direction: from the rows that a step's rule
requires in the upgraded database. Effects are functions for the cases where SQL alone is not enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.checks.rows.context import Context
from harness.checks.rows.dashboards import linked, wanted_links
from harness.checks.rows.rules import both
from harness.database.digest import ask
from harness.database.schema import quote

_GRANTS = "SELECT ObjectType, ObjectId, PrincipalId, RightName FROM ACL WHERE id > {}"
_RECORDS = (
    "SELECT ObjectType, ObjectId, Field AS PrincipalId, NewValue AS RightName FROM Transactions"
    " WHERE Type = 'GrantRight' AND id > {}"
)
_SEARCHES = (
    "SELECT id, Content FROM Attributes WHERE Name = 'SavedSearch' AND ContentType = 'storable' ORDER BY id"
)
_EDITS = (
    "SELECT t.ObjectId AS id, o.id AS was, n.id AS now_is FROM Transactions t"
    " LEFT JOIN Attributes o ON o.id = t.OldReference LEFT JOIN Attributes n ON n.id = t.NewReference"
    " WHERE t.ObjectType = 'RT::Attribute' AND t.Type = 'Set' AND t.Field = 'Content' AND t.id > {}"
)
_MENUS = (
    "SELECT id FROM Attributes WHERE Name = 'ReportsInMenu' AND Created = LastUpdated"
    " AND ObjectType = 'RT::System' AND ContentType = 'storable'"
)
Effect = Callable[[Context], list[str]]


def _last(context: Context, table: str) -> int:
    """Return the highest id of the old database; rows with a higher one were added by the upgrade."""
    return int(context.rows("before", f"SELECT COALESCE(MAX(id), 0) AS id FROM {table}")[0]["id"] or 0)


def missing_dashboard_links(context: Context) -> list[str]:
    """Return the links that dashboards should have but do not have."""
    sql = "SELECT Base, Target FROM Links WHERE Type = 'DependsOn' AND Base LIKE 'attribute:%'"
    present = {pair for row in context.rows("after", sql) if (pair := linked(row))}
    missing_links = wanted_links(context) - present
    return [f"attribute {base} depends on attribute {target}" for base, target in sorted(missing_links)]


def unrecorded_grants(context: Context) -> list[str]:
    """Return the rights granted without a record, if the release records any: older ones do not."""
    sides = []
    for table, sql in (("ACL", _GRANTS), ("Transactions", _RECORDS)):
        found = context.rows("after", sql.format(_last(context, table)))
        sides.append({tuple(value or "" for value in row.values()) for row in found})
    grants, records = sides
    return [f"{right} for principal {who}" for _, _, who, right in sorted(grants - records)] if records else []


def unedited_searches(context: Context) -> list[str]:
    """Return the saved searches still ordered by Owner, and the edited ones without a record or without copies."""
    rows = context.rows("after", _SEARCHES)
    context.thaw.load(row["Content"] or "" for row in rows)
    records = {row["id"]: row for row in context.rows("after", _EDITS.format(_last(context, "Transactions")))}
    return list(_unedited(context, [row["id"] or "0" for row in rows], records))


def _unedited(context: Context, ids: list[str], records: dict[str | None, dict[str, str | None]]) -> Iterator[str]:
    for identity in ids:
        before, after = both(context, identity)
        order = after.get("OrderBy") if isinstance(after, dict) else None
        if isinstance(order, str) and "Owner" in order.split("|"):
            yield f"search {identity} is ordered by Owner"
        elif before is not None and before != after and None in records.get(identity, {"": None}).values():
            yield f"the change of search {identity} is recorded with both its copies"


def unedited_menus(context: Context) -> list[str]:
    """Return the menus of reports unchanged by users before the upgrade, and by the upgrade."""
    ids = [row["id"] or "0" for row in context.rows("before", _MENUS)]
    pairs = [(one, *both(context, one)) for one in ids]
    return [f"attribute {one} gains a report" for one, before, after in pairs if before == after]


EFFECTS: dict[str, Effect] = {
    "dashboard links": missing_dashboard_links,
    "grants recorded": unrecorded_grants,
    "reports menu edited": unedited_menus,
    "searches edited": unedited_searches,
}


def absent_rows(context: Context, table: str, sql: str, side: str, known_by: tuple[str, ...]) -> list[str]:
    """Return a query's rows that the upgraded table lacks, as "column value" of the identifying columns."""
    found = []
    for row in context.rows(side, sql):
        names = known_by or tuple(row)
        where = " AND ".join(f"{quote(name)} <=> %s" for name in names)
        values = [row[name] for name in names]
        if not ask(context.after, f"SELECT 1 FROM {quote(table)} WHERE {where} LIMIT 1", values):
            found.append(", ".join(f"{name} {row[name]}" for name in names if name in _NAMING))
    return found


_NAMING = ("Name", "ObjectType", "ObjectId", "Type", "Field", "RightName", "PrincipalId", "NewValue")
"""Columns whose values in an expectation are RT's own words and ids, never user data."""
