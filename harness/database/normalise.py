"""Bring to one form what servers, and the library that reads them, express differently."""

from __future__ import annotations

import re
from typing import Any

_WIDTH = re.compile(r"\b((?:tiny|small|medium|big)?int)\(\d+\)")


def as_text(value: Any) -> str:
    """Return a value of a row as text; bytes that are not UTF-8 become surrogates, so that no two become equal."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def as_text_or_none(value: Any) -> str | None:
    """Return a value of a row as text, None for NULL."""
    return None if value is None else as_text(value)


def column_type(declared: str) -> str:
    """Return a column's type without the display width of integers, which MySQL 8 no longer has."""
    return _WIDTH.sub(r"\1", declared).lower()


def charset_name(name: str) -> str:
    """Replace the alias utf8 by utf8mb3 in the name of a character set or collation: servers use either."""
    return re.sub(r"^utf8(?=_|$)", "utf8mb3", name)


def default(value: str | None, *, quoted: bool) -> str | None:
    """Return a default as SQL. MariaDB reports SQL already, MySQL the bare value; "NULL" is no default.

    quoted: whether the server reports SQL.
    """
    if value is None or (quoted and value.upper() == "NULL"):
        return None
    if value.lower().removesuffix("()") == "current_timestamp":
        return "current_timestamp()"
    if quoted:
        return value[1:-1] if re.fullmatch(r"'-?\d+'", value) else value
    return value if re.fullmatch(r"-?\d+", value) else "'" + value.replace("'", "''") + "'"


def attribute(extra: str) -> str:
    """Return what a column has besides type and default, such as "auto_increment"."""
    name = extra.replace("DEFAULT_GENERATED", "").strip().lower()
    return f"{name}()" if name.endswith("current_timestamp") else name


def referential_rule(rule: str) -> str:
    """Return the rule of a foreign key; NO ACTION means RESTRICT to InnoDB."""
    return "RESTRICT" if rule == "NO ACTION" else rule
