"""The check of interrupted upgrades must find every way in which one goes unnoticed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checks import interrupted_upgrade
from harness.verdict import Report, Verdict
from tests.harness.mutants.killed import MUTANTS, KilledMutant, clean, half_way, untouched


@pytest.mark.mutants("killed")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bad_aftermath_is_found(mutant: KilledMutant) -> None:
    """A half upgraded database that is served, or considered complete, is the worst case."""
    assert interrupted_upgrade.check(mutant.damage(half_way())).findings, mutant.reason


def test_what_was_cut_off_is_no_go_by_the_verdict() -> None:
    """Recognised means: the verdict on it is NO-GO, and GO only if the upgrade came through."""
    assert half_way().verdict() is untouched().verdict() is Verdict.NO_GO
    assert replace(half_way(), run=clean("run"), history=clean("history")).verdict() is Verdict.GO
    assert replace(half_way(), run=Report("run", "?"), history=clean("history")).verdict() is Verdict.NOT_PROVEN


@pytest.mark.control("killed")
def test_a_good_aftermath_is_silent() -> None:
    """Both in the middle, and before anything was changed."""
    assert interrupted_upgrade.check(half_way())
    assert interrupted_upgrade.check(untouched())
