"""Durations of the kill tests, and their time limits."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

SHORT, LONG = 0.0, 60.0
"""Seconds of kills, unless --kill-seconds is given; a run goes on until the minimum number of kills is done."""
BESIDE = 600.0
"""Seconds for all but the kills themselves, on a busy machine."""


def durations(asked: float | None) -> list[ParameterSet]:
    """Return the durations of kills to run, each with the time limit of its test."""
    if asked:
        return [pytest.param(asked, id="as-asked", marks=pytest.mark.timeout(BESIDE + 2 * asked))]
    return [pytest.param(SHORT, id="short"), pytest.param(LONG, id="a-minute", marks=[pytest.mark.slow])]
