"""Enlarge a database with copies of its own rows, reproducibly for the same dump."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.database import Database

AMPLIFIED = ("Attachments", "Transactions", "ObjectCustomFieldValues")
"""Tables that are big on a real site and have no unique key that copies would violate."""
OFFSET = 1 << 20
"""Distance in ids between copies of a row: above every id of a bundled dump."""
_SIZE = (
    "SELECT SUM(data_length + index_length) / 1e6 FROM information_schema.tables WHERE table_schema = DATABASE()"
)
_MOST_DOUBLINGS = 11


def last_ids(database: Database, tables: Sequence[str] = AMPLIFIED) -> dict[str, int]:
    """Return the highest id of each table to enlarge; 0 for an empty one."""
    return {table: int(database.value(f"SELECT COALESCE(MAX(id), 0) FROM `{table}`")) for table in tables}


def grow(database: Database, last: Mapping[str, int], goal: float) -> float:
    """Double the big tables until the database has `goal` MB; return its size in MB.

    last: highest id of each table in the dump; rows added by an upgrade have higher ids and are not copied.
    """
    distance = OFFSET
    while distance <= max(last.values()):
        distance <<= 1
    first = distance
    for _ in range(_MOST_DOUBLINGS):
        if megabytes(database) >= goal:
            break
        for table, highest in last.items():
            _double(database, table, distance, f"id <= {highest} OR id >= {first}")
        distance <<= 1
    return megabytes(database)


def _double(database: Database, table: str, distance: int, which: str) -> None:
    names = [
        name
        for (name,) in database.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
            " AND table_name = %s AND column_name <> 'id'",
            [table],
        )
    ]
    columns = ", ".join(f"`{name}`" for name in names)
    copies = f"SELECT id + {distance}, {columns} FROM `{table}` WHERE {which}"
    database.execute(f"INSERT INTO `{table}` (id, {columns}) {copies}")


def megabytes(database: Database) -> float:
    """Return the size of the database in MB as the server reports it, tables and indexes."""
    database.execute(f"ANALYZE TABLE {', '.join(AMPLIFIED)}")
    return float(database.value(_SIZE))
