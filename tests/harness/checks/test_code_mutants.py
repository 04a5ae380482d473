"""Code that lives in the data: what loaded and does not any more is a loss, what never did is none."""

from __future__ import annotations

import pytest

from harness.checks import absorbed, code
from harness.checks.absorbed import Copy
from harness.verdict import Report

GOOD, BAD = {"code": "loads", "action": "loads"}, {"code": "loads", "action": "does not load"}


def judged(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> Report:
    """Return what is said of two sides that said this."""
    report = Report("meaning", "", looked_at=1)
    code.judge(report, {code.SECTION: before}, {code.SECTION: after})
    return report


@pytest.mark.mutants("meaning")
@pytest.mark.parametrize("before", [{"scrip 7": GOOD}, {}], ids=["loaded", "new"])
def test_what_loads_no_longer_is_found(before: dict[str, dict[str, str]]) -> None:
    """What only the new side has, a step has made, and it must load."""
    [finding] = judged(before, {"scrip 7": BAD, "scrip 8": GOOD}).findings
    assert finding.what.startswith("the action of 1 scrips loaded")
    assert finding.samples == ("scrip 7",)
    assert "(7)" in finding.sql


@pytest.mark.control("meaning")
@pytest.mark.parametrize("after", [BAD, GOOD], ids=["as before", "better"])
def test_what_never_loaded_is_a_fact(after: dict[str, str]) -> None:
    """A module of a CONFIG that was not given is on neither side, and who mends it does no harm."""
    report = judged({"scrip 7": BAD}, {"scrip 7": after})
    assert report.findings == []
    assert bool(report.facts) == (after is BAD)


def test_scripts_are_read_whatever_their_quotes() -> None:
    """What is no call is none."""
    text = """upgrade-a:copy_tables('RTxA','A',\\@columns);
upgrade-b:    copy_tables( "RTxB", "B", \\@columns );
upgrade-b:sub copy_tables {
"""
    assert absorbed.parse(text) == [Copy("upgrade-a", "RTxA", "A"), Copy("upgrade-b", "RTxB", "B")]
