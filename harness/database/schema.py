"""Read a database's structure from its information_schema, in a form that can be compared and stored.

Integer display widths are dropped (MySQL 8 no longer has them, MariaDB does), defaults are normalised, and
key names are kept only to be able to drop a key.
Stored structures are known by the text of this file: change it (FORM) when `schema_extras` reads something else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.database import TABLE_TYPES, Database, normalise, schema_extras
from harness.database.schema_extras import Check, ForeignKey, Trigger

PRIMARY = "PRIMARY"
FORM = 3


def quote(name: str) -> str:
    """Return an identifier in backquotes."""
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Column:
    """A column. `type` is "varchar(255)", "int", "longblob" ...; charset and collation are "" for non-text.

    default: SQL text such as "0" or "'new'", None for none or NULL. extra: "auto_increment" or "".
    """

    name: str
    type: str
    charset: str
    collation: str
    nullable: bool
    default: str | None
    extra: str

    @property
    def generated(self) -> bool:
        """Whether the server computes its values: then no definition is complete without the expression."""
        return "generated" in self.extra

    @property
    def integer(self) -> bool:
        """Whether its type is one of whole numbers."""
        return self.type.split()[0].endswith("int")

    def definition(self) -> str:
        """Return the column's definition as in CREATE TABLE or ALTER TABLE ... MODIFY."""
        words = [quote(self.name), self.type]
        if self.charset:
            words.append(f"CHARACTER SET {self.charset}")
        words.append("NULL" if self.nullable else "NOT NULL")
        if self.default is not None:
            words.append(f"DEFAULT {self.default}")
        if self.extra:
            words.append(self.extra.upper())
        return " ".join(words)


@dataclass(frozen=True)
class Index:
    """An index. `columns` are names, "name(20)" where only a prefix is indexed; kind is BTREE, FULLTEXT ...

    descending: those of `columns` that are stored in descending order. ignored: queries do not use it.
    """

    name: str
    unique: bool
    columns: tuple[str, ...]
    kind: str
    descending: tuple[str, ...] = ()
    ignored: bool = False

    @property
    def signature(self) -> str:
        """Describe the index without its name: two indexes with one signature are equivalent."""
        word = PRIMARY + " KEY" if self.name == PRIMARY else "UNIQUE INDEX" if self.unique else "INDEX"
        kind = "" if self.kind == "BTREE" else f" {self.kind}"
        columns = [f"{column} DESC" if column in self.descending else column for column in self.columns]
        return f"{word}{kind} ({', '.join(columns)}){' IGNORED' if self.ignored else ''}"


@dataclass
class Table:
    """A base table: columns by name in their order, indexes and foreign keys as the server lists them.

    counter: the next id that it gives, None without one; it changes with the rows and does not make tables differ.
    """

    name: str
    engine: str
    collation: str
    columns: dict[str, Column] = field(default_factory=dict)
    indexes: list[Index] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    counter: int | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns of the primary key, () if there is none."""
        return next((index.columns for index in self.indexes if index.name == PRIMARY), ())

    @property
    def counted(self) -> tuple[bool, ...]:
        """Return for each part of the primary key whether it is a number; only then is it no text of people's."""
        return tuple(part in self.columns and self.columns[part].integer for part in self.key)

    @property
    def charset(self) -> str:
        """Return the character set of its collation."""
        return charset_of(self.collation)


@dataclass
class Schema:
    """All base tables of a database by name, and the server's name ("mariadb-10.11")."""

    server: str
    tables: dict[str, Table]

    def to_json(self) -> str:
        """Return the schema as JSON, to be stored beside a baseline: without the bodies of triggers."""
        data = asdict(self)
        for table in data["tables"].values():
            for trigger in table["triggers"]:
                del trigger["body"]
        return json.dumps(data)

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Read the output of `to_json`."""
        data = json.loads(text)
        return cls(data["server"], {name: _table(facts) for name, facts in data["tables"].items()})


def charset_of(collation: str) -> str:
    """Return the character set of a collation: "utf8mb4" of "utf8mb4_general_ci". utf8 means utf8mb3."""
    name = collation.partition("_")[0]
    return "utf8mb3" if name == "utf8" else name


def default_collation(database: Database, charset: str) -> str:
    """Return the collation that this server gives to a text in a character set if none is named."""
    return str(database.value(f"SELECT COLLATION(CONVERT('a' USING {charset}))"))


def read(database: Database) -> Schema:
    """Read the structure of a running database."""
    tables = {
        name: Table(name, engine, normalise.charset_name(collation or ""))
        for name, engine, collation in database.rows(
            "SELECT table_name, engine, table_collation FROM information_schema.tables"
            f" WHERE table_schema = DATABASE() AND table_type IN {TABLE_TYPES} ORDER BY table_name"
        )
    }
    for table, column in _columns(database):
        if table in tables:  # views have columns too
            tables[table].columns[column.name] = column
    for table, index in _indexes(database):
        if table in tables:
            tables[table].indexes.append(index)
    for table, foreign_key in schema_extras.foreign_keys(database):
        if table in tables:
            tables[table].foreign_keys.append(foreign_key)
    for table, check in schema_extras.checks(database):
        if table in tables:
            tables[table].checks.append(check)
    for table, trigger in schema_extras.triggers(database):
        if table in tables:
            tables[table].triggers.append(trigger)
    for table, number in schema_extras.counters(database).items():
        if table in tables:
            tables[table].counter = number
    return Schema(database.server.name, tables)


def _columns(database: Database) -> list[tuple[str, Column]]:
    rows = database.rows(
        "SELECT table_name, column_name, column_type, character_set_name, collation_name, is_nullable,"
        " column_default, extra FROM information_schema.columns WHERE table_schema = DATABASE()"
        " ORDER BY table_name, ordinal_position"
    )
    maria = database.server.product == "mariadb"
    return [
        (
            table,
            Column(
                name,
                normalise.column_type(normalise.as_text(kind)),
                normalise.charset_name(charset or ""),
                normalise.charset_name(collation or ""),
                nullable == "YES",
                normalise.default(normalise.as_text_or_none(default), quoted=maria),
                normalise.attribute(extra),
            ),
        )
        for table, name, kind, charset, collation, nullable, default, extra in rows
    ]


def _indexes(database: Database) -> list[tuple[str, Index]]:
    rows = database.rows(
        "SELECT table_name, index_name, non_unique, column_name, sub_part, index_type, collation,"
        f" {schema_extras.unused(database)} FROM information_schema.statistics WHERE table_schema = DATABASE()"
        " ORDER BY table_name, index_name, seq_in_index"
    )
    grouped: dict[tuple[str, str], Index] = {}
    for table, name, non_unique, column, part, kind, order, unused in rows:
        before = grouped.get((table, name))
        written = f"{column}({part})" if part else str(column)
        columns = (*(before.columns if before else ()), written)
        descending = (*(before.descending if before else ()), *([written] if order == "D" else ()))
        grouped[table, name] = Index(name, not int(non_unique), columns, kind, descending, bool(unused))
    return [(table, index) for (table, _), index in grouped.items()]


def _table(facts: dict[str, Any]) -> Table:
    def tuples(row: dict[str, Any]) -> dict[str, Any]:
        return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}

    return Table(
        facts["name"],
        facts["engine"],
        facts["collation"],
        {name: Column(**column) for name, column in facts["columns"].items()},
        [Index(**tuples(index)) for index in facts["indexes"]],
        [ForeignKey(**tuples(key)) for key in facts["foreign_keys"]],
        [Check(**check) for check in facts["checks"]],
        [Trigger(**tuples(trigger)) for trigger in facts["triggers"]],
        facts["counter"],
    )
