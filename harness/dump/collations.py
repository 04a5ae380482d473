"""Collations that a server leaves out of its dumps because they are its default, which newer ones have changed.

MySQL writes none that is its character set's first one. Up to 5.7 that of utf8mb4 was utf8mb4_general_ci; since
8.0 another is, and both are always written. MariaDB wrote no default either until MDEV-29446, long before it got
another one. Seen on the four servers that are here; the releases of MariaDB are those of that issue.
"""

from __future__ import annotations

import re

MULTIBYTE = rb"(utf8(?:mb[34])?|ucs2|utf16|utf32)"
"""Character sets that a newer server gives another default collation; those of eight bits have kept theirs."""
_OPTION = re.compile(rb"[^']*?\b(?:CHARSET|CHARACTER SET)[= ]" + MULTIBYTE + rb"\b(?! COLLATE)")
_COLUMN = re.compile(
    rb"\A *`(?:[^`]|``)*` (?:(?:var)?char\(\d+\)|(?:tiny|medium|long)?text) CHARACTER SET "
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
"""From which release of a series on MariaDB writes every collation; later series always have."""
_MASK = "5.5.5-"
"""What MariaDB puts before its version, so that replicas of MySQL take it for one of theirs."""
_UTF8MB4_CHANGED = (8,)
"""MySQL's release with another default."""


def default_of(charset: str) -> str:
    """Return the collation that a server left out, under the name that goes with its name of the character set."""
    return f"{charset}_general_ci"


def leaves_out(version: str, charset: str) -> bool:
    """Tell whether a server of this version names no collation where it is `default_of` the character set.

    version: as a dump's first lines have it, "" where they do not say.
    """
    numbers = tuple(map(int, re.findall(r"\d+", version.removeprefix(_MASK))[:3]))
    if not numbers:
        return False
    if "mariadb" in version.lower():
        series = numbers[:2]
        return numbers[2:] < (_MARIADB_SAYS[series],) if series in _MARIADB_SAYS else series < min(_MARIADB_SAYS)
    return charset != "utf8mb4" or numbers < _UTF8MB4_CHANGED


def unsaid(line: bytes, at: int | None) -> re.Match[bytes] | None:
    """Find the character set without a collation in a line of a table's definition; group 1 is its name.

    at: where the table's own options begin; None for a column.
    """
    return _COLUMN.match(line) if at is None else _OPTION.match(line, at)
