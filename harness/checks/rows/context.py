"""Data that a rule may use while it judges a row: both databases, thawed content, the time of the upgrade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pymysql.connections import Connection
from pymysql.cursors import SSCursor

from harness.checks.rows import homepages
from harness.common.wording import amount, listed
from harness.database.digest import Row
from harness.database.normalise import as_text_or_none
from harness.rt.thaw import Thawer
from harness.verdict import MOST_SAMPLES

UNREADABLE_HOMEPAGES = "{unreadable homepages}"
"""In a query of the file: the ids of the old database's homepages that RT cannot read, as a list for IN (...)."""


@dataclass
class Context:
    """Open connections to the old and the upgraded database, and a cache of query results."""

    before: Connection[Any]
    after: Connection[Any]
    thaw: Thawer
    window: str = ""
    _rows: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    _values: dict[tuple[str, str], set[str | None]] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    """Results that rules computed for the whole database, under a key that the rule chooses."""
    notes: list[str] = field(default_factory=list)
    """Things that rules accepted and that the reader should know all the same."""

    def filled(self, sql: str) -> str:
        """Return a query with its words in braces replaced."""
        if UNREADABLE_HOMEPAGES not in sql:
            return sql
        if "unreadable homepages" not in self.memory:
            found = homepages.unreadable(self.rows("before", homepages.SQL), self.thaw)
            self.memory["unreadable homepages"] = found
            if found:
                self.notes.append(
                    f"{amount(len(found), 'homepages')} that RT could not read before either, left as they were:"
                    f" attribute {listed(found, MOST_SAMPLES)}"
                )
        return sql.replace(UNREADABLE_HOMEPAGES, ", ".join(self.memory["unreadable homepages"]) or "0")

    def rows(self, side: str, sql: str) -> list[Row]:
        """Return a query's rows as text by column name; the result is cached."""
        sql = self.filled(sql)
        if (side, sql) not in self._rows:
            connection = self.before if side == "before" else self.after
            with connection.cursor() as cursor:
                cursor.execute(sql)
                names = [part[0] for part in cursor.description or ()]
                self._rows[side, sql] = [
                    dict(zip(names, map(as_text_or_none, row), strict=True)) for row in cursor.fetchall()
                ]
        return self._rows[side, sql]

    def values(self, side: str, sql: str) -> set[str | None]:
        """Return the first column of a query's rows as a set; the result is cached.

        Rows are fetched one by one: there may be as many as a large table has.
        """
        if (side, sql) not in self._values:
            connection = self.before if side == "before" else self.after
            with connection.cursor(SSCursor) as cursor:
                cursor.execute(sql)
                self._values[side, sql] = {as_text_or_none(row[0]) for row in cursor}
        return self._values[side, sql]

    def tuples(self, side: str, sql: str) -> tuple[Sequence[str], Counter[tuple[str | None, ...]]]:
        """Return a query's column names, and how often each row occurs in its result."""
        rows = self.rows(side, sql)
        names = list(rows[0]) if rows else []
        return names, Counter(tuple(row.values()) for row in rows)

    def times(self) -> tuple[str, str]:
        """Return begin and end of the upgrade as recorded in the database; "" and "~" if they are not recorded."""
        found = [self.rows(side, self.window) if self.window else [] for side in ("before", "after")]
        begin, end = (next(iter(rows[0].values())) if rows else None for rows in found)
        return begin or "", end or "~"


@dataclass(frozen=True, slots=True)
class Cell:
    """The value that a rule judges: a column of a row.

    old, new: the row on each side, empty if that side has none.
    """

    context: Context
    column: str
    old: Row
    new: Row

    @property
    def was(self) -> str | None:
        """The old value; None also if there was no such row."""
        return self.old[self.column] if self.old else None

    @property
    def now(self) -> str | None:
        """The new value; None also if there is no such row any more."""
        return self.new[self.column] if self.new else None

    @property
    def current(self) -> str | None:
        """The new value; for a deleted row, the old one."""
        return (self.new or self.old)[self.column]

    def thawed(self) -> tuple[Any, Any]:
        """Return the old and the new value thawed. Raises the errors of `Thawer.value`."""
        return self.context.thaw.value(self.was or ""), self.context.thaw.value(self.now or "")
