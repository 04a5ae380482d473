"""Define measurements that do not support the announced downtime, each made from good ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.drills.downtime import Measured

Measurements = Sequence[Measured]
BUDGET, SIZE = 200.0, 1000.0
"""Seconds that the site may be down, and the size in MB for which that is asked."""


@dataclass(frozen=True)
class TimeMutant:
    """A defect of measurements. refused: whether a forecast must be refused."""

    name: str
    reason: str
    damage: Callable[[Measurements], Measurements]
    refused: bool = False
    check: str = "time"


def good() -> list[Measured]:
    """Return upgrades that grow linearly with the size: four seconds, and a tenth of one per MB."""
    return [Measured(size, 4 + size / 10, {"4.5.2": size / 20}) for size in (10, 100, 200, 400)]


def _seconds(change: Callable[[int, float], float]) -> Callable[[Measurements], Measurements]:
    """Return a damage that changes the duration of each upgrade, by its number."""
    return lambda many: [replace(one, seconds=change(number, one.seconds)) for number, one in enumerate(many)]


MUTANTS = (
    TimeMutant("twice-as-slow", "every upgrade takes twice as long", _seconds(lambda _, seconds: 2 * seconds)),
    TimeMutant(
        "always-late",
        "something waits for a minute and a half each time",
        _seconds(lambda _, seconds: seconds + 100),
    ),
    TimeMutant(
        "scattered",
        "the line is within the budget, and the next upgrade need not be",
        _seconds(lambda number, seconds: seconds + 12 * (-1) ** number),
    ),
    TimeMutant(
        "grows-faster",
        "a step compares everything with everything",
        _seconds(lambda number, seconds: seconds * 2**number / 2),
    ),
    TimeMutant(
        "stops-growing",
        "the largest upgrade ended early",
        _seconds(lambda number, seconds: 14.0 if number == 3 else seconds),
    ),
    TimeMutant("two-sizes", "through two points there is always a line", lambda many: many[:2], refused=True),
    TimeMutant(
        "two-sizes-often",
        "measured three times each, they are still two",
        lambda many: [*many[:2]] * 3,
        refused=True,
    ),
    TimeMutant(
        "one-size-as-two",
        "servers count their own size roughly",
        lambda many: [*many[:2], replace(many[1], megabytes=many[1].megabytes + 0.1)],
        refused=True,
    ),
    TimeMutant(
        "all-tiny",
        "nobody has looked anywhere near that size",
        lambda many: [replace(one, megabytes=one.megabytes / 40) for one in many],
        refused=True,
    ),
)
