"""Lint rule L06: types, ranges, keys, and the rules that span several keys."""

from __future__ import annotations

import pytest

from tests.harness.marathon.lint_cases import NEW_FORMS, check, findings, put


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gracePeriod", "gracePeriodSeconds"),
        ("interval", "intervalSeconds"),
        ("protocl", "protocol"),
        ("maxconsecutivefailures", "maxConsecutiveFailures"),
        ("port_index", "portIndex"),
    ],
)
def test_a_typo_gets_a_suggestion(written: str, meant: str) -> None:
    """Marathon ignores unknown keys silently, so lint must name the right one."""
    hits = [one for one in findings(NEW_FORMS[0], check(**{written: 1})) if one.where.endswith(f"/{written}")]
    assert [(one.level, one.fix) for one in hits] == [("W", f"write {meant}")]


def test_a_lower_case_operator_gets_a_suggestion() -> None:
    """Marathon reads operators case-sensitively."""
    hits = findings(NEW_FORMS[0], put(constraints=[["hostname", "max_per", "2"]]))
    assert [(one.where, one.fix) for one in hits] == [("/constraints(0)", "write MAX_PER")]
