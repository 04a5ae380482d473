"""The forecast of a downtime is exact for linear measurements and refused for others."""

from __future__ import annotations

from itertools import pairwise

import pytest

from harness.drills import downtime
from harness.drills.downtime import Measured
from harness.errors import UsageError
from harness.forecast import conclude, sizes
from harness.verdict import Outcome


def upgrades(*points: tuple[float, float]) -> list[Measured]:
    """Return upgrades of (MB, seconds), half of each spent in one step."""
    return [Measured(size, seconds, {"4.5.2": seconds / 2}) for size, seconds in points]


STRAIGHT = upgrades((10, 5.0), (100, 14.0), (200, 24.0), (400, 44.0))
NOISY = upgrades((10, 5.5), (100, 13.0), (200, 25.5), (400, 43.0))


def test_what_grows_evenly_is_forecast_exactly() -> None:
    """Measurements of four seconds plus a tenth of a second per MB must be continued exactly."""
    made = downtime.forecast(STRAIGHT, 1000)
    assert (made.seconds, made.error, made.missed) == pytest.approx((104.0, 0.0, 0.0), abs=1e-6)
    assert made.steps["4.5.2"] == pytest.approx(52.0)


def test_scatter_widens_the_forecast_and_distance_widens_it_more() -> None:
    """Scattered measurements give a wider interval, and more so at a greater distance."""
    near, far = downtime.forecast(NOISY, 400), downtime.forecast(NOISY, 4000)
    assert 0 < near.error < far.error
    assert far.longest > far.seconds
    assert near.seconds - near.error < 44 < near.longest


def test_every_upgrade_counts_not_only_the_mean_of_a_size() -> None:
    """Two rounds that differ are an error, even if their mean lies on the line."""
    rounds = upgrades((10, 4.0), (10, 6.0), (100, 13.0), (100, 15.0), (200, 23.0), (200, 25.0))
    assert downtime.forecast(rounds, 200).error > 1


SMALL = upgrades((7, 1.9), (7, 2.0), (94, 3.0), (94, 3.2), (140, 8.0), (140, 8.4), (270, 19.0), (270, 21.0))
"""Upgrades of a small dump: the line through them is below zero at 0 MB."""


def test_a_larger_database_takes_no_less_than_a_smaller_one_was_measured_to_take() -> None:
    """A downtime announced by less than what was just measured is wrong whatever the line says."""
    made = downtime.forecast(SMALL, 20)
    assert made.seconds >= 1.95
    assert made.longest >= 2.0
    assert downtime.forecast(SMALL, 300).seconds > 19


def test_free_disk_is_not_proportional_to_the_size() -> None:
    """Redo logs and undo space are written at every size: 7 MB needed 14 MB, so 20 MB need no less."""
    measured = [(7.0, 14.0), (94.0, 64.0), (140.0, 90.0), (270.0, 165.0)]
    assert downtime.room(measured, 20) == pytest.approx(21.5, abs=1.5)
    assert downtime.room([(7, 14), (94, 10), (140, 90), (270, 200)], 20) >= 14


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (None, "No verdict: --budget (make: BUDGET=) says for how many seconds the site may be down."),
        (200, "GO: at most 104 s, and the site may be down for 200 s."),
        (100, "the upgrade may take 104 s, and the site may be down for 100 s"),
    ],
)
def test_the_last_line_says_what_was_asked(budget: float | None, said: str) -> None:
    """GO on a downtime that nobody has limited would say more than was asked."""
    made = downtime.forecast(STRAIGHT, 1000)
    text = conclude(Outcome([downtime.check(made, STRAIGHT, budget)]), made, budget)
    assert said in text
    assert text.endswith("NO-GO") == (budget == 100)


@pytest.mark.parametrize(
    ("measured", "size"),
    [(STRAIGHT[:2], 100), (STRAIGHT[:2] * 3, 100), (STRAIGHT, 400 * 51)],
    ids=["two-sizes", "two-sizes-often", "far-beyond"],
)
def test_what_cannot_be_forecast_is_refused(measured: list[Measured], size: float) -> None:
    """Through two points there always is a line, and far beyond the measured sizes nothing is known."""
    with pytest.raises(UsageError):
        downtime.forecast(measured, size)


@pytest.mark.parametrize(
    ("seconds", "budget", "found", "looked"),
    [
        ((5, 14, 24, 44), 200, False, True),
        ((5, 14, 24, 44), 100, True, True),
        ((5, 14, 24, 44), None, False, True),
        ((5, 13, 36, 120), None, False, False),
        ((5, 14, 24, 14), None, False, False),
    ],
    ids=["within-the-budget", "over-the-budget", "no-budget", "grows-faster-than-the-data", "stops-growing"],
)
def test_the_verdict(seconds: tuple[float, ...], budget: float | None, found: bool, looked: bool) -> None:
    """An exceeded budget must be found; a line that does not fit must prove nothing either way."""
    measured = upgrades(*zip((10, 100, 200, 400), seconds, strict=True))
    report = downtime.check(downtime.forecast(measured, 1000), measured, budget)
    assert (bool(report.findings), bool(report.looked_at)) == (found, looked)
    assert bool(report) == (looked and not found)
    unproven = Outcome([report]).unproven()
    assert ["a straight line misses" in text for text in unproven] == [True] * (not looked), "told once, and why"


@pytest.mark.parametrize(("own", "largest"), [(7, 256), (7, 30), (7, 28)])
def test_there_are_always_enough_sizes(own: float, largest: float) -> None:
    """The sizes must start at the dump's own, and each must be at least twice the one before."""
    found = sizes(own, largest)
    assert len(found) >= downtime.SIZES
    assert found[0] == own
    assert all(next_one >= 2 * one for one, next_one in pairwise(found))


def test_a_large_dump_is_not_grown_beyond_what_was_asked_for() -> None:
    """Four times a dump of hundreds of gigabytes would fill a disk that others need."""
    with pytest.raises(UsageError, match="three sizes"):
        sizes(500, 256)


def test_one_size_measured_as_two_is_one() -> None:
    """Servers report their size roughly; sizes that differ by 0.1 MB must not count as two."""
    bent = upgrades((10, 5), (10, 5), (128, 20), (128, 20), (256, 200), (256.1, 200))
    assert downtime.forecast(bent, 1000).missed > downtime.TRUSTED
    with pytest.raises(UsageError):
        downtime.forecast(upgrades((10, 5), (128, 20), (128.1, 20)), 100)
