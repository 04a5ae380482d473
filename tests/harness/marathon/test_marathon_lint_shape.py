"""Lint rule L06: types, ranges, keys, and the rules that span several keys."""

from __future__ import annotations

import pytest

from harness.marathon.definition import App
from harness.marathon.lint import lint
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


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ({"id": "/rt", "containers": [{"name": "rt"}], "scaling": {"kind": "fixed", "instances": 2}}, "pod"),
        ({"id": "/rt", "scaling": {"kind": "fixed", "instances": 2}}, "pod"),
        ({"id": "/rt", "apps": [{"id": "web", "cmd": "sleep 9"}]}, "group"),
        ({"id": "/rt", "groups": []}, "group"),
    ],
)
def test_a_pod_or_group_is_called_one(definition: App, kind: str) -> None:
    """Marathon has these too; "there is nothing to run" and "unknown key" would send people the wrong way."""
    found = lint(definition)
    assert [(one.rule.id, one.level, one.where) for one in found] == [("L06", "E", "/")]
    assert f"this is a {kind}: only apps are read" in found[0].what


@pytest.mark.parametrize("key", ["containers", "apps"])
def test_an_app_with_a_key_of_a_pod_or_group_is_an_app(key: str) -> None:
    """A key too many is a warning."""
    hits = [one for one in findings(NEW_FORMS[0], put(**{key: []})) if one.where == f"/{key}"]
    assert [one.level for one in hits] == ["W"]
