"""Compute checksums of rows on the server that do not depend on column types, character sets or the product.

A row is serialised as one byte string: a number whose bits tell which values are NULL; then each other value
(numbers and times as text, text as UTF-8, bytes unchanged), preceded by its length. The server takes the SHA-256
of each row and sums the first 60 bits per chunk of keys. (MD5 would do, but MySQL 9.7 removed it; XOR or CRC-32
would not, as swapped values cancel out.) So INT and BIGINT, utf8mb3 and utf8mb4, TEXT and MEDIUMTEXT compare
equal; '' and NULL, or values that differ in one byte, do not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection

from harness.database import Database
from harness.database.normalise import as_text, as_text_or_none
from harness.database.schema import Column, Table, quote

CHUNK = 1000
"""Keys per chunk of a table with an integer key: the number of rows read again if one differs."""
BUCKETS = 64
"""Number of chunks of a table with any other key, or with none."""
LONGEST = 1_000_000
"""Maximum bytes of a value that is hashed or fetched unchanged; a longer one is replaced by its SHA-256."""
FORM = 3
"""Version of the serialisation: increased when it changes, so that stored checksums are not used."""
BITS = 60
"""NULL flags per number."""
_AS_UTF8 = ("utf8mb4", "utf8mb3", "ascii")
_SHORT = (
    "tinyint",
    "smallint",
    "mediumint",
    "int",
    "bigint",
    "decimal",
    "float",
    "double",
    "date",
    "time",
    "year",
    "bit",
)
"""Types whose values hold no comma, so that they need no length before them."""

Key = tuple[str, ...]
Row = dict[str, str | None]
Digest = dict[str, Any]
"""JSON of one table: "form", "columns", "key", "rows" (count) and "chunks" ({chunk: [count, sum as text]})."""


@dataclass(frozen=True)
class Shape:
    """The columns of a table to compare, and the key to match rows by.

    integer: the key is one integer column. counted: for each part of the key, whether it is an integer column.
    """

    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    integer: bool
    counted: tuple[bool, ...] = ()

    @property
    def names(self) -> list[str]:
        """Return the column names in the order in which they are compared."""
        return [column.name for column in self.columns]

    @property
    def chunk(self) -> str:
        """Return SQL for the number of a row's chunk."""
        if self.integer:
            return f"{quote(self.key[0])} DIV {CHUNK}"
        if not self.key:
            return f"CRC32({self.row}) MOD {BUCKETS}"
        parts = [part for column in self.columns if column.name in self.key for part in written(column)]
        return f"CRC32(CONCAT_WS(_binary',', {', '.join(parts)})) MOD {BUCKETS}"

    @property
    def row(self) -> str:
        """Return SQL for the row as one byte string; the separator is binary, so that nothing is converted."""
        nulls = [f"ISNULL({quote(name)}) << {number % BITS}" for number, name in enumerate(self.names)]
        numbers = [" | ".join(nulls[start : start + BITS]) for start in range(0, len(nulls), BITS)]
        parts = [part for column in self.columns for part in written(column)]
        return f"CONCAT_WS(_binary',', {', '.join(numbers + parts)})"

    @property
    def checksum(self) -> str:
        """Return SQL for the row's checksum."""
        return f"SHA2({self.row}, 256)"

    def covers(self, digest: Digest) -> bool:
        """Tell whether a digest made earlier has these columns and this key."""
        mine = {"form": FORM, "columns": self.names, "key": [*self.key]}
        return all(digest.get(name) == value for name, value in mine.items())


def shape(table: Table, other: Table | None = None) -> Shape:
    """Return the comparable part of a table: the columns that the other side has too, sorted by name."""
    common = [c for n, c in sorted(table.columns.items()) if other is None or n in other.columns]
    key: tuple[str, ...] = table.key if other is None or table.key == other.key else ()
    if any(part.endswith(")") for part in key):  # a key over a column prefix is not unique per row
        key = ()
    sides = [table] if other is None else [table, other]
    counted = tuple(all(side.columns[part].integer for side in sides) for part in key)
    return Shape(table.name, tuple(common), key, counted == (True,), counted)


def plain(column: Column) -> str:
    """Return SQL for a value as bytes: its content, independent of how it is stored."""
    name = quote(column.name)
    if column.charset in _AS_UTF8:
        return f"CAST({name} AS BINARY)"
    if column.charset and column.charset != "binary":
        return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)"
    if column.type.partition("(")[0].endswith(("blob", "binary")):
        return name
    if column.type.startswith("bit"):
        return f"CAST({name} + 0 AS CHAR)"
    if column.type.startswith("float"):
        return f"CAST({_exact(name)} AS CHAR)"
    return f"CAST({name} AS CHAR)"


def _exact(name: str) -> str:
    """Return SQL for a number of single precision with all of its digits: servers print six of them."""
    return f"{name} + 0e0"


def written(column: Column) -> list[str]:
    """Return SQL expressions that represent a value in the row's string; NULL adds nothing to it."""
    name = quote(column.name)
    if column.type.startswith(_SHORT):
        if column.type.startswith("float"):
            return [_exact(name)]
        return [f"{name} + 0" if column.type.startswith("bit") else name]
    foreign = column.charset and column.charset not in (*_AS_UTF8, "binary")
    value = f"CONVERT({name} USING utf8mb4)" if foreign else name
    if column.type.endswith(("text", "blob")):
        return [f"LENGTH({value})", f"IF(LENGTH({value}) > {LONGEST}, SHA2({value}, 256), {value})"]
    return [f"LENGTH({value})", value]


@contextlib.contextmanager
def reader(database: Database) -> Iterator[Connection[Any]]:
    """Open a connection on which both products format times and numbers alike."""
    patience = int(database.patience(3600))
    with database.connection(init_command="SET time_zone = '+00:00'", read_timeout=patience) as connection:
        yield connection


def ask(connection: Connection[Any], sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a query on an open connection."""
    with connection.cursor() as cursor:
        cursor.execute(sql, tuple(parameters) or None)
        return list(cursor.fetchall())


def digest_table(connection: Connection[Any], shape: Shape) -> Digest:
    """Return count and checksum of every chunk of a table. The server reads the table once.

    Little is transferred.
    """
    found = ask(
        connection,
        f"SELECT {shape.chunk} AS chunk, COUNT(*), SUM(CAST(CONV(LEFT({shape.checksum}, 15), 16, 10) AS UNSIGNED))"
        f" FROM {quote(shape.table)} GROUP BY chunk",
    )
    chunks = {str(chunk): [int(count), str(total)] for chunk, count, total in found}
    rows = sum(int(count) for _, count, _ in found)
    return {"form": FORM, "columns": shape.names, "key": [*shape.key], "rows": rows, "chunks": chunks}


def rows_of_chunk(connection: Connection[Any], shape: Shape, chunk: str) -> dict[Key, str]:
    """Return the checksum of each row of a chunk by its key.

    Without a primary key, the key is the checksum and a number that counts repetitions.
    """
    if shape.integer:
        low, high = _range(int(chunk))
        where = f"{quote(shape.key[0])} BETWEEN {low} AND {high}"
    else:
        where = f"{shape.chunk} = {int(chunk)}"
    keys = ", ".join(_key_as_text(shape, name) for name in shape.key)
    found = ask(
        connection, f"SELECT {keys + ', ' if keys else ''}{shape.checksum} FROM {quote(shape.table)} WHERE {where}"
    )
    if shape.key:
        return {tuple(map(as_text, row[:-1])): as_text(row[-1]) for row in found}
    counted: dict[Key, str] = {}
    for (checksum,) in found:
        number = 1
        while (as_text(checksum), str(number)) in counted:
            number += 1
        counted[as_text(checksum), str(number)] = as_text(checksum)
    return counted


def _range(chunk: int) -> tuple[int, int]:
    """Return the first and last key of a chunk; DIV rounds towards zero."""
    if chunk == 0:
        return 1 - CHUNK, CHUNK - 1
    return (chunk * CHUNK, chunk * CHUNK + CHUNK - 1) if chunk > 0 else (chunk * CHUNK - CHUNK + 1, chunk * CHUNK)


def _key_as_text(shape: Shape, name: str) -> str:
    return plain(next(column for column in shape.columns if column.name == name))


def fetch(
    connection: Connection[Any], shape: Shape, keys: Sequence[Key], whole: tuple[str, str, str] | None = None
) -> dict[Key, Row]:
    """Return rows by key, as text.

    Bytes that are not UTF-8 become surrogates, so no two values compare equal wrongly. A value longer than LONGEST
    is returned as "(N bytes, SHA-256 ...)". whole: exempts the values that are read and not only compared:
    (column, the column with its media type, the type whose values are returned in full). Without a primary key
    rows cannot be identified, and nothing is returned.
    """
    if not shape.key or not keys:
        return {}
    parts = [_key_as_text(shape, name) for name in shape.key]
    parts += [_bounded(column, whole if whole and whole[0] == column.name else None) for column in shape.columns]
    wanted = " OR ".join(
        "(" + " AND ".join(f"{_key_as_text(shape, name)} = %s" for name in shape.key) + ")" for _ in keys
    )
    if shape.integer:
        wanted = f"{quote(shape.key[0])} IN ({', '.join(str(int(key[0])) for key in keys)})"
    parameters: tuple[str | bytes, ...] = (whole[2],) if whole and whole[0] in shape.names else ()
    if not shape.integer:
        parameters += tuple(part.encode(errors="surrogateescape") for key in keys for part in key)
    found = ask(connection, f"SELECT {', '.join(parts)} FROM {quote(shape.table)} WHERE {wanted}", parameters)
    width = len(shape.key)
    return {
        tuple(map(as_text, row[:width])): dict(zip(shape.names, map(as_text_or_none, row[width:]), strict=True))
        for row in found
    }


def _bounded(column: Column, whole: tuple[str, str, str] | None) -> str:
    value = plain(column)
    if not column.charset and value != quote(column.name):
        return value
    if whole:
        return f"IF(LENGTH({value}) > {LONGEST} AND NOT {quote(whole[1])} <=> %s, {_elided(value)}, {value})"
    return f"IF(LENGTH({value}) > {LONGEST}, {_elided(value)}, {value})"


def _elided(value: str) -> str:
    return f"CONCAT('(', LENGTH({value}), ' bytes, SHA-256 ', SHA2({value}, 256), ')')"
