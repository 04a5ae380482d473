"""Whoever does something slow says so in a line: to a terminal, to a progress, or to nobody."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]


def quiet(_: str) -> None:
    """Tell nobody."""
