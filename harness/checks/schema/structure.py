"""Compare two database structures, and give the statement that would close each difference.

A statement that would drop a column, or make one narrower, is never given: what is in it may be the site's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.checks.schema.width import holds, holds_charset
from harness.database.schema import PRIMARY, Column, Index, Schema, Table, charset_of, quote
from harness.database.schema_extras import ForeignKey

CALLED = ", called "
"""Separator between an index's definition and its names."""


@dataclass(frozen=True)
class Difference:
    """A difference from a fresh install.

    aspect: "type", "charset", "nullable", "index missing" ... table, name: its place (name: column or signature).
    fresh, found: the two values as text. repair: SQL that closes it, "" if SQL alone cannot; as it restates the
    rest of the column, equal differences may have different ones.
    """

    aspect: str
    table: str
    name: str
    fresh: str
    found: str
    repair: str = field(compare=False)

    @property
    def where(self) -> str:
        """Return "Table" or "Table.column"."""
        return f"{self.table}.{self.name}" if self.name else self.table

    def sentence(self) -> str:
        """Return the difference as one sentence."""
        if self.aspect.endswith(("missing", "extra", "duplicate")):
            return f"{self.aspect}: {self.found or self.fresh}"
        if self.aspect == "table collation":
            return f"table collation is {self.found}, most tables have {self.fresh}"
        if self.aspect == "collation":
            own = "the table's"
            return f"collation is {self.found or own}, in a fresh install {self.fresh or own}"
        return f"{self.aspect} is {self.found or 'none'}, in a fresh install {self.fresh or 'none'}"


def compare(found: Schema, fresh: Schema) -> list[Difference]:
    """Return every difference of the tables that a fresh install has; other tables are the site's own."""
    differences: list[Difference] = []
    for name, wanted in fresh.tables.items():
        table = found.tables.get(name)
        if table is None:
            differences.append(Difference("table missing", name, "", _create(wanted), "", _create(wanted)))
            continue
        differences += sorted([*_of_columns(table, wanted), *_of_keys(table, wanted)], key=_order_of_repair)
        if table.engine != wanted.engine:
            repair = f"ALTER TABLE {quote(name)} ENGINE={wanted.engine}"
            differences.append(Difference("engine", name, "", wanted.engine, table.engine, repair))
        if table.charset != wanted.charset:
            repair = convert(table, wanted.collation)
            differences.append(Difference("table charset", name, "", wanted.charset, table.charset, repair))
    return differences


def _order_of_repair(difference: Difference) -> int:
    """Return a sort key by which the repairs work in sequence: a counting column needs its key, a key its name."""
    if difference.aspect == "column missing":
        return 0
    if difference.fresh.startswith(PRIMARY):
        return 1
    return 3 if difference.aspect.endswith("missing") else 2


def convert(table: Table, collation: str) -> str:
    """Return the statement that converts a table and its text columns to a collation.

    "" if its character set lacks characters that the table may hold.
    """
    charset = charset_of(collation)
    held = {table.charset, *(column.charset for column in table.columns.values() if column.charset)}
    if not all(holds_charset(charset, one) for one in held - {"binary"}):
        return ""
    return f"ALTER TABLE {quote(table.name)} CONVERT TO CHARACTER SET {charset} COLLATE {collation}"


def _of_columns(table: Table, wanted: Table) -> Iterator[Difference]:
    alter = f"ALTER TABLE {quote(table.name)}"
    previous = ""
    for name, column in wanted.columns.items():
        if name not in table.columns:
            place = f"AFTER {quote(previous)}" if previous else "FIRST"
            repair = f"{alter} ADD COLUMN {column.definition()} {place}"
            yield Difference("column missing", table.name, name, column.definition(), "", repair)
        else:
            yield from _of_column(table, table.columns[name], column, wanted)
            previous = name
    for name, column in table.columns.items():
        if name not in wanted.columns:
            yield Difference("column extra", table.name, name, "", column.definition(), "")


def _of_column(table: Table, column: Column, wanted: Column, wanted_table: Table) -> Iterator[Difference]:
    safe = holds(wanted, column)
    goal = wanted if safe else replace(wanted, type=column.type, charset=column.charset)
    repair = f"ALTER TABLE {quote(table.name)} MODIFY {goal.definition()}"
    pairs = {
        "charset": (wanted.charset, column.charset),
        "nullable": ("NULL" if wanted.nullable else "NOT NULL", "NULL" if column.nullable else "NOT NULL"),
        "default": (wanted.default or "", column.default or ""),
        "attribute": (wanted.extra, column.extra),
    }
    if wanted.charset == column.charset:
        pairs["collation"] = (_own_collation(wanted, wanted_table), _own_collation(column, table))
    pairs["type"] = (wanted.type, column.type)  # the last: the others' statements leave a wide type as it is
    for aspect, (fresh, found) in pairs.items():
        if fresh != found:
            closes = safe or aspect not in ("type", "charset")
            yield Difference(aspect, table.name, column.name, fresh, found, repair if closes else "")


def _own_collation(column: Column, table: Table) -> str:
    """Return the collation of a column, "" if it follows its table: that name is the server's choice."""
    return "" if column.collation == table.collation or column.charset != table.charset else column.collation


def _of_keys(table: Table, wanted: Table) -> Iterator[Difference]:
    yield from _of_one_kind("index", table.name, table.indexes, wanted.indexes)
    yield from _of_one_kind("foreign key", table.name, table.foreign_keys, wanted.foreign_keys)


def _of_one_kind(
    kind: str, table: str, found: Sequence[Index | ForeignKey], wanted: Sequence[Index | ForeignKey]
) -> Iterator[Difference]:
    have, want = Counter(one.signature for one in found), Counter(one.signature for one in wanted)
    for one in wanted:
        if one.signature not in have:
            yield Difference(f"{kind} missing", table, "", one.signature, "", add_key(table, one))
    for signature, number in have.items():
        names = sorted(one.name for one in found if one.signature == signature)
        if signature not in want:
            aspect, spare = f"{kind} extra", names
        elif number > want[signature]:
            aspect, spare = f"{kind} duplicate", names[want[signature] :]
        else:
            continue
        repair = f"ALTER TABLE {quote(table)} " + ", ".join(_drop(kind, name) for name in spare)
        yield Difference(aspect, table, "", "", f"{signature}{CALLED}{', '.join(names)}", repair)


def add_key(table: str, key: Index | ForeignKey) -> str:
    """Return the statement that creates an index or a foreign key."""
    if isinstance(key, ForeignKey):
        columns, targets = (", ".join(map(quote, names)) for names in (key.columns, key.targets))
        rules = f" ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
        return (
            f"ALTER TABLE {quote(table)} ADD FOREIGN KEY ({columns})"
            f" REFERENCES {quote(key.table)} ({targets}){rules}"
        )
    parts = ", ".join(
        _index_part(column) + (" DESC" if column in key.descending else "") for column in key.columns
    )
    if key.name == PRIMARY:
        return f"ALTER TABLE {quote(table)} ADD PRIMARY KEY ({parts})"
    word = "UNIQUE INDEX" if key.unique else "FULLTEXT INDEX" if key.kind == "FULLTEXT" else "INDEX"
    return f"ALTER TABLE {quote(table)} ADD {word} {quote(key.name)} ({parts})"


def _index_part(column: str) -> str:
    name, bracket, rest = column.partition("(")
    return quote(name) + bracket + rest


def _drop(kind: str, name: str) -> str:
    if name == PRIMARY:
        return "DROP PRIMARY KEY"
    return f"DROP {kind.upper()} {quote(name)}"


def _create(table: Table) -> str:
    """Return the statement that creates the whole table."""
    parts = [column.definition() for column in table.columns.values()]
    keys: list[Index | ForeignKey] = [*table.indexes, *table.foreign_keys]
    parts += [add_key(table.name, key).partition(" ADD ")[2] for key in keys]
    ending = f"ENGINE={table.engine} CHARACTER SET {table.charset} COLLATE {table.collation}"
    return f"CREATE TABLE {quote(table.name)} ({', '.join(parts)}) {ending}"
