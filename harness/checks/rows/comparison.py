"""Open the two databases that the row check compares, and compute the checksums of their common tables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pymysql.connections import Connection

from harness.checks.rows.allowances import RowAllowances
from harness.database import Database, schema
from harness.database.digest import Digest, Shape, digest_table, reader, shape
from harness.database.schema import Schema


def digests(database: Database) -> dict[str, Digest]:
    """Return the checksums of a whole database, by table, as JSON values: cached beside a baseline."""
    tables = schema.read(database).tables
    with reader(database) as connection:
        return {name: digest_table(connection, shape(table)) for name, table in tables.items()}


@dataclass
class Comparison:
    """The two databases: structures, connections, and checksums of the common tables."""

    old: Schema
    new: Schema
    before: Connection[Any]
    after: Connection[Any]
    shapes: dict[str, tuple[Shape, Shape]] = field(default_factory=dict)
    digests: dict[str, tuple[Digest, Digest]] = field(default_factory=dict)


@contextlib.contextmanager
def open_comparison(
    before: Database, after: Database, rules: RowAllowances, known: Mapping[str, Digest]
) -> Iterator[Comparison]:
    """Open both sides and let both servers compute their checksums in parallel."""
    with reader(before) as old, reader(after) as new, ThreadPoolExecutor(2) as pool:
        structures = list(pool.map(schema.read, (before, after)))
        both = Comparison(structures[0], structures[1], old, new)
        for name, table in both.old.tables.items():
            if name in both.new.tables and name not in rules.excluded:
                other = both.new.tables[name]
                both.shapes[name] = shape(table, other), shape(other, table)
        usable = {
            name: known[name]
            for name, (mine, _) in both.shapes.items()
            if name in known and mine.covers(known[name])
        }

        def digest(side: int) -> dict[str, Digest]:
            have = usable if side == 0 else {}
            connection = (old, new)[side]
            return {n: have.get(n) or digest_table(connection, pair[side]) for n, pair in both.shapes.items()}

        first, second = pool.map(digest, (0, 1))
        both.digests = {name: (first[name], second[name]) for name in both.shapes}
        yield both
