"""Find values that Python reads from JSON, or writes as such, and that JSON or UTF-8 does not have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST = 200
"""Levels of nesting; Python's own reader and writer end at about a thousand, less what is being called."""


def unsendable(document: Any) -> Iterator[tuple[str, str]]:
    """Yield place ("/env/A") and description of what no request can carry: NaN, infinities, lone surrogates.

    Marathon's reader refuses them with 400. A key is escaped, so that the place itself can be printed.
    """
    left: list[tuple[str, Any, int]] = [("", document, 0)]
    while left:  # not recursive: a document may be nested deeper than Python calls
        where, value, depth = left.pop()
        if depth > DEEPEST:
            yield where[:80] or "/", f"is nested more than {DEEPEST} levels deep"
            return
        if isinstance(value, float) and not math.isfinite(value):
            yield where or "/", f"must be a finite number, is {value}"
        elif isinstance(value, str) and not _encodable(value):
            yield where or "/", "holds half of a surrogate pair, which is no character"
        elif isinstance(value, Mapping):
            for key, one in value.items():
                place = f"{where}/{str(key).encode(errors='backslashreplace').decode()}"
                if not _encodable(str(key)):
                    yield place, "has half of a surrogate pair in its key, which is no character"
                left.append((place, one, depth + 1))
        elif isinstance(value, list | tuple):
            left += [(f"{where}({index})", one, depth + 1) for index, one in enumerate(value)]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
