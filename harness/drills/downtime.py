"""How long an upgrade will take on a database of another size, from how long it took on some.

Every step is taken as a part that it always costs and a part that grows with the database. Two errors are
stated: how far such a line can be off at that size (from the scatter of what was measured), and how far off it
was when the largest size measured was forecast from the smaller ones.
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
"""Different sizes at least: through two points there always is a line."""
APART = 1.25
"""Sizes closer together than this are one size."""
TRUSTED = 0.3
"""A line that misses the largest size by more than this part of it says nothing about a larger one."""
FARTHEST = 50.0
"""Times the largest size that was measured; what lies beyond is not forecast."""
# Student's t, two-sided 90 %, by degrees of freedom; the normal distribution's value above.
_T = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81)
_T_MANY = 1.65


@dataclass(frozen=True)
class Measured:
    """One upgrade. megabytes: size before it. seconds: from start to end. steps: seconds by step."""

    megabytes: float
    seconds: float
    steps: Mapping[str, float]


@dataclass(frozen=True)
class Forecast:
    """Seconds on a database of `megabytes`. error: half the width of the 90 % interval, in seconds.

    missed: by which part of itself the largest size measured would have been forecast wrongly.
    """

    megabytes: float
    seconds: float
    error: float
    missed: float
    steps: Mapping[str, float]

    @property
    def longest(self) -> float:
        """Return the upper end of the interval: what an announcement should say."""
        return self.seconds + self.error


def forecast(measured: Sequence[Measured], megabytes: float) -> Forecast:
    """Forecast an upgrade of a database of this size.

    Raises UsageError with fewer than three sizes, or when the size lies too far from all that was measured.
    """
    sizes: list[float] = []
    for size in sorted(one.megabytes for one in measured):
        if not sizes or size >= APART * sizes[-1]:  # the same size twice is never measured as quite the same
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
    return Forecast(megabytes, max(0.0, seconds), error, _missed(measured, sizes), steps)


def _line(points: Sequence[tuple[float, float]], at: float) -> tuple[float, float]:
    """Return a straight line's value there, and half the width of its 90 % prediction interval."""
    xs, ys = zip(*points, strict=True)
    slope, base = linear_regression(xs, ys)
    free = len(points) - 2
    middle = fmean(xs)
    spread = sum((x - middle) ** 2 for x in xs)
    scatter = sqrt(sum((y - base - slope * x) ** 2 for x, y in points) / free) if free else 0.0
    factor = _T[free - 1] if 0 < free <= len(_T) else _T_MANY
    return base + slope * at, factor * scatter * sqrt(1 + 1 / len(points) + (at - middle) ** 2 / spread)


def _missed(measured: Sequence[Measured], sizes: Sequence[float]) -> float:
    """Forecast the largest size from the others; return the part by which that is wrong."""
    smaller = [(one.megabytes, one.seconds) for one in measured if one.megabytes < sizes[-1]]
    truth = fmean(one.seconds for one in measured if one.megabytes >= sizes[-1])
    return abs(_line(smaller, sizes[-1])[0] - truth) / truth


def check(made: Forecast, measured: Sequence[Measured], budget: float | None = None) -> Report:
    """Judge a forecast. budget: seconds that the site may be down; None when nobody said.

    A forecast that does not fit its own measurements looks at nothing, so that it proves nothing.
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
