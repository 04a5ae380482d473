"""How long the kill tests go on, and how long they may take."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

SHORT, LONG = 0.0, 60.0
"""Seconds of kills, where --kill-seconds says nothing else; it goes on until the fewest kills are done."""
BESIDE = 600.0
"""Seconds for all but the kills themselves, on a machine that has more to do."""


def durations(asked: float | None) -> list[ParameterSet]:
    """Return the seconds of kills to be tried, each with the time that its test may take."""
    if asked:
        return [pytest.param(asked, id="as-asked", marks=pytest.mark.timeout(BESIDE + 2 * asked))]
    return [pytest.param(SHORT, id="short"), pytest.param(LONG, id="a-minute", marks=[pytest.mark.slow])]
