"""Handle content in an unknown format: it becomes an open question, and all other content is still checked.

It was frozen by Perl, from programs of twenty years, so any format may occur.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from harness.verdict import Report

UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""Errors that the harness's rules raise on content of an unexpected format."""


def words(error: Exception) -> str:
    """Describe where such content was met, without quoting it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return f"content of a shape that the harness does not know ({where}: please report it)"


@contextlib.contextmanager
def readable(report: Report, what: str) -> Iterator[None]:
    """Turn an error in reading content into an open question, so that the check continues."""
    try:
        yield
    except UNREADABLE as error:
        report.unanswered.append(f"{what}: {words(error)}")
