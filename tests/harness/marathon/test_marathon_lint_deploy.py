"""The lint rules about updates, ports and placement: L02, L07, L15, L16, L19 to L22."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.marathon.standin.normalize import normalize, parse
from harness.marathon.standin.render import app_json
from tests.harness.marathon.lint_cases import (
    FORMS,
    NEW_FORMS,
    NONE_KEPT,
    OLD_FORMS,
    ON_1_4,
    SINCE_1_5,
    App,
    Caught,
    Change,
    Form,
    Silent,
    both,
    container,
    docker,
    drop,
    findings,
    good,
    host,
    labels,
    mappings,
    name,
    no_network,
    port,
    put,
    single,
    user_network,
)

GROUP, IMAGE = "/labels/HAPROXY_GROUP", "/container/docker/image"
NO_GROUP = labels(HAPROXY_GROUP=None)
MAPPINGS, OLD_MAPPINGS = "/container/portMappings", "/container/docker/portMappings"
STOP, DELAY = "taskKillGracePeriodSeconds", "maxLaunchDelaySeconds"
MANY = [{"containerPort": 80}]


def registry(image: str) -> Change:
    """Name another image."""
    return docker(image=image)


def ready(**fields: Any) -> Change:
    """Change the readiness check."""
    return lambda app: app["readinessChecks"][0].update(fields)


def alone(*constraint: str) -> Change:
    """One instance with one constraint."""
    return put(instances=1, constraints=[list(constraint)])


CATCHES = [
    Caught("L02", "W", "/upgradeStrategy/minimumHealthCapacity", put(upgradeStrategy=NONE_KEPT)),
    Caught("L02", "W", "/upgradeStrategy/minimumHealthCapacity", single()),
    Caught("L07", "E", MAPPINGS, no_network, NEW_FORMS),
    Caught("L07", "E", OLD_MAPPINGS, no_network, OLD_FORMS),
    Caught("L07", "E", MAPPINGS, put(networks=[{"mode": "host"}]), NEW_FORMS),
    Caught("L07", "E", OLD_MAPPINGS, docker(network="HOST"), OLD_FORMS),
    Caught("L07", "E", OLD_MAPPINGS, both(no_network, put(networks=[{"mode": "container/bridge"}])), ON_1_4),
    Caught("L07", "E", MAPPINGS, both(mappings(), container(portMappings=MANY)), ON_1_4),
    Caught("L15", "W", f"/{STOP}", drop(STOP)),
    Caught("L15", "W", f"/{STOP}", put(taskKillGracePeriodSeconds=0)),
    Caught("L15", "W", f"/{STOP}", put(taskKillGracePeriodSeconds=2)),
    Caught("L16", "W", f"/{DELAY}", put(maxLaunchDelaySeconds=301)),
    Caught("L16", "W", f"/{DELAY}", drop(DELAY), tuple(form for form in FORMS if form[0] != "1.10")),
    Caught("L19", "W", IMAGE, registry("registry.example.org/rt")),
    Caught("L19", "W", IMAGE, registry("rt:latest")),
    Caught("L19", "W", IMAGE, registry("registry.example.org:5000/rt:5.0.3-1")),
    Caught("L20", "W", GROUP, NO_GROUP),
    Caught("L20", "W", "/labels/HAPROXY_1_VHOST", labels(HAPROXY_1_VHOST="rt.example.org")),
    Caught("L20", "W", GROUP, both(host(portDefinitions=[{"port": 10001}]), NO_GROUP)),
    Caught("L20", "W", GROUP, both(host(ports=[10001]), NO_GROUP)),
    Caught("L20", "W", GROUP, both(port(servicePort=0), put(ports=[10001]), NO_GROUP)),
    Caught("L21", "E", "/readinessChecks", lambda app: app["readinessChecks"].append(app["readinessChecks"][0])),
    Caught("L21", "E", "/readinessChecks(0)/portName", port(name="web")),
    Caught("L21", "E", "/readinessChecks(0)/timeoutSeconds", ready(timeoutSeconds=10)),
    Caught("L22", "W", MAPPINGS, both(put(instances=1), port(hostPort=8080))),
    Caught("L22", "W", "/portDefinitions", host(instances=1, portDefinitions=[{"port": 443}], requirePorts=True)),
    Caught("L22", "W", "/constraints(0)", alone("hostname", "UNIQUE")),
    Caught("L22", "W", "/constraints(0)", alone("hostname", "MAX_PER", "1")),
]

SILENT = [
    Silent("L02", put(upgradeStrategy={"minimumHealthCapacity": 0.1, "maximumOverCapacity": 0})),
    Silent("L02", labels(MARATHON_SINGLE_INSTANCE_APP="True")),
    Silent("L07", put()),
    Silent("L07", user_network("dmz")),
    Silent("L07", both(no_network, put(ipAddress={"networkName": "dmz"}))),
    Silent("L07", host()),
    Silent("L15", put(taskKillGracePeriodSeconds=3)),
    Silent("L16", put(maxLaunchDelaySeconds=300)),
    Silent("L16", drop(DELAY), tuple(form for form in FORMS if form[0] == "1.10")),
    Silent("L19", registry("registry.example.org/rt@sha256:" + "0" * 64)),
    Silent("L20", both(port(servicePort=0), NO_GROUP)),
    Silent("L20", both(host(portDefinitions=[{"port": 443}], requirePorts=True),
                       labels(HAPROXY_GROUP=None, HAPROXY_0_VHOST=None))),
    Silent("L20", both(put(ports=[10001, 10002]), labels(HAPROXY_1_VHOST="rt.example.org"))),
    Silent("L21", put(readinessChecks=[])),
    Silent("L22", put(constraints=[["hostname", "UNIQUE"]])),
    Silent("L22", alone("hostname", "MAX_PER", "2")),
    Silent("L22", alone("rack", "UNIQUE")),
    Silent("L22", both(put(instances=1, upgradeStrategy=NONE_KEPT), port(hostPort=8080))),
    Silent("L22", host(instances=1, portDefinitions=[{"port": 443}])),
]  # fmt: skip


@pytest.mark.parametrize("case", CATCHES, ids=name)
def test_rule_catches(case: Caught) -> None:
    """A rule that finds nothing in what it was made for is no rule; one of the wrong level blocks, or fails to."""
    case.check()


@pytest.mark.parametrize("case", SILENT, ids=name)
def test_rule_is_silent(case: Silent) -> None:
    """A rule that speaks about good definitions is soon switched off."""
    case.check()


def test_a_fixed_port_on_one_host_is_said_once() -> None:
    """What a constraint adds to a port that a second task cannot have anyway is nothing."""
    change = both(put(instances=1, constraints=[["hostname", "CLUSTER", "a"]]), port(hostPort=8080))
    for form in FORMS:
        assert [one.where for one in findings(form, change) if one.rule.id == "L22"] == [MAPPINGS]


def test_1_4_is_told_why_its_networks_do_not_count() -> None:
    """The definition of a newer Marathon is host mode there."""
    (found,) = [one for one in findings(ON_1_4[0], no_network, put(networks=[{"mode": "container/bridge"}]))
                if one.rule.id == "L07"]  # fmt: skip
    assert "1.4 does not know `networks`" in found.what


def running(form: Form, *changes: Change) -> App:
    """What a Marathon answers about the definition after some changes: defaults, chosen ports and counts."""
    app = good(form)
    for change in changes:
        change(app)
    answer = app_json(normalize(parse(copy.deepcopy(app))), form[0])
    return answer | {"tasksHealthy": 4, "versionInfo": {}, "lastTaskFailure": {}, "deployments": []}


@pytest.mark.parametrize("form", FORMS)
def test_fewer_instances_together_with_another_change(form: Form) -> None:
    """Marathon computes what it keeps from the NEW number: 4 to 1 with a new image keeps one old task."""
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
    """Left out, the longest back-off is an hour up to 1.7 and five minutes from 1.8 on."""
    for form in SINCE_1_5:
        before = running(form, put(instances=4, maxLaunchDelaySeconds=300))
        hits = findings(form, drop(DELAY), put(instances=1), previous=before)
        assert any(hit.where == "/instances" for hit in hits) is (form[0] != "1.10")
