"""A downtime may only be announced on measurements that support it."""

from __future__ import annotations

import contextlib

import pytest

from harness.drills import downtime
from harness.errors import UsageError
from harness.verdict import Outcome, Report, Verdict
from tests.harness.mutants.time import BUDGET, MUTANTS, SIZE, Measurements, TimeMutant, good


def judged(measured: Measurements) -> Report | None:
    """Return the report; None where a forecast is refused."""
    with contextlib.suppress(UsageError):
        return downtime.check(downtime.forecast(measured, SIZE), measured, BUDGET)
    return None


@pytest.mark.mutants("time")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_measurements_that_support_nothing_are_no_go_ahead(mutant: TimeMutant) -> None:
    """Announcing two minutes for an hour's downtime is the failure that this prevents."""
    report = judged(mutant.damage(good()))
    assert (report is None) == mutant.refused
    assert report is None or Outcome([report]).verdict() is not Verdict.GO


@pytest.mark.control("time")
def test_good_measurements_are_a_go_ahead() -> None:
    """A forecast that always warns is ignored."""
    assert judged(good())
