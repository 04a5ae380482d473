"""Both input dialects, Marathon's normalisation and its traps, and the shapes of errors and answers."""

from __future__ import annotations

from typing import Any

import pytest

from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.model import App
from harness.marathon.standin.normalize import absolute, merge, normalize, parse, service_ports
from harness.marathon.standin.render import app_json
from harness.marathon.standin.validate import validate

OLD = {
    "id": "rt",
    "container": {
        "type": "DOCKER",
        "docker": {"image": "rt", "network": "BRIDGE", "portMappings": [{"containerPort": 80}]},
    },
}
NEW = {
    "id": "/rt",
    "container": {
        "type": "DOCKER",
        "docker": {"image": "rt"},
        "portMappings": [{"containerPort": 80, "hostPort": 0}],
    },
    "networks": [{"mode": "container/bridge"}],
}
MAPPED = {"image": "rt", "portMappings": [{"containerPort": 80}]}
KEPT = {
    "type": "MESOS",
    "docker": {"image": "rt"},
    "volumes": [{"containerPath": "kept", "mode": "RW", "persistent": {"size": 1}}],
}
BOTH_ONE = {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}


def stored(document: dict[str, Any], **more: Any) -> App:
    """Return what a POST of the document stores."""
    app = normalize(parse(document), **more)
    validate(app)
    return app


def problems(document: Any) -> tuple[int, str, dict[str, list[str]]]:
    """Return status, message and details by path of the answer to a bad document."""
    with pytest.raises(ApiError) as caught:
        stored(document)
    details = caught.value.body.get("details", [])
    return caught.value.status, caught.value.body["message"], {d["path"]: d["errors"] for d in details}


def test_both_dialects_say_the_same() -> None:
    """One app in both dialects is stored as one definition."""
    assert stored(OLD) == stored(NEW)


def test_old_answers_can_be_sent_back() -> None:
    """Users edit what Marathon answered and send it again."""
    shown = app_json(stored(NEW), "1.4")
    assert shown["container"]["docker"]["network"] == "BRIDGE"
    assert shown["cmd"] is None
    assert stored(shown).configuration() == stored(NEW).configuration()


@pytest.mark.parametrize(
    "key", ["args", "labels", "healthChecks", "gpus", "maxLaunchDelaySeconds", "upgradeStrategy", "networks"]
)
def test_null_means_absent(key: str) -> None:
    """Old clients send null for every key that they do not use."""
    assert stored({**OLD, key: None}) == stored(OLD)


def test_null_means_absent_inside_as_well() -> None:
    """Health checks have such keys too."""
    check = {"path": "/x", "gracePeriodSeconds": None, "command": None, "ipProtocol": None}
    assert stored({**NEW, "healthChecks": [check]}) == stored({**NEW, "healthChecks": [{"path": "/x"}]})


@pytest.mark.parametrize(("change", "path"), [({"id": None}, "/id"), ({"labels": {"a": None}}, "/labels/a")])
def test_null_is_no_string(change: dict[str, Any], path: str) -> None:
    """Within a map null is a value, and one of the wrong type."""
    assert problems({**NEW, **change})[2] == {path: ["error.expected.jsstring"]}


def test_a_null_in_a_partial_put_changes_nothing() -> None:
    """Otherwise an old client would clear what it does not know."""
    current = {"id": "/a", "cmd": "x", "networks": [{"mode": "host"}], "portDefinitions": [{"port": 1}]}
    assert merge(current, {"cmd": None, "args": None, "networks": None}) == current


def test_both_styles_at_once_are_refused() -> None:
    """Marathon could not tell which one is meant."""
    text = "must not specify both container.docker.network and networks"
    assert problems({**OLD, "networks": NEW["networks"]}) == (422, "Object is not valid", {"/": [text]})


def test_without_a_network_port_mappings_vanish_and_a_default_port_appears() -> None:
    """The trap behind lint rule L07: the check then asks a port at which nobody listens."""
    app = stored({**NEW, "networks": None, "healthChecks": [{"path": "/"}]} | {"networks": []})
    assert app.mode == "host"
    assert app.container is not None
    assert app.container.port_mappings is None
    assert [(d.port, d.name) for d in app.port_definitions or []] == [(10000, "default")]
    assert app.health_checks[0].port_index == 0


def test_a_persistent_volume_brings_its_residency_along() -> None:
    """Its tasks keep their place, so no second one may run beside them."""
    app = stored({**NEW, "container": KEPT})
    assert (app.residency or {})["taskLostBehavior"] == "WAIT_FOREVER"
    assert (app.unreachable_strategy, app.strategy.maximum_over_capacity) == ("disabled", 0)


def test_empty_uris_are_no_second_way() -> None:
    """An empty list says nothing, so it does not contradict `fetch`."""
    assert [one.uri for one in stored({**NEW, "uris": [], "fetch": [{"uri": "a"}]}).fetch] == ["a"]


def test_an_old_network_may_have_any_name() -> None:
    """The names of 1.4 were not checked, and must be readable from the stored state."""
    app = stored({"id": "/a", "cmd": "sleep 1", "ipAddress": {"networkName": "A_b"}})
    assert parse(app_json(app), ours=True).networks == app.networks


def test_old_ports_become_port_definitions() -> None:
    """Port 0 gets a service port."""
    app = stored({"id": "/a", "cmd": "sleep 1", "ports": [8000, 0]})
    assert [definition.port for definition in app.port_definitions or []] == [8000, 10000]
    assert app.ports is None


def test_a_bridge_without_mappings_gets_one_and_an_empty_list_means_none() -> None:
    """Absent and empty differ here."""
    bridge: dict[str, Any] = {"id": "/a", "container": {"docker": {"image": "x"}}, "networks": NEW["networks"]}
    assert stored(bridge).port_names() == ["default"]
    bridge["container"] = {"docker": {"image": "x"}, "portMappings": []}
    assert stored(bridge).port_names() == []


def test_service_ports_are_unique_and_kept() -> None:
    """A balancer finds the app by its service port, also after an update."""
    first = stored(NEW, taken={10000, 10001})
    assert service_ports(first) == [10002]
    assert service_ports(stored(NEW, previous=first)) == [10002]


def test_unknown_keys_are_ignored() -> None:
    """A misspelt key yields the default, without a word."""
    app = stored({**NEW, "healthChecks": [{"gracePeriod": 1}], "nonsense": True})
    assert app.health_checks[0].grace_period_seconds == 300


@pytest.mark.parametrize(
    ("given", "expected"), [("rt", "/rt"), ("/a//b", "/a/b"), ("../x", "/x"), ("a/./b", "/a/b")]
)
def test_ids_become_absolute(given: str, expected: str) -> None:
    """Clients send ids with and without the leading slash."""
    assert absolute(given) == expected


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"id": 1}, "/id", "error.expected.jsstring"),
        ({"id": "/A"}, "/id", "error.pattern"),
        ({"instances": 1.5}, "/instances", "error.expected.jsnumber"),
        ({"instances": -1}, "/instances", "error.min"),
        ({"instances": 2**31}, "/instances", "error.expected.int"),
        ({"taskKillGracePeriodSeconds": 10**20}, "/taskKillGracePeriodSeconds", "error.expected.int"),
        ({"healthChecks": [{"timeoutSeconds": 10**20}]}, "/healthChecks(0)/timeoutSeconds", "error.expected.int"),
        ({"cpus": -0.1}, "/cpus", "error.min"),
        ({"cmd": ""}, "/cmd", "error.minLength"),
        ({"healthChecks": {}}, "/healthChecks", "error.expected.jsarray"),
        ({"healthChecks": [{"protocol": "FTP"}]}, "/healthChecks(0)/protocol", "error.unknown.enum.literal"),
        ({"healthChecks": [{"port": 70000}]}, "/healthChecks(0)/port", "error.max"),
        (
            {"upgradeStrategy": {"minimumHealthCapacity": 1}},
            "/upgradeStrategy/maximumOverCapacity",
            "error.path.missing",
        ),
        ({"container": {"volumes": [{}]}}, "/container/volumes(0)/containerPath", "error.path.missing"),
        ({"env": {"A": 1}}, "/env/A", "error.expected.jsstring"),
        ({"networks": [{"name": "A_b"}]}, "/networks(0)/name", "error.pattern"),
        ({"dependencies": ["/DB"]}, "/dependencies(0)", "error.pattern"),
    ],
)
def test_types_and_ranges_are_invalid_json(change: dict[str, Any], path: str, code: str) -> None:
    """Each has its own code and its path."""
    status, message, details = problems({**NEW, **change})
    assert (status, message) == (422, "Invalid JSON")
    assert code in details[path]


@pytest.mark.parametrize(
    ("change", "path", "text"),
    [
        ({"container": {"type": "DOCKER"}}, "/container/docker", "not defined"),
        ({"cmd": "ls", "args": ["ls"]}, "/", "AppDefinition must either contain one of"),
        ({"healthChecks": [{"port": 1, "portIndex": 0}]}, "/healthChecks(0)", "either a port or a portIndex"),
        ({"healthChecks": [{"portIndex": 1}]}, "/healthChecks(0)", "Health check port indices"),
        (
            {"healthChecks": [{"protocol": "MESOS_TCP"}, {"protocol": "MESOS_HTTP"}]},
            "/healthChecks",
            "at most one Mesos health check",
        ),
        ({"healthChecks": [{"ipProtocol": "IPv6"}]}, "/healthChecks(0)", "IPv6 can only be used"),
        ({"readinessChecks": [{}]}, "/readinessChecks(0)", "No port definition reference for portName http-api"),
        ({"constraints": [["hostname"]]}, "/constraints(0)", "either 2 or 3 fields"),
        ({"env": {"A": {"secret": "x"}}}, "/env/A", "references an undefined secret"),
        (
            {"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}, "instances": 2},
            "/instances",
            "Single instance app may only have one instance",
        ),
        ({"id": "/a/restart"}, "/id", "must not end in any of"),
        ({"gpus": 1}, "/", "GPU"),
        ({"container": {"type": "MESOS"}}, "/", "AppDefinition must either contain one of"),
        ({"constraints": [["a", "CLUSTER"]]}, "/constraints(0)", "Missing value"),
        ({"constraints": [["a", "UNIQUE", ""]]}, "/constraints(0)", "Value specified but not used"),
        ({"ipAddress": {}}, "/", "must not specify both networks and ipAddress"),
        ({"networks": [], "ipAddress": {"networkName": "a"}, "ports": [0]}, "/", "both an IP address and port"),
        ({"ports": [80, 80]}, "/", "ports must be unique"),
        ({"ports": [80], "portDefinitions": []}, "/", "cannot specify both ports and port definitions"),
        ({"container": {**NEW["container"], "docker": MAPPED}}, "/", "both portMappings and docker.portMappings"),  # type: ignore[dict-item]
        ({"uris": ["a"], "fetch": [{"uri": "b"}]}, "/uris", "may not be set in conjunction with fetch"),
        ({"fetch": [{"uri": "a b"}]}, "/fetch(0)/uri", "URI has invalid syntax."),
        ({"networks": [{"name": "a"}, {"name": "a"}]}, "/networks", "Duplicate networks are not allowed"),
        ({"networks": [{"mode": "host", "labels": {"a": "b"}}]}, "/networks", "may not have names or labels"),
        ({"residency": {}}, "/", "App must contain persistent volumes and define residency"),
        ({"container": KEPT, "unreachableStrategy": {}}, "/", "unreachableStrategy must be disabled"),
        ({"container": KEPT, "upgradeStrategy": BOTH_ONE}, "/upgradeStrategy/maximumOverCapacity", "must be 0"),
        ({"acceptedResourceRoles": []}, "/acceptedResourceRoles", "must not be empty"),
        ({"networks": [{"mode": "container"}]}, "/networks", "Network name must be specified"),
    ],
)
def test_broken_rules_are_not_valid(change: dict[str, Any], path: str, text: str) -> None:
    """Each has Marathon's own text and its path."""
    status, message, details = problems({**NEW, **change})
    assert (status, message) == (422, "Object is not valid")
    assert text in " ".join(details[path])


def test_gpus_need_no_container() -> None:
    """Only Docker containers get none."""
    assert stored({"id": "/a", "cmd": "sleep 1", "gpus": 1}).gpus == 1
    assert stored({"id": "/a", "cmd": "sleep 1", "gpus": 1, "container": {"type": "MESOS"}}).gpus == 1


def test_a_volume_with_a_wrong_key_misses_its_host_path() -> None:
    """The unknown key is ignored, and the error names the one that is missing."""
    volume = {"containerPath": "/data", "hostPth": "/data", "mode": "RO"}
    container = {**OLD["container"], "volumes": [volume]}  # type: ignore[dict-item]
    assert problems({**OLD, "container": container})[2] == {"/container/volumes(0)/hostPath": ["undefined"]}


def test_duplicate_port_names_are_refused() -> None:
    """A readiness check finds its port by the name."""
    twice = [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]
    container = {"docker": {"image": "x"}, "portMappings": twice}
    assert problems({**NEW, "container": container})[2] == {
        "/container/portMappings": ["Port names must be unique."]
    }


@pytest.mark.parametrize(
    "check",
    [
        {"protocol": "COMMAND"},
        {"protocol": "COMMAND", "command": {"value": "x"}, "path": "/"},
        {"protocol": "HTTP", "command": {"value": "x"}},
    ],
)
def test_command_checks_with_wrong_companions_make_marathon_fail(check: dict[str, Any]) -> None:
    """No rule catches them, so Marathon answers a bare 500."""
    assert problems({**NEW, "healthChecks": [check]})[0] == 500


def test_health_checks_are_a_set() -> None:
    """Duplicates count once, also if only a default distinguishes them; another order is no other definition."""
    one, two = {"path": "/one"}, {"path": "/two"}
    both = stored({**NEW, "healthChecks": [one, two, {**one, "portIndex": 0}]})
    assert [check.path for check in both.health_checks] == ["/one", "/two"]
    turned = stored({**NEW, "healthChecks": [two, one]})
    assert turned.configuration() == both.configuration()
    assert stored({**NEW, "healthChecks": [two]}).configuration() != both.configuration()


def test_a_partial_put_replaces_whole_values() -> None:
    """Maps are not merged: a variable that is not sent again is gone."""
    current = {"id": "/a", "cmd": "x", "env": {"A": "1", "B": "2"}, "fetch": [{"uri": "u"}]}
    merged = merge(current, {"args": ["y"], "env": {"A": "3"}, "uris": ["v"]})
    assert merged == {"id": "/a", "args": ["y"], "env": {"A": "3"}, "uris": ["v"]}


def test_new_answers_leave_out_what_is_empty() -> None:
    """And always have what some clients rely on."""
    shown = app_json(stored(NEW))
    assert not {"args", "cmd", "healthChecks", "constraints", "env", "portDefinitions", "secrets"} & set(shown)
    assert {"labels", "networks", "requirePorts", "unreachableStrategy", "killSelection", "gpus"} <= set(shown)
    assert shown["upgradeStrategy"] == {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}
