"""Format numbers, durations and foreign text uniformly in everything that people read."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

_CREDENTIALS = re.compile(r"(?<=://)[^/\s\"'<>]+(?=@)")
_SECRET_NAME = re.compile(r"passw|secret|token|credential|api.?key", re.IGNORECASE)
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
HIDDEN = "(hidden)"


def duration(seconds: float) -> str:
    """Return a duration in seconds as text: 0.04 s, 1.8 s, 41 s, 4 min 12 s, 1 h 02 min."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 0.095:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def number(value: float) -> str:
    """Return a number with thousands separators: 48,310."""
    return f"{value:,}"


def amount(number_of: int, things: str) -> str:
    """Return a number with its noun, given in the plural: "48,310 rows", "1 line of output"."""
    return f"{number(number_of)} {re.sub(r'(?<=[a-z]{2})s(?![a-z])', '', things) if number_of == 1 else things}"


def option(name: str, value: str = "") -> str:
    """Return how an option is given to a command, and to make: "--from 4.4.6 (make: FROM=4.4.6)"."""
    return f"--{name}{' ' if value else ''}{value} (make: {name.upper().replace('-', '_')}={value})"


def listed(items: Sequence[str], most: int) -> str:
    """Return at most so many items, and the number of the others: "a, b and 3 more"."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {number(rest)} more" if rest > 0 else "")


def one_line(text: str, length: int) -> str:
    """Return the text on one line of at most `length` characters."""
    flat = text.replace("\n", " ").rstrip()
    return flat if len(flat) <= length else flat[: length - 3].rstrip() + "..."


def plain(text: str) -> str:
    r"""Return foreign text with characters that could steer a terminal or break XML escaped: ESC becomes \x1b.

    Line breaks and tabs stay. Marks that reverse the reading direction are escaped too, because they can make a
    line read differently from its content. Combining characters are left alone.
    """
    text = text.replace("\r\n", "\n")
    return _CONTROL.sub(lambda found: _visible(found[0]), text)


def _visible(character: str) -> str:
    code = ord(character)
    if unicodedata.category(character) == "Cc":
        return f"\\x{code:02x}"
    return f"\\u{code:04x}"


def redact(text: str) -> str:
    """Return the text without the user name and password of any URL in it."""
    return _CREDENTIALS.sub(HIDDEN, text)


def is_secret(name: str) -> bool:
    """Tell from a setting's name whether its value is secret and must not be written down."""
    return bool(_SECRET_NAME.search(name))
