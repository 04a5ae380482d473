"""Properties of all lint rules: each has cases, the deployed definition is clean, dialects are distinguished."""

from __future__ import annotations

import pytest

from harness.marathon.lint import lint
from harness.marathon.lint.catalogue import DIALECTS, RULES
from tests.harness.marathon.lint_cases import FILE, FORMS, Caught, Form, Silent, findings, name, rules
from tests.harness.marathon.lint_every_case import CATCHES, SILENT


@pytest.mark.parametrize("case", CATCHES, ids=name)
def test_rule_catches(case: Caught) -> None:
    """A rule that misses its own case is useless; one of the wrong level blocks a deploy, or fails to.

    What Marathon rejects must be an error, what it ignores a warning, in each dialect in which it does.
    """
    case.check()


@pytest.mark.parametrize("case", SILENT, ids=name)
def test_rule_is_silent(case: Silent) -> None:
    """A rule that reports good definitions would soon be switched off."""
    case.check()


def test_every_rule_has_both_cases() -> None:
    """L01 to L24, each with a definition that it reports and a similar one that it does not."""
    assert rules(CATCHES) == rules(SILENT) == set(RULES)
    assert list(RULES) == [f"L{number:02}" for number in range(1, 25)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_rule_has_both_cases_in_each_dialect(dialect: str) -> None:
    """Also if the definition has another form there."""
    caught = {case.rule for case in CATCHES for form in case.forms if form[0] == dialect}
    silent = {case.rule for case in SILENT for form in case.forms if form[0] == dialect}
    assert caught == silent == set(RULES)


@pytest.mark.parametrize("form", FORMS)
def test_the_deployed_definition_is_clean(form: Form) -> None:
    """marathon.json is what is deployed; it must have neither errors nor warnings, in either input dialect."""
    assert [str(one) for one in findings(form)] == []


def test_the_deployed_definition_does_not_fit_1_4() -> None:
    """There its networks and ports are unknown keys, so nothing would listen at the balancer's port."""
    assert {one.rule.id for one in lint(FILE, "1.4") if one.level == "E"} == {"L07", "L21"}
