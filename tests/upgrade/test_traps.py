"""Real traps, each a small patch of a good dump, with the expected verdict and its reason."""

from __future__ import annotations

import pytest

from harness.traps import Trap, read
from harness.traps.run import run_trap
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    "trap",
    [pytest.param(one, id=one.name, marks=[] if one.everyday else [pytest.mark.slow]) for one in read()],
)
def test_a_trap_gets_its_verdict(lifecycle: Lifecycle, trap: Trap) -> None:
    """A blocking trap must be named before the upgrade; a harmless one must cause no alarm."""
    result = run_trap(lifecycle, trap)
    seen = (result.verdict, result.refused, result.missing)
    assert seen == (trap.verdict, trap.refused, []), str(result)
