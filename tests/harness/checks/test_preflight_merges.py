"""Tickets merged in a circle are told from those that are merged one into another."""

from __future__ import annotations

import pytest

from harness.checks.preflight.merges import circles


@pytest.mark.parametrize(
    ("merged", "found"),
    [
        ({}, []),
        ({2: 1, 3: 2, 4: 2}, []),
        ({5: 99}, []),
        ({1: 2, 2: 1}, [[1, 2]]),
        ({7: 5, 5: 6, 6: 7, 4: 5, 3: 4}, [[5, 6, 7]]),
        ({1: 2, 2: 1, 9: 8, 8: 9, 3: 1, 10: 4}, [[1, 2], [8, 9]]),
    ],
    ids=["none", "a chain", "into nothing", "two", "with tickets before it", "two circles"],
)
def test_a_circle_is_no_chain(merged: dict[int, int], found: list[list[int]]) -> None:
    """A ticket that leads into a circle is none of it: what mends the circle mends that one too."""
    assert circles(merged) == found
    assert circles(dict(reversed(merged.items()))) == found


def test_a_long_chain_takes_no_time() -> None:
    """A site may have merged a ticket a day for decades; a search in a list would never end."""
    chain = {ticket: ticket + 1 for ticket in range(1, 200_000)}
    assert circles(chain) == []
    assert circles(chain | {200_000: 1}) == [list(range(1, 200_001))]
