"""Content of a shape that the harness does not know: no answer about it, and all answers about everything else.

Perl has frozen it, by any of twenty years' programs: it may have any shape.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from harness.verdict import Report

UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What a rule of ours raises that meets another shape than it was written for."""


def words(error: Exception) -> str:
    """Say where such content was met, without saying what it is."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return f"content of a shape that the harness does not know ({where}: please report it)"


@contextlib.contextmanager
def readable(report: Report, what: str) -> Iterator[None]:
    """Leave a question open, and go on, where something within cannot read what it met."""
    try:
        yield
    except UNREADABLE as error:
        report.unanswered.append(f"{what}: {words(error)}")
