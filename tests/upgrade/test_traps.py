"""Real traps, each a small patch of a good dump, with the verdict that it must get and why."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lifecycle import Lifecycle
from harness.traps import Trap, read
from harness.traps.scene import spring

pytestmark = pytest.mark.engine


def _parameter(trap: Trap) -> Any:
    """Return the trap as a parameter; one that is not seen yet must fail, and the suite says so once it is."""
    marks = [] if trap.everyday else [pytest.mark.slow]
    if trap.waits_for:
        marks.append(pytest.mark.xfail(reason=trap.waits_for, raises=AssertionError))
    return pytest.param(trap, id=trap.name, marks=marks)


@pytest.mark.parametrize("trap", [_parameter(trap) for trap in read()])
def test_a_trap_gets_its_verdict(lifecycle: Lifecycle, trap: Trap) -> None:
    """What stops people is named before it stops them; what does not is not cried wolf over."""
    sprung = spring(lifecycle, trap)
    seen = (sprung.verdict, sprung.refused, sprung.missing)
    assert seen == (trap.verdict, trap.refused, []), str(sprung)
