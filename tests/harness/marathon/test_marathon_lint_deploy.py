"""The lint rules about updates, ports and placement: L02, L07, L15, L16, L19 to L22."""

from __future__ import annotations

import copy

import pytest

from harness.marathon.standin.normalize import normalize, parse
from harness.marathon.standin.render import app_json
from tests.harness.marathon.lint_cases import (
    FORMS,
    ON_1_4,
    SINCE_1_5,
    App,
    Change,
    Form,
    both,
    docker,
    drop,
    findings,
    good,
    no_network,
    port,
    put,
)
from tests.harness.marathon.lint_cases_deploy import DELAY, MAPPINGS, alone


def test_a_fixed_port_on_one_host_is_said_once() -> None:
    """The constraint is no additional problem with a port that a second task cannot have anyway."""
    change = both(put(instances=1, constraints=[["hostname", "CLUSTER", "a"]]), port(hostPort=8080))
    for form in FORMS:
        assert [one.where for one in findings(form, change) if one.rule.id == "L22"] == [MAPPINGS]


@pytest.mark.parametrize(("field", "place"), [("hostname", "host"), ("rack_id", "rack_id")])
def test_where_there_is_no_room_for_the_new_task_is_said(field: str, place: str) -> None:
    """Of hosts there may be many in one rack."""
    for form in FORMS:
        [found] = [one for one in findings(form, alone(field, "UNIQUE")) if one.rule.id == "L22"]
        assert found.what == f"UNIQUE allows one task for each {place}: the new task needs another {place}"


def test_1_4_is_told_why_its_networks_do_not_count() -> None:
    """The definition for a newer Marathon is host mode there."""
    (found,) = [
        one
        for one in findings(ON_1_4[0], no_network, put(networks=[{"mode": "container/bridge"}]))
        if one.rule.id == "L07"
    ]
    assert "1.4 does not know `networks`" in found.what


def running(form: Form, *changes: Change) -> App:
    """Return a Marathon's answer about the definition after some changes: defaults, chosen ports and counts."""
    app = good(form)
    for change in changes:
        change(app)
    answer = app_json(normalize(parse(copy.deepcopy(app))), form[0])
    return answer | {"tasksHealthy": 4, "versionInfo": {}, "lastTaskFailure": {}, "deployments": []}


@pytest.mark.parametrize("form", FORMS)
def test_fewer_instances_together_with_another_change(form: Form) -> None:
    """Marathon computes the tasks it keeps from the NEW number: 4 to 1 with a new image keeps one old task."""
    four, one = put(instances=4), put(instances=1)

    def accused(before: App, *changes: Change) -> list[str]:
        hits = findings(form, one, *changes, previous=before)
        return [hit.what for hit in hits if hit.rule.id == "L02" and hit.where == "/instances"]

    assert accused(running(form, four)) == []
    assert accused(running(form, four, port(servicePort=0)), port(servicePort=0)) == []
    assert "together with container:" in accused(running(form, four), docker(image="rt:2"))[0]
    assert "together with env:" in accused(running(form, four), drop("env"))[0]
    assert "healthChecks, labels:" in accused(running(form, four), put(healthChecks=[], labels={}))[0]
    assert accused(running(form, one), docker(image="rt:2")) == []


def test_a_default_that_differs_between_versions_is_a_change() -> None:
    """If left out, the longest back-off is an hour up to 1.7 and five minutes from 1.8 on."""
    for form in SINCE_1_5:
        before = running(form, put(instances=4, maxLaunchDelaySeconds=300))
        hits = findings(form, drop(DELAY), put(instances=1), previous=before)
        assert any(hit.where == "/instances" for hit in hits) is (form[0] != "1.10")
