"""A benchmark reports an exceeded bound and exits with 1."""

from __future__ import annotations

import pytest

from benchmarks import Bounds


@pytest.mark.parametrize(("most", "least", "code"), [(3.0, 5.0, 0), (3.1, 5.0, 1), (3.0, 4.9, 1)])
def test_bounds_are_what_the_exit_code_says(
    capsys: pytest.CaptureFixture[str], most: float, least: float, code: int
) -> None:
    """A figure equal to its bound must pass."""
    bounds = Bounds()
    bounds.most("what takes", most, 3)
    bounds.least("what saves", least, 5, " s")
    assert bounds.exit_code() == code
    assert capsys.readouterr().out.count("MISSED") == code
