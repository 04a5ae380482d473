"""Find values that are distinct on the site but equal under the collation that its tables will get.

A unique index refuses the second of them: a step stops half way, or the restore of the dump does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from harness.checks.preflight_database import NO_PEOPLE, SAMPLES, SchemaChanges
from harness.database import Database
from harness.database.schema import Column, Index, Schema, Table, quote
from harness.verdict import Report

_TEXT = re.compile(r"char|text|enum|set")


class Cause(NamedTuple):
    """The cause of a change to this server's collation, as a phrase in a finding, and a way to avoid it."""

    brings: str
    stops: str
    instead: str


STEP = Cause("which a step brings", "the conversion will stop", "upgrade on a server with another collation")
RESTORE = Cause(
    "which a restore of the dump as it is brings",
    "a restore of the dump as it is will stop",
    "name the site's collation in the dump",
)


def judge(report: Report, database: Database, schema: Schema, changes: SchemaChanges, cause: Cause = STEP) -> None:
    """Report values that a unique index will consider equal after the conversion: that step fails half way."""
    for name, charset in changes.converted.items():
        table = schema.tables.get(name)
        if table is None:
            continue
        collation = collation_after(database, charset)
        report.facts.setdefault("collation after the conversion", collation)
        for index in table.indexes:
            if not index.unique or not table.key or table.collation == collation:
                continue
            sql = _same_values(table, index, charset, collation)
            if not sql:
                continue
            report.looked_at += 1
            if rows := database.rows(sql):
                report.find(
                    f"{name}.{index.name}", f"{len(rows)} values of {', '.join(index.columns)} are distinct and "
                    f"the same under {collation}: {cause.stops} with a duplicate key",
                    samples=tuple(f"{', '.join(table.key)} {keys}" for _, keys in rows[:SAMPLES]), sql=sql,
                    repair=f"rename one of each before the upgrade, or {cause.instead}",
                )  # fmt: skip


def collation_after(database: Database, charset: str) -> str:
    """Return the collation that this server gives to tables converted to a character set."""
    return str(database.value(f"SELECT COLLATION(CONVERT('a' USING {charset}))"))


def is_text(column: Column) -> bool:
    """Tell whether a column holds text that users write, which a conversion changes."""
    return bool(_TEXT.search(column.type)) and column.charset not in NO_PEOPLE


def _same_values(table: Table, index: Index, charset: str, collation: str) -> str:
    parts: list[str] = []
    people = False
    for name in index.columns:
        column = table.columns.get(name)
        if column is None:  # a prefix or an expression
            return ""
        if is_text(column):
            people = True
            parts.append(f"CONVERT({quote(name)} USING {charset}) COLLATE {collation}")
        else:
            parts.append(quote(name))
    if not people:
        return ""
    present = " AND ".join(f"{quote(name)} IS NOT NULL" for name in index.columns)
    key = ", '/', ".join(quote(name) for name in table.key)
    return (
        f"SELECT COUNT(*), GROUP_CONCAT(CONCAT({key}) ORDER BY {quote(table.key[0])} SEPARATOR ' and ')"
        f" FROM {quote(table.name)} WHERE {present} GROUP BY {', '.join(parts)} HAVING COUNT(*) > 1"
    )
