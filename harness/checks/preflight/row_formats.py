"""Find tables whose old row format has no room for their indexes in the character set that a step gives them.

In COMPACT and REDUNDANT a column of an index may have 767 bytes, which are 191 characters of utf8mb4. MariaDB ends
the conversion; MySQL ends it too, or cuts the index, by its SQL mode. A dump keeps a format that was asked for.
"""

from __future__ import annotations

import re

from harness.checks.preflight.collisions import Affected
from harness.database import Database
from harness.database.schema import Schema, Table, quote
from harness.verdict import Report

MOST_BYTES = 767
"""Of a column in an index, in either of these formats."""
_LENGTH = re.compile(r"(?:var)?char\((\d+)\)")
_PART = re.compile(r"(.+)\((\d+)\)")
_FORMATS = (
    "SELECT table_name, row_format FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND row_format IN ('Compact', 'Redundant') ORDER BY table_name"
)


def judge(report: Report, database: Database, schema: Schema, affected: Affected) -> None:
    """Report tables to be converted whose indexes will be too long for their row format."""
    report.looked_at += 1
    widths = {
        str(name): int(width)
        for name, width in database.rows(
            "SELECT character_set_name, maxlen FROM information_schema.character_sets"
        )
    }
    long: dict[str, list[str]] = {}
    for name, row_format in database.rows(_FORMATS):
        to = {column: widths.get(charset, 0) for column, charset in affected.get(name, {}).items()}
        if to and (indexes := _too_long(schema.tables[name], to)):
            long[name] = [f"{name} ({str(row_format).upper()}): {index}" for index in indexes]
    if long:
        report.find(
            "tables",
            f"{len(long)} tables have a row format in which their indexes will be too long: the conversion will"
            " stop, or cut them off",
            samples=tuple(sample for samples in long.values() for sample in samples),
            sql=_FORMATS,
            repair="\n".join(f"ALTER TABLE {quote(name)} ROW_FORMAT = DYNAMIC;" for name in long),
        )


def _too_long(table: Table, widths: dict[str, int]) -> list[str]:
    """Return the names of the indexes with a column that is too long. widths: bytes of a character, by column."""
    found = []
    for index in table.indexes:
        if index.kind != "BTREE":
            continue
        for written in index.columns:
            part = None if written in table.columns else _PART.fullmatch(written)
            column = part[1] if part else written
            length = _LENGTH.fullmatch(table.columns[column].type) if column in table.columns else None
            characters = int(part[2]) if part else int(length[1]) if length else 0
            if characters * widths.get(column, 0) > MOST_BYTES and index.name not in found:
                found.append(index.name)
    return found
