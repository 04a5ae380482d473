"""Code that lives in the data: no longer loading is a loss, never having loaded is none."""

from __future__ import annotations

import pytest

from harness.checks import code
from harness.checks.schema import absorbed
from harness.checks.schema.absorbed import Copy
from harness.verdict import Report

GOOD, BAD = {"code": "loads", "action": "loads"}, {"code": "loads", "action": "does not load"}


def judged(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> Report:
    """Return the report on two sides with these results."""
    report = Report("meaning", "", looked_at=1)
    code.judge(report, {code.SECTION: before}, {code.SECTION: after})
    return report


@pytest.mark.mutants("meaning")
@pytest.mark.parametrize("before", [{"scrip 7": GOOD}, {}], ids=["loaded", "new"])
def test_what_loads_no_longer_is_found(before: dict[str, dict[str, str]]) -> None:
    """Code that only the new side has was made by a step, and must load."""
    [finding] = judged(before, {"scrip 7": BAD, "scrip 8": GOOD}).findings
    assert finding.what.startswith("the action of 1 scrips loaded")
    assert finding.samples == ("scrip 7",)
    assert "(7)" in finding.sql


@pytest.mark.control("meaning")
@pytest.mark.parametrize("after", [BAD, GOOD], ids=["as before", "better"])
def test_what_never_loaded_is_a_fact(after: dict[str, str]) -> None:
    """Code with a module of a CONFIG that was not given loads on neither side; repairing it does no harm."""
    report = judged({"scrip 7": BAD}, {"scrip 7": after})
    assert report.findings == []
    assert bool(report.facts) == (after is BAD)


@pytest.mark.control("meaning")
def test_a_module_that_only_the_new_side_has_is_a_fact() -> None:
    """No step makes modules: it is of CONFIG_NEW, and nothing that worked is lost. Names may have blanks."""
    key, bad = "module RT/Old copy.pm", {"code": "does not load"}
    report = judged({}, {key: bad})
    assert report.findings == []
    assert report.facts["modules that only the new side has, and that do not load"] == [key]
    (finding,) = judged({key: {"code": "loads"}}, {key: bad}).findings
    assert finding.what.startswith("the Perl in 1 modules loaded")


def test_scripts_are_read_whatever_their_quotes() -> None:
    """Text that is no call must not be read as one."""
    text = """upgrade-a:copy_tables('RTxA','A',\\@columns);
upgrade-b:    copy_tables( "RTxB", "B", \\@columns );
upgrade-b:sub copy_tables {
"""
    assert absorbed.parse(text) == [Copy("upgrade-a", "RTxA", "A"), Copy("upgrade-b", "RTxB", "B")]
