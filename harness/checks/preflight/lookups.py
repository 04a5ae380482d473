"""Find names that RT tells apart today and will no longer, once a step has given their table another collation.

RT loads templates, custom fields, groups and users' addresses by name, and no unique index refuses two that the
new collation takes for the same: a scrip then sends the other template, a mail belongs to the other user. The rows
do not change, so no comparison of them after the upgrade can notice this.
"""

from __future__ import annotations

from harness.checks.preflight.blanks import SOUGHT
from harness.checks.preflight.collisions import (
    STEP,
    Affected,
    Cause,
    in_collation,
    is_text,
    same_keys,
    tables_with_collations,
)
from harness.database import Database
from harness.database.schema import Schema, Table, quote
from harness.verdict import Report

TOLD = "names that become the same"
_LOADED = {
    "Articles": (),
    "Catalogs": (),
    "Classes": (),
    "CustomFields": ("LookupType",),
    "CustomRoles": (),
    "Groups": ("Domain",),
    "Queues": (),
    "ScripActions": (),
    "ScripConditions": (),
    "Templates": ("Queue",),
    "Users": (),
}
"""Tables from which RT loads one row by a name, each with the columns within which the name is looked for."""
_LISTED = {"CustomFieldValues": ("CustomField",)}
"""The same for tables whose rows RT lists or searches, without taking one for the other."""
_LARGE = ("Attributes",)
"""Such tables that are not asked: for a mere fact the server would sort the whole of them."""
_FIELDS, _APPLIED, _DISABLED = "CustomFields", "ObjectCustomFields", "Disabled"


def judge(report: Report, database: Database, schema: Schema, affected: Affected, cause: Cause = STEP) -> None:
    """Report such names as findings in tables that RT loads by name, else as facts."""
    for table, after in tables_with_collations(database, schema, affected):
        if table.name in _LARGE:
            continue
        within = [name for name in {**_LOADED, **_LISTED}.get(table.name, ()) if name in table.columns]
        for name in SOUGHT:
            column = table.columns.get(name)
            if column is None or not is_text(column) or after.get(name) in (None, column.collation):
                continue
            if _is_unique(table, {*within, name}):  # `collisions` asks this
                continue
            report.looked_at += 1
            sql = _same_names(table, name, within, after[name])
            samples = same_keys(database, table, sql)
            if not samples:
                continue
            met = samples
            if table.name == _FIELDS and _APPLIED in schema.tables and _DISABLED in table.columns:
                sql = _same_names(table, name, within, after[name], _applied_together(after[name]))
                met = same_keys(database, table, sql)
            if table.name not in _LOADED or not met:
                report.facts.setdefault(TOLD, []).append(
                    f"{table.name}.{name}: {len(samples)}, under {after[name]}"
                )
                continue
            scope = f" within {' and '.join(within)}" if within else ""
            report.find(
                f"{table.name}.{name}",
                f"{len(met)} values{scope} are distinct today and the same under {after[name]}, "
                f"{cause.brings}: RT loads by them, and may take one for the other then",
                samples=tuple(met),
                sql=sql,
                repair=f"rename one of each before the upgrade, also where scrips or searches name it, "
                f"or {cause.instead}",
            )


def _is_unique(table: Table, columns: set[str]) -> bool:
    return any(index.unique and {*index.columns} <= columns for index in table.indexes)


def _same_names(table: Table, column: str, within: list[str], collation: str, where: str = "") -> str:
    """Return SQL for the rows whose names are distinct today and the same under a collation.

    Each row is the row's key, the columns within which the name is looked for, and the name as one row has it.
    Names of which all rows are disabled do not count. One disabled row does, as RT loads by name whether it is or
    not. where: a condition on the rows.
    """
    name, scope = quote(table.name), [quote(one) for one in within]
    text = quote(column)
    disabled = quote(_DISABLED) if _DISABLED in table.columns else "0"
    each = ", ".join([*scope, text])
    distinct = f"SELECT {each}, MIN({disabled}) AS disabled FROM {name} WHERE {text} <> '' GROUP BY {each}"
    alike = ", ".join([*scope, f"{in_collation(text, collation)}"])
    same = (
        f"SELECT {', '.join([*scope, f'{in_collation(text, collation)} AS value_1'])} FROM ({distinct}) AS known"
        f" GROUP BY {alike} HAVING COUNT(*) > 1 AND MIN(disabled) = 0"
    )
    equal = [f"{name}.{one} = same.{one}" for one in scope]
    equal.append(f"{in_collation(f'{name}.{text}', collation)} = same.value_1")
    shared = [*(f"same.{one}" for one in scope), "same.value_1"]
    key = [f"{name}.{quote(one)}" for one in table.key]
    return (
        f"SELECT {', '.join([*key, *shared])} FROM {name} JOIN ({same}) AS same ON {' AND '.join(equal)}"
        f"{f' WHERE {where}' if where else ''} ORDER BY {', '.join([*shared, *key])}"
    )


def _applied_together(collation: str) -> str:
    """Return the SQL condition on a custom field that another one of its name is applied to the same object.

    RT permits equal names elsewhere, and prefers an enabled field to a disabled one. A field that is applied to
    object 0 is applied to all.
    """
    name, other = (in_collation(f"{one}.Name", collation) for one in (_FIELDS, "other"))
    return (
        f"{_FIELDS}.{_DISABLED} = 0 AND EXISTS (SELECT 1 FROM {_FIELDS} AS other"
        f" JOIN {_APPLIED} AS its ON its.CustomField = other.id JOIN {_APPLIED} AS own"
        " ON own.ObjectId = its.ObjectId OR own.ObjectId = 0 OR its.ObjectId = 0"
        f" WHERE own.CustomField = {_FIELDS}.id AND other.{_DISABLED} = 0"
        f" AND other.LookupType = {_FIELDS}.LookupType AND other.Name <> {_FIELDS}.Name AND {other} = {name})"
    )
