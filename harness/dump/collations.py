"""Find the collations that a server omits from its dumps as its default, which newer servers have changed.

MySQL omits a collation that is the default of its character set. Up to 5.7 that of utf8mb4 was utf8mb4_general_ci;
since 8.0 it is another one, and both are always written. MariaDB omitted the default too until MDEV-29446, long
before it changed its default. Seen on the four servers of this project; the releases of MariaDB are those of that
issue.
"""

from __future__ import annotations

import re

MULTIBYTE = rb"(?P<charset>utf8(?:mb[34])?|ucs2|utf16|utf32)"
"""Character sets whose default collation differs on newer servers; the 8-bit ones have kept theirs."""
_OPTION = re.compile(rb"[^']*?\b(?:CHARSET|CHARACTER SET)[= ]" + MULTIBYTE + rb"\b(?! COLLATE)")
_COLUMN = re.compile(
    rb"\A *`(?P<column>(?:[^`]|``)*)` (?:(?:var)?char\(\d+\)|(?:tiny|medium|long)?text) CHARACTER SET "
    + MULTIBYTE
    + rb"\b(?! COLLATE)"
)
_MARIADB_SAYS = {
    (10, 3): 37,
    (10, 4): 27,
    (10, 5): 18,
    (10, 6): 11,
    (10, 7): 7,
    (10, 8): 6,
    (10, 9): 4,
    (10, 10): 2,
}
"""Patch release of a series from which on MariaDB writes every collation; later series always do."""
_MASK = "5.5.5-"
"""Prefix of MariaDB's version, so that replicas of MySQL accept it as one of theirs."""
_UTF8MB4_CHANGED = (8,)
"""MySQL's major release with another default."""


def default_of(charset: str) -> str:
    """Return the collation that a server omitted, with the prefix by which it names the character set."""
    return f"{charset}_general_ci"


def leaves_out(version: str, charset: str) -> bool:
    """Tell whether a server of this version omits a collation that is `default_of` the character set.

    version: as in a dump's first lines, "" if they do not say.
    """
    numbers = tuple(map(int, re.findall(r"\d+", version.removeprefix(_MASK))[:3]))
    if not numbers:
        return False
    if "mariadb" in version.lower():
        series = numbers[:2]
        return numbers[2:] < (_MARIADB_SAYS[series],) if series in _MARIADB_SAYS else series < min(_MARIADB_SAYS)
    return charset != "utf8mb4" or numbers < _UTF8MB4_CHANGED


def unsaid(line: bytes, at: int | None) -> re.Match[bytes] | None:
    """Find the character set without a collation in a line of a table's definition.

    Groups of the match: charset; column, in a column's line. at: where the table's own options begin; None for a
    column.
    """
    return _COLUMN.match(line) if at is None else _OPTION.match(line, at)
