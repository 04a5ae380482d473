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
_LISTED = {"Attributes": ("ObjectType", "ObjectId"), "CustomFieldValues": ("CustomField",)}
"""The same for tables whose rows RT lists or searches, without taking one for the other."""


def judge(report: Report, database: Database, schema: Schema, affected: Affected, cause: Cause = STEP) -> None:
    """Report such names as findings in tables that RT loads by name, else as facts."""
    for table, after in tables_with_collations(database, schema, affected):
        within = [name for name in {**_LOADED, **_LISTED}.get(table.name, ()) if name in table.columns]
        for name in SOUGHT:
            column = table.columns.get(name)
            if column is None or not is_text(column) or after.get(name) in (None, column.collation):
                continue
            if _is_unique(table, {*within, name}):  # preflight_collisions asks this
                continue
            report.looked_at += 1
            sql = _same_names(table, name, within, after[name])
            samples = same_keys(database, table, sql)
            if not samples:
                continue
            if table.name not in _LOADED:
                report.facts.setdefault(TOLD, []).append(
                    f"{table.name}.{name}: {len(samples)}, under {after[name]}"
                )
                continue
            scope = f" within {' and '.join(within)}" if within else ""
            report.find(
                f"{table.name}.{name}",
                f"{len(samples)} values{scope} are distinct today and the same under {after[name]}, "
                f"{cause.brings}: RT loads by them, and may take one for the other then",
                samples=tuple(samples),
                sql=sql,
                repair=f"rename one of each before the upgrade, also where scrips or searches name it, "
                f"or {cause.instead}",
            )


def _is_unique(table: Table, columns: set[str]) -> bool:
    return any(index.unique and {*index.columns} <= columns for index in table.indexes)


def _same_names(table: Table, column: str, within: list[str], collation: str) -> str:
    """Return SQL for the rows whose names are distinct today and the same under a collation.

    Each row is the row's key, the columns within which the name is looked for, and the name as one row has it.
    """
    name, scope = quote(table.name), [quote(one) for one in within]
    text = quote(column)
    distinct = f"SELECT DISTINCT {', '.join([*scope, text])} FROM {name} WHERE {text} <> ''"
    alike = ", ".join([*scope, f"{in_collation(text, collation)}"])
    same = (
        f"SELECT {', '.join([*scope, f'{in_collation(text, collation)} AS value_1'])} FROM ({distinct}) AS known"
        f" GROUP BY {alike} HAVING COUNT(*) > 1"
    )
    equal = [f"{name}.{one} = same.{one}" for one in scope]
    equal.append(f"{in_collation(f'{name}.{text}', collation)} = same.value_1")
    shared = [*(f"same.{one}" for one in scope), "same.value_1"]
    key = [f"{name}.{quote(one)}" for one in table.key]
    return (
        f"SELECT {', '.join([*key, *shared])} FROM {name} JOIN ({same}) AS same ON {' AND '.join(equal)}"
        f" ORDER BY {', '.join([*shared, *key])}"
    )
