"""Count the rows that a dump writes with REPLACE: a server drops those with equal keys, and warns of none.

A table that holds as many rows afterwards has lost none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NAME = rb"`((?:[^`]|``)*)`"
"""A pattern of an identifier in back quotes; its group is the identifier, with its back quotes doubled."""
_COLUMNS = rb"\((?:`(?:[^`]|``)*`|[^`()])*\)"
_STATEMENT = re.compile(
    rb"(INSERT|REPLACE) +(?:[A-Z_]+ +)*INTO " + NAME + rb"(?: *" + _COLUMNS + rb")?( *VALUES\b)?"
)
_REST = re.compile(rb"[^'\\]*+(?:\\.[^'\\]*+)*+'", re.DOTALL)
"""The rest of a string, up to the quote at its end."""
_STRING = re.compile(b"'" + _REST.pattern, re.DOTALL)
_SLASHES = re.compile(rb"\\*\Z")


class Replaced:
    """The tables whose rows are written with REPLACE, and how many rows each of them is given."""

    def __init__(self) -> None:
        """Start with no tables."""
        self._rows: dict[str, int] = {}
        self._uncounted: set[str] = set()
        self._table = ""
        self._in_string = self._escaped = False

    def take(self, piece: bytes, *, fresh: bool) -> None:
        """Take a line of data, or the next piece of a long one. fresh: it begins a line."""
        if fresh:
            self._in_string = self._escaped = False
            if not piece.startswith(b"("):
                piece = self._begin(piece)
        if self._table:
            self._rows[self._table] += self._count(piece)

    def tables(self) -> list[str]:
        """Return the tables whose rows are written with REPLACE."""
        return list(self._rows)

    def unaccounted(self, held: Mapping[str, int]) -> list[str]:
        """Return those of the tables that may have lost rows. held: rows of each table after the restore."""
        return [one for one, rows in self._rows.items() if one in self._uncounted or held.get(one) != rows]

    def _begin(self, piece: bytes) -> bytes:
        """Note the table that a statement writes to; return what follows its head."""
        self._table = ""
        match = _STATEMENT.match(piece)
        if match is None:
            return piece
        table = match[2].decode(errors="replace").replace("``", "`")
        if match[1] == b"REPLACE":
            self._table = table
            self._rows.setdefault(table, 0)
        if match[1] == b"INSERT" or not match[3]:  # rows that are not counted here
            self._uncounted.add(table)
        return piece[match.end() :]

    def _count(self, piece: bytes) -> int:
        """Count the rows that begin in a piece: the opening parentheses outside of strings."""
        if self._in_string:
            end = _REST.match(piece, int(self._escaped))
            if end is None:
                self._escaped = _ends_in_escape(piece[int(self._escaped) :])
                return 0
            piece = piece[end.end() :]
        outside, begun, within = _STRING.sub(b"", piece).partition(b"'")
        self._in_string, self._escaped = bool(begun), _ends_in_escape(within)
        return outside.count(b"(")


def _ends_in_escape(text: bytes) -> bool:
    """Tell whether the next byte of a string is escaped by the last one of this part."""
    found = _SLASHES.search(text)
    return found is not None and len(found[0]) % 2 == 1
