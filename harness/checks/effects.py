"""What a step should have done: found where it has not.

A row that is missing cannot be judged, so this looks from the other side: at what a step's rule says must be in
the upgraded database. Effects do it where SQL alone cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.checks.context import Context
from harness.checks.dashboards import linked, wanted_links
from harness.checks.rules import both
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
    """Return the highest id of the old database; what has a higher one, the upgrade added."""
    return int(context.rows("before", f"SELECT COALESCE(MAX(id), 0) AS id FROM {table}")[0]["id"] or 0)


def missing_dashboard_links(context: Context) -> list[str]:
    """Return the links that dashboards should have and have not."""
    sql = "SELECT Base, Target FROM Links WHERE Type = 'DependsOn' AND Base LIKE 'attribute:%'"
    present = {pair for row in context.rows("after", sql) if (pair := linked(row))}
    missing_links = wanted_links(context) - present
    return [f"attribute {base} depends on attribute {target}" for base, target in sorted(missing_links)]


def unrecorded_grants(context: Context) -> list[str]:
    """Return the rights granted without a record, where the release records any: older ones do not."""
    sides = []
    for table, sql in (("ACL", _GRANTS), ("Transactions", _RECORDS)):
        found = context.rows("after", sql.format(_last(context, table)))
        sides.append({tuple(value or "" for value in row.values()) for row in found})
    grants, records = sides
    return [f"{right} for principal {who}" for _, _, who, right in sorted(grants - records)] if records else []


def unedited_searches(context: Context) -> list[str]:
    """Return the saved searches still ordered by Owner, and the edited ones without record or copies."""
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
    """Return the menus of reports that nobody had touched before the upgrade, and that are what they were."""
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
    """Return the rows of a query that the upgraded table does not hold, as "column value" of what names them."""
    found = []
    for row in context.rows(side, sql):
        names = known_by or tuple(row)
        where = " AND ".join(f"{quote(name)} <=> %s" for name in names)
        values = [row[name] for name in names]
        if not ask(context.after, f"SELECT 1 FROM {quote(table)} WHERE {where} LIMIT 1", values):
            found.append(", ".join(f"{name} {row[name]}" for name in names if name in _NAMING))
    return found


_NAMING = ("Name", "ObjectType", "ObjectId", "Type", "Field", "RightName", "PrincipalId", "NewValue")
"""Columns whose values in an expectation are RT's own words and ids, never somebody's data."""
