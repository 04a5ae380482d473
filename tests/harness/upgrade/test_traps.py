"""The traps' data and their page are consistent."""

from __future__ import annotations

from harness.traps import read
from harness.traps.__main__ import PAGE, page


def test_the_page_is_made_of_the_data() -> None:
    """A page that was not generated again shows outdated findings."""
    assert PAGE.read_text(encoding="utf-8") == page(read())


def test_there_are_enough_and_each_has_a_name() -> None:
    """At least twenty were promised, and a duplicate name would hide a trap."""
    names = [trap.name for trap in read()]
    assert len(names) >= 20
    assert len(set(names)) == len(names)


def test_some_are_sprung_every_day() -> None:
    """All of them take minutes, so one of each kind must be in every test run."""
    everyday = [trap for trap in read() if trap.everyday]
    assert 4 <= len(everyday) <= 8
    assert {trap.refused for trap in everyday} == {True, False}


def test_what_is_not_run_is_judged_by_preflight_alone() -> None:
    """A sign of another check would require an upgrade that is not run."""
    refused = [trap for trap in read() if trap.refused]
    assert len(refused) > 4
    assert {check for trap in refused for check in trap.checks} == {"preflight"}
