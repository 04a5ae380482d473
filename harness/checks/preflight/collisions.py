"""Find values that are distinct on the site but equal under the collation that its tables will get.

A unique index refuses the second of them: a step stops half way, or the restore of the dump does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from harness.checks.preflight.database import NO_PEOPLE, SchemaChanges
from harness.checks.rows.judge import shown
from harness.database import Database
from harness.database.schema import Column, Index, Schema, Table, charset_of, default_collation, quote
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


Affected = Mapping[str, Mapping[str, str]]
"""Columns that get this server's default collation of a character set: table to column to character set."""


def converted(schema: Schema, changes: SchemaChanges) -> Affected:
    """Return the columns that steps convert: CONVERT TO changes all text columns of a table."""
    return {
        name: {column.name: charset for column in table.columns.values() if is_text(column)}
        for name, charset in changes.converted.items()
        if (table := schema.tables.get(name))
    }


def judge(report: Report, database: Database, schema: Schema, affected: Affected, cause: Cause = STEP) -> None:
    """Report values that a unique index will consider equal under the new collation: the second is refused."""
    for table, after in tables_with_collations(database, schema, affected):
        if after:
            report.facts.setdefault("collation after the conversion", " and ".join(sorted({*after.values()})))
        for index in table.indexes:
            changed = {
                after[column]
                for column in index.columns
                if column in after and after[column] != table.columns[column].collation
            }
            sql = _same_values(table, index, after) if index.unique and changed else ""
            if not sql:
                continue
            collation = " and ".join(sorted(changed))
            report.looked_at += 1
            if samples := same_keys(database, table, sql):
                report.find(
                    f"{table.name}.{index.name}",
                    f"{len(samples)} values of {', '.join(index.columns)} are distinct and "
                    f"the same under {collation}: {cause.stops} with a duplicate key",
                    samples=tuple(samples),
                    sql=sql,
                    repair=f"rename one of each before the upgrade, or {cause.instead}",
                )


def same_keys(database: Database, table: Table, sql: str) -> list[str]:
    """Return the keys of the rows that share a value, fit to be printed: an item for each value."""
    keys: dict[tuple[object, ...], list[str]] = {}
    for row in database.rows(sql):
        key, value = row[: len(table.key)], row[len(table.key) :]
        keys.setdefault(value, []).append(shown(tuple(map(str, key)), table.counted))
    return [f"{', '.join(table.key)} {' and '.join(same)}" for same in keys.values()]


def tables_with_collations(
    database: Database, schema: Schema, affected: Affected
) -> Iterator[tuple[Table, dict[str, str]]]:
    """Yield each affected table whose rows can be named by a key, with the new collation of its text columns."""
    for name, charsets in affected.items():
        table = schema.tables.get(name)
        if table is not None and table.key:
            yield table, _collations_after(database, table, charsets)


def _collations_after(database: Database, table: Table, charsets: Mapping[str, str]) -> dict[str, str]:
    """Return this server's default collation of the character sets: by text column of the table."""
    default = {charset: default_collation(database, charset) for charset in set(charsets.values())}
    return {
        column: default[charset]
        for column, charset in charsets.items()
        if column in table.columns and is_text(table.columns[column])
    }


def is_text(column: Column) -> bool:
    """Tell whether a column holds text that users write, which a conversion changes."""
    return bool(_TEXT.search(column.type)) and column.charset not in NO_PEOPLE


def in_collation(column: str, collation: str) -> str:
    """Return SQL for a column's value (quoted, with or without its table) under a collation."""
    return f"CONVERT({column} USING {charset_of(collation)}) COLLATE {collation}"


def _same_values(table: Table, index: Index, after: Mapping[str, str]) -> str:
    """Return SQL for the rows that share a value of an index under new collations, "" if it cannot be asked.

    Each row is the row's key, and the value as one of them has it.
    """
    if not {*index.columns} <= {*table.columns}:  # a prefix or an expression
        return ""
    name = quote(table.name)
    parts = [
        in_collation(f"{name}.{quote(column)}", after[column]) if column in after else f"{name}.{quote(column)}"
        for column in index.columns
    ]
    values = [f"value_{number}" for number, _ in enumerate(parts, start=1)]
    named = ", ".join(f"{part} AS {value}" for part, value in zip(parts, values, strict=True))
    present = " AND ".join(f"{name}.{quote(column)} IS NOT NULL" for column in index.columns)
    equal = " AND ".join(f"{part} = same.{value}" for part, value in zip(parts, values, strict=True))
    chosen = ", ".join([*(f"{name}.{quote(column)}" for column in table.key), *(f"same.{one}" for one in values)])
    order = ", ".join([*(f"same.{one}" for one in values), *(f"{name}.{quote(column)}" for column in table.key)])
    return (
        f"SELECT {chosen} FROM {name} JOIN (SELECT {named} FROM {name} WHERE {present}"
        f" GROUP BY {', '.join(parts)} HAVING COUNT(*) > 1) AS same ON {equal} ORDER BY {order}"
    )
