"""Tell whether a column can hold whatever another one holds, so that no value is lost between them."""

from __future__ import annotations

import re
from dataclasses import replace

from harness.database.schema import Column

_INTEGERS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_SIZES = {"tiny": 255, "": 65_535, "medium": 16_777_215, "long": 4_294_967_295}
_VARYING = re.compile(r"var(char|binary)\((\d+)\)")
_LONG = re.compile(r"(tiny|medium|long|)(text|blob)")
_CHARSETS = ("ascii", "utf8mb3", "utf8mb4")
"""Each holds all characters of those before it."""
_LATIN = "latin1"
_UNICODE = ("utf8mb3", "utf8mb4")
_BYTES = 4
"""Most bytes of a character: the size of a text is in bytes, that of a varying column in characters."""
_GROWTH = 3
"""Most bytes in Unicode of a letter that is one byte in latin1, such as the euro sign."""
_PACKET = 2**30
"""Most bytes of a value that a server takes or gives (max_allowed_packet), whatever the size of its column."""


def holds(wide: Column, narrow: Column) -> bool:
    """Tell whether a column holds every value of another one: its type and its character set are as wide."""
    growth = _GROWTH if narrow.charset == _LATIN and wide.charset in _UNICODE else 1
    return holds_charset(wide.charset, narrow.charset) and _holds_type(wide.type, narrow.type, growth)


def as_wide_again(column: Column, old: Column) -> Column | None:
    """Return the column as it was, in the character set that it has now if that is wider.

    None if that cuts it, or if the server computes its values: no statement is complete without the expression.
    """
    if old.generated or column.generated:
        return None
    goal = replace(old, charset=column.charset) if holds_charset(column.charset, old.charset) else old
    return goal if holds(goal, column) else None


def holds_charset(wide: str, narrow: str) -> bool:
    """Tell whether a character set has all characters of another one."""
    if wide == narrow:
        return True
    if narrow == _LATIN:
        return wide in _UNICODE
    if narrow == "ascii" and wide == _LATIN:
        return True
    return wide in _CHARSETS and narrow in _CHARSETS[: _CHARSETS.index(wide)]


def _holds_type(wide: str, narrow: str, growth: int) -> bool:
    """Tell whether a type is as wide as another one. growth: bytes that a byte of text becomes at most."""
    outer, inner = _range(wide), _range(narrow)
    if outer and inner:
        return outer[0] <= inner[0] and inner[1] <= outer[1]
    if _LONG.fullmatch(wide) and _LONG.fullmatch(narrow):
        return _long_fits(wide, narrow, growth)
    return wide == narrow or _varying_fits(wide, narrow) or _varying_fits_long(wide, narrow)


def _varying_fits(wide: str, narrow: str) -> bool:
    one, other = _VARYING.fullmatch(wide), _VARYING.fullmatch(narrow)
    return one is not None and other is not None and one[1] == other[1] and int(one[2]) >= int(other[2])


def _varying_fits_long(wide: str, narrow: str) -> bool:
    one, other = _LONG.fullmatch(wide), _VARYING.fullmatch(narrow)
    if not one or not other or (one[2] == "text") != (other[1] == "char"):
        return False
    return _SIZES[one[1]] >= int(other[2]) * (_BYTES if other[1] == "char" else 1)


def _long_fits(wide: str, narrow: str, growth: int) -> bool:
    one, other = _LONG.fullmatch(wide), _LONG.fullmatch(narrow)
    if one is None or other is None or one[2] != other[2]:
        return False
    return _SIZES[one[1]] >= min(_SIZES[other[1]], _PACKET) * growth


def largest(column: Column) -> int:
    """Return the largest number that an integer column holds, 0 for any other column."""
    found = _range(column.type)
    return found[1] if found else 0


def _range(declared: str) -> tuple[int, int] | tuple[()]:
    """Return the smallest and the largest value of an integer type, () for any other type."""
    name, _, rest = declared.partition(" ")
    if name not in _INTEGERS:
        return ()
    bits = _INTEGERS[name]
    return (0, 2**bits - 1) if "unsigned" in rest else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
