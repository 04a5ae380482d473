"""Forecast the duration of an upgrade on a database of another size from measured durations.

Every step is modelled as a constant part and a part that grows with the database. Two errors are stated: the
uncertainty of the line at that size (from the scatter of the measurements), and its error when the largest
measured size is forecast from the smaller ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, linear_regression

from harness.errors import UsageError
from harness.verdict import Report

CHECK = "time"
QUESTION = "How long will the site be down?"
REPAIR = "announce a longer downtime, or move old tickets and attachments out first"
SIZES = 3
"""Minimum number of different sizes: through two points there always is a line."""
APART = 1.25
"""Minimum ratio of two sizes that count as different."""
TRUSTED = 0.3
"""Maximum relative error at the largest size: a line that misses it by more says nothing about a larger one."""
FARTHEST = 50.0
"""Maximum size of a forecast, in multiples of the largest measured size."""
# Student's t, two-sided 90 %, by degrees of freedom; above the table, the normal distribution's value.
_T = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81)
_T_MANY = 1.65


@dataclass(frozen=True)
class Measured:
    """A measured upgrade. megabytes: size before it. seconds: total duration. steps: seconds by step."""

    megabytes: float
    seconds: float
    steps: Mapping[str, float]


@dataclass(frozen=True)
class Forecast:
    """Forecast seconds for a database of `megabytes`. error: half the width of the 90 % interval, in seconds.

    missed: relative error of a forecast of the largest measured size from the smaller ones.
    """

    megabytes: float
    seconds: float
    error: float
    missed: float
    steps: Mapping[str, float]

    @property
    def longest(self) -> float:
        """Return the upper end of the interval: the duration to announce."""
        return self.seconds + self.error


def forecast(measured: Sequence[Measured], megabytes: float) -> Forecast:
    """Forecast an upgrade of a database of this size: never less than what a smaller one was measured to take.

    Raises UsageError with fewer than three different sizes, or if the size is too far from all measured ones.
    """
    sizes: list[float] = []
    for size in sorted(one.megabytes for one in measured):
        if not sizes or size >= APART * sizes[-1]:  # repeated measurements of one size differ slightly
            sizes.append(size)
    if len(sizes) < SIZES:
        raise UsageError(
            f"A forecast needs {SIZES} different sizes, and there are {len(sizes)}.", repair="measure more sizes"
        )
    if megabytes > FARTHEST * sizes[-1]:
        raise UsageError(
            f"{megabytes:.0f} MB is more than {FARTHEST:.0f} times the largest size measured, {sizes[-1]:.0f} MB.",
            repair="measure larger sizes (--largest)",
        )
    seconds, error = _line([(one.megabytes, one.seconds) for one in measured], megabytes)
    names = dict.fromkeys(name for one in measured for name in one.steps)
    steps = {
        name: max(0.0, _line([(one.megabytes, one.steps.get(name, 0.0)) for one in measured], megabytes)[0])
        for name in names
    }
    # Near the small sizes a line that the large ones determine may even be below zero.
    smaller = [one for one in measured if one.megabytes <= megabytes]
    alike = [[one.seconds for one in smaller if size <= one.megabytes < APART * size] for size in sizes]
    seconds = max([0.0, seconds, *map(fmean, filter(None, alike))])
    error = max([error, *(one.seconds - seconds for one in smaller)])
    return Forecast(megabytes, seconds, error, _missed(measured, sizes), steps)


def room(measured: Sequence[tuple[float, float]], megabytes: float) -> float:
    """Forecast the MB of free disk that an upgrade of a database of this size needs.

    measured: (MB of the database, MB of free disk needed). A part of it is needed at every size, so it is not
    proportional.
    """
    return max([_line(measured, megabytes)[0], *(needed for size, needed in measured if size <= megabytes)])


def _line(points: Sequence[tuple[float, float]], at: float) -> tuple[float, float]:
    """Return a fitted straight line's value at `at`, and half the width of its 90 % prediction interval."""
    xs, ys = zip(*points, strict=True)
    slope, base = linear_regression(xs, ys)
    free = len(points) - 2
    middle = fmean(xs)
    spread = sum((x - middle) ** 2 for x in xs)
    scatter = sqrt(sum((y - base - slope * x) ** 2 for x, y in points) / free) if free else 0.0
    factor = _T[free - 1] if 0 < free <= len(_T) else _T_MANY
    return base + slope * at, factor * scatter * sqrt(1 + 1 / len(points) + (at - middle) ** 2 / spread)


def _missed(measured: Sequence[Measured], sizes: Sequence[float]) -> float:
    """Forecast the largest size from the others; return the relative error."""
    smaller = [(one.megabytes, one.seconds) for one in measured if one.megabytes < sizes[-1]]
    truth = fmean(one.seconds for one in measured if one.megabytes >= sizes[-1])
    return abs(_line(smaller, sizes[-1])[0] - truth) / truth


def check(made: Forecast, measured: Sequence[Measured], budget: float | None = None) -> Report:
    """Judge a forecast. budget: seconds that the site may be down; None if not given.

    A forecast that does not fit its own measurements counts as not having looked at anything, so it proves
    nothing.
    """
    report = Report(CHECK, QUESTION, unit="upgrades measured", repair=REPAIR)
    report.facts = {"seconds": made.seconds, "error": made.error, "missed": made.missed, "steps": dict(made.steps)}
    if made.missed > TRUSTED:
        report.unanswered.append(
            f"the downtime: a straight line misses the largest size by {made.missed:.0%}, so it says nothing"
        )
        return report
    report.looked_at = len(measured)
    if budget is not None and made.longest > budget:
        slowest = sorted(made.steps.items(), key=lambda one: -one[1])[:5]
        report.find(
            f"{made.megabytes:.0f} MB",
            f"the upgrade may take {made.longest:.0f} s, and the site may be down for {budget:.0f} s",
            samples=tuple(f"step {name}: {seconds:.1f} s" for name, seconds in slowest),
        )
    return report
