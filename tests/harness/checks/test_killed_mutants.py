"""The check of cut off upgrades must find every way in which one goes unnoticed."""

from __future__ import annotations

import pytest

from harness.checks import killed
from harness.mutants.killed import MUTANTS, KilledMutant, half_way, untouched


@pytest.mark.mutants("killed")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bad_aftermath_is_found(mutant: KilledMutant) -> None:
    """A half upgraded database that is served, or thought whole, is the worst case."""
    assert killed.check(mutant.damage(half_way())).findings, mutant.reason


@pytest.mark.control("killed")
def test_a_good_aftermath_is_silent() -> None:
    """In the middle, and before anything was changed."""
    assert killed.check(half_way())
    assert killed.check(untouched())
