"""Define the callback by which slow operations report progress, one line at a time."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]


def quiet(_: str) -> None:
    """Discard the message."""
