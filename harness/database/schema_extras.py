"""Read what a table has besides columns and indexes: foreign keys, CHECK constraints, triggers, a counter of ids.

Of a statement that the site wrote only a digest and the names of the tables it writes to are stored; the text
itself is there until then, for those who ask whether a trigger can be fired.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.database import NAME, Database
from harness.database.normalise import as_text, referential_rule

_CHECKS = {
    "mariadb": "SELECT table_name, constraint_name, check_clause FROM information_schema.check_constraints"
    " WHERE constraint_schema = DATABASE() ORDER BY table_name, constraint_name",
    "mysql": "SELECT t.table_name, c.constraint_name, c.check_clause FROM information_schema.check_constraints c"
    " JOIN information_schema.table_constraints t ON t.constraint_schema = c.constraint_schema"
    " AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK'"
    " WHERE c.constraint_schema = DATABASE() ORDER BY 1, 2",
}
_TRIGGERS = (
    "SELECT event_object_table, trigger_name, action_timing, event_manipulation, action_statement"
    " FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1, 2"
)
_COUNTERS = (
    "SELECT table_name, auto_increment FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND auto_increment IS NOT NULL"
)
_FRESH = {"mariadb": None, "mysql": "SET SESSION information_schema_stats_expiry = 0"}
"""MySQL answers with the counter of up to a day ago unless told otherwise."""
_NAME = r"(?:`((?:[^`]|``)+)`|([\w$]+))"
_INSERT = re.compile(
    rf"\b(?:INSERT|REPLACE)\s+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE)\s+)*(?:INTO\s+)?(?:{_NAME}\s*\.\s*)?"
    rf"{_NAME}(?=\s*(?:\(|(?:VALUES?|SELECT|SET|PARTITION|WITH|TABLE)\b))",
    re.IGNORECASE,
)
_TEXT_OR_COMMENT = re.compile(
    r"""(`(?:[^`]|``)*`)|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|/\*(?!M?!).*?\*/|--\s[^\n]*|#[^\n]*""",
    re.DOTALL,
)
"""What is no part of a statement; names in backquotes, the first group, may hold any of it and are kept."""


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key; rules are "CASCADE", "RESTRICT" (which NO ACTION also means to InnoDB), ..."""

    name: str
    columns: tuple[str, ...]
    table: str
    targets: tuple[str, ...]
    on_delete: str
    on_update: str

    @property
    def signature(self) -> str:
        """Describe the foreign key without its name."""
        rules = "".join(
            f" ON {event} {rule}"
            for event, rule in (("DELETE", self.on_delete), ("UPDATE", self.on_update))
            if rule != "RESTRICT"
        )
        columns, targets = ", ".join(self.columns), ", ".join(self.targets)
        return f"FOREIGN KEY ({columns}) REFERENCES {self.table} ({targets}){rules}"


@dataclass(frozen=True)
class Check:
    """A CHECK constraint; clause is a digest of its condition."""

    name: str
    clause: str


@dataclass(frozen=True)
class Trigger:
    """A trigger: timing is BEFORE or AFTER, event is INSERT, UPDATE or DELETE.

    statement: a digest of what it does. fills: the tables of its own database into which it inserts rows, as far
    as its own statement names them; what a procedure does that it calls is not known. body: the statement, "" if
    the structure was stored, because it may hold what the site wrote.
    """

    name: str
    timing: str
    event: str
    statement: str
    fills: tuple[str, ...] = ()
    body: str = field(default="", compare=False, repr=False)


def unused(database: Database) -> str:
    """Return SQL that tells whether queries ignore an index; servers call that differently, older ones lack it."""
    asked = (
        "SELECT LOWER(column_name) FROM information_schema.columns"
        " WHERE UPPER(table_schema) = 'INFORMATION_SCHEMA' AND UPPER(table_name) = 'STATISTICS'"
        " AND LOWER(column_name) IN ('ignored', 'is_visible')"
    )
    conditions = {"ignored": "ignored = 'YES'", "is_visible": "is_visible = 'NO'"}
    return " OR ".join(conditions[name] for (name,) in database.rows(asked)) or "0"


def foreign_keys(database: Database) -> list[tuple[str, ForeignKey]]:
    """Return each table's foreign keys."""
    rows = database.rows(
        "SELECT u.table_name, u.constraint_name, u.column_name, u.referenced_table_name, u.referenced_column_name,"
        " r.delete_rule, r.update_rule FROM information_schema.key_column_usage u"
        " JOIN information_schema.referential_constraints r ON r.constraint_schema = u.constraint_schema"
        " AND r.constraint_name = u.constraint_name AND r.table_name = u.table_name"
        " WHERE u.table_schema = DATABASE() AND u.referenced_table_name IS NOT NULL"
        " ORDER BY u.table_name, u.constraint_name, u.ordinal_position"
    )
    grouped: dict[tuple[str, str], ForeignKey] = {}
    for table, name, column, target, target_column, on_delete, on_update in rows:
        before = grouped.get((table, name))
        grouped[table, name] = ForeignKey(
            name,
            (*(before.columns if before else ()), column),
            target,
            (*(before.targets if before else ()), target_column),
            referential_rule(on_delete),
            referential_rule(on_update),
        )
    return [(table, foreign_key) for (table, _), foreign_key in grouped.items()]


def checks(database: Database) -> Iterator[tuple[str, Check]]:
    """Yield each table's CHECK constraints."""
    for table, name, clause in database.rows(_CHECKS[database.server.product]):
        yield table, Check(name, _digest(as_text(clause)))


def triggers(database: Database) -> Iterator[tuple[str, Trigger]]:
    """Yield each table's triggers."""
    for table, name, timing, event, statement in database.rows(_TRIGGERS):
        text = as_text(statement)
        yield table, Trigger(name, timing, event, _digest(text), fills(text), text)


def fills(statement: str) -> tuple[str, ...]:
    """Return the names of the tables of this database into which a statement inserts rows, sorted."""
    plain = _TEXT_OR_COMMENT.sub(lambda found: found[1] or " ", statement)
    found: set[str] = set()
    for names in _INSERT.findall(plain):
        quoted_database, database, quoted_table, table = (name.replace("``", "`") for name in names)
        if (quoted_database or database or NAME) == NAME:
            found.add(quoted_table or table)
    return tuple(sorted(found))


def counters(database: Database) -> dict[str, int]:
    """Return the next id that each table will give."""
    with (
        database.connection(init_command=_FRESH[database.server.product]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(_COUNTERS)
        return {name: int(number) for name, number in cursor.fetchall()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
