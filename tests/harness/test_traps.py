"""The traps' data and their page."""

from __future__ import annotations

from harness.traps import read
from harness.traps.__main__ import PAGE, page


def test_the_page_is_made_of_the_data() -> None:
    """A page that is not made anew tells of yesterday's findings."""
    assert PAGE.read_text(encoding="utf-8") == page(read())


def test_there_are_enough_and_each_has_a_name() -> None:
    """At least twenty were promised; two of one name would hide one."""
    names = [trap.name for trap in read()]
    assert len(names) >= 20
    assert len(set(names)) == len(names)
