"""An upgrade is interrupted at any point: the result is recognised, not served, and mended by the backup.

pytest tests/upgrade/test_killed.py [--kill-at 10,50,5.0.2,steps] [--pair FROM:TO] [--server NAME] [--dump FILE]
"""

from __future__ import annotations

import pytest

from harness.drills.interruption import Cut
from harness.drills.killing import BOUNDARIES, Killing

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("killed"), pytest.mark.timeout(3600)]


def test_an_upgrade_cut_off_is_recognised_and_mended(killing: Killing, cut: Cut, where: str) -> None:
    """Operators resume a half upgrade, or serve it, if nothing identifies it as one."""
    places = killing.statements([where])
    reports = [killing.kill(cut, place) for place in places]
    assert places
    assert [str(report) for report in reports if not report] == []


def test_steps_stands_for_the_beginning_of_each(killing: Killing) -> None:
    """An omitted boundary could be the one where production stops."""
    _, undisturbed = killing.upgraded()
    places = killing.statements([BOUNDARIES])
    assert [place.step for place in places] == [step.name for step in undisturbed.run.steps]
    assert places, "an upgrade without a step has no place to be cut off at"
