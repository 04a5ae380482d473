"""What a test measures reaches the reader of a run, parallel or not."""

from __future__ import annotations

import pytest

pytest_plugins = ("pytester",)
TESTS = """
def test_kills(say):
    say("sessions lost: 1")

def test_kills_that_lose(say):
    say("sessions lost: 9")
    assert False
"""


@pytest.mark.parametrize("parallel", [(), ("-n", "1")], ids=["alone", "parallel"])
def test_a_measurement_is_printed(pytester: pytest.Pytester, parallel: tuple[str, ...]) -> None:
    """A worker's own output is thrown away; all targets of make run in workers."""
    pytester.makepyfile(TESTS)
    done = pytester.runpytest_inprocess("-p", "fixtures.measured", *parallel)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*= measured =*", "test_kills: sessions lost: 1", "*_lose: sessions lost: 9"])


def test_nothing_measured_is_not_announced(pytester: pytest.Pytester) -> None:
    """Most runs measure nothing."""
    pytester.makepyfile("def test_one(): pass")
    pytester.runpytest_inprocess("-p", "fixtures.measured").stdout.no_fnmatch_line("*= measured =*")
