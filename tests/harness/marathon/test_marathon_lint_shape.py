"""Lint rule L06: types, ranges, keys, and the rules that span several keys."""

from __future__ import annotations

import pytest

from tests.harness.marathon.lint_cases import (
    BOTH_ONE,
    FORMS,
    MESOS,
    NEW_FORMS,
    NONE_KEPT,
    OLD_FORMS,
    ON_1_4,
    SINCE_1_5,
    Caught,
    Silent,
    both,
    check,
    checks,
    container,
    docker,
    drop,
    env,
    findings,
    host,
    labels,
    name,
    port,
    put,
    resident,
    single,
    two_networks,
    two_ports,
    under_mesos,
    user_network,
    volume,
    without_container,
)

STRATEGY = "/upgradeStrategy"
RESIDENT = {"taskLostBehavior": "WAIT_FOREVER"}
TWICE = [{"port": 80}, {"port": 80}]


def caught(where: str, *changes: object, forms: tuple[tuple[str, bool], ...] = FORMS, level: str = "E") -> Caught:
    """A finding of L06."""
    return Caught("L06", level, where, both(*changes), forms)  # type: ignore[arg-type]


def silent(*changes: object, forms: tuple[tuple[str, bool], ...] = FORMS) -> Silent:
    """No error of L06."""
    return Silent("L06", both(*changes), forms, only="E")  # type: ignore[arg-type]


TYPES_AND_RANGES = [
    *(caught("/instances", put(instances=value)) for value in (1.5, -1, True, "2")),
    caught("/cpus", put(cpus=0), forms=SINCE_1_5),
    caught("/cpus", put(cpus=-0.1)),
    caught("/mem", put(mem=float("nan"))),
    *(caught("/id", put(id=value)) for value in ("/RT", "/", "/rt/restart", "..")),
    caught("/id", drop("id")),
    caught("/cmd", put(cmd="x")),
    caught("/cmd", put(cmd="")),
    caught("/backoffSeconds", put(backoffSeconds=1.5)),
    caught("/maxLaunchDelaySeconds", put(maxLaunchDelaySeconds=0.5)),
    caught("/healthChecks(0)/gracePeriod", check(gracePeriod=10), level="W"),
    caught("/container/docker/image", docker(image="")),
    caught("/container/volumes(0)/mode", volume(mode="ro")),
    caught("/env/RT_TLS", env(RT_TLS=1)),
    caught("/env/RT_TLS", env(RT_TLS=None)),
    caught("/labels/RT_RELEASE", labels(RT_RELEASE=5)),
    caught("/args(1)", put(args=["a", None])),
    caught(f"{STRATEGY}/maximumOverCapacity", put(upgradeStrategy={"minimumHealthCapacity": 1}), forms=SINCE_1_5),
    caught(f"{STRATEGY}/maximumOverCapacity", put(upgradeStrategy={**BOTH_ONE, "maximumOverCapacity": 2})),
    caught("/unreachableStrategy", put(unreachableStrategy="never")),
    caught("/unreachableStrategy", put(unreachableStrategy={"inactiveAfterSeconds": 9, "expungeAfterSeconds": 1})),
    caught("/unreachableStrategy/inactiveAfterSeconds", put(unreachableStrategy={"inactiveAfterSeconds": -1})),
    caught("/unreachableStrategy/expungeAfterSeconds", put(unreachableStrategy={"expungeAfterSeconds": "1"})),
    caught("/unreachableStrategy/expungeAfter", put(unreachableStrategy={"expungeAfter": 1}), level="W"),
    caught("/container/portMappings(0)/protocol", port(protocol="tcp,udp"), forms=NEW_FORMS),
    caught("/container/docker/portMappings(0)/protocol", port(protocol="tcp,udp"), forms=OLD_FORMS[1:]),
    caught("/container/docker/portMappings(0)/protocol", port(protocol="icmp"), forms=OLD_FORMS),
    caught("/portDefinitions(0)/protocol", host(portDefinitions=[{"protocol": "icmp"}])),
    caught("/ipAddress/networkName", user_network(1), forms=OLD_FORMS),
    caught("/role", put(role="web"), forms=(*ON_1_4, NEW_FORMS[0]), level="W"),
    caught("/networks", put(networks=[{"mode": "container/bridge"}]), forms=ON_1_4, level="W"),
    caught("/tasksHealthy", put(tasksHealthy=2), level="W"),
]

TOGETHER = [
    caught("/", put(cmd="apache2", args=["apache2"])),
    caught("/", drop("container")),
    caught("/", without_container, put(cmd=None)),
    caught("/", without_container, put(cmd=None, container={"type": "MESOS"})),
    caught("/container/docker", without_container, put(container={})),
    caught("/container/docker", lambda app: app["container"].pop("docker")),
    caught("/", put(uris=["http://a"], fetch=[{"uri": "http://a"}])),
    caught("/version", put(version="2026-11-01T00:00:00.000Z")),
    caught("/gpus", put(gpus=1)),
    caught("/container/docker/pullConfig", docker(pullConfig={"secret": "x"}), forms=SINCE_1_5),
    caught("/container/docker/pullConfig", docker(pullConfig={"secret": "x"}), under_mesos, forms=NEW_FORMS),
    caught("/container/docker/pullConfig/secret", docker(pullConfig={"secret": []}), under_mesos, forms=NEW_FORMS),
    caught("/container/docker/credential", docker(credential={"principal": "x"}), forms=SINCE_1_5),
    caught("/container/docker/parameters", under_mesos, docker(parameters=[{"key": "a", "value": "b"}]),
           forms=NEW_FORMS),
    caught("/container/docker/portMappings", under_mesos, forms=OLD_FORMS[1:]),
    caught("/container/docker/network", under_mesos, forms=OLD_FORMS[1:]),
    caught("/container/docker/network", docker(network="NONE"), forms=OLD_FORMS[1:]),
    caught("/container/volumes(0)/hostPath", volume(hostPath=None)),
    caught("/container/volumes(0)/mode", volume(mode=None)),
    caught("/container/volumes(0)/secret", volume(hostPath=None, secret="x"), forms=SINCE_1_5),
    caught("/container/volumes(0)/hostPath", volume(hostPath=None, secret="x"), forms=ON_1_4),
    caught("/env/A", env(A={"secret": "x"})),
    caught("/env/A", env(A={"secret": "x"}), put(secrets={"y": {"source": "x"}})),
    caught("/", docker(network="BRIDGE"), forms=NEW_FORMS),
    caught("/", put(ipAddress={"networkName": "a"}), forms=NEW_FORMS),
    caught("/", user_network("dmz"), put(ports=[0]), forms=OLD_FORMS),
    caught("/", user_network("dmz"), put(portDefinitions=[{"port": 0}]), forms=OLD_FORMS),
    caught("/", without_container, put(ipAddress={"networkName": "a"}, ports=[80])),
    caught("/ipAddress/discovery", user_network("dmz"), lambda app: app["ipAddress"].update(discovery={}),
           forms=OLD_FORMS[1:]),
    caught("/ipAddress/networkName", user_network(""), forms=OLD_FORMS),
    caught("/", docker(portMappings=[{"containerPort": 80}]), forms=NEW_FORMS),
    caught("/", container(portMappings=[]), forms=OLD_FORMS[1:]),
    caught("/networks", under_mesos, put(networks=[{"name": "a"}, {"name": "b"}, {"name": "a"}]), forms=NEW_FORMS),
    caught("/networks(0)/name", user_network("A_b"), forms=NEW_FORMS),
    caught("/networks(0)/labels", host(), put(networks=[{"mode": "host", "labels": {"a": "b"}}]), forms=NEW_FORMS),
    caught("/container/portMappings(0)/networkNames(0)", port(networkNames=["c"]), forms=NEW_FORMS),
    caught("/container/portMappings(0)/networkNames(0)", under_mesos, two_networks, port(networkNames=["c"]),
           forms=NEW_FORMS),
    caught("/container/portMappings(0)", under_mesos, two_networks, port(networkNames=[]), forms=NEW_FORMS),
    caught("/networks", put(networks=[{"mode": "host"}, {"mode": "host"}]), forms=NEW_FORMS),
    caught("/networks", put(networks=[{"mode": "container/bridge"}, {"name": "a"}]), forms=NEW_FORMS),
    caught("/networks", put(networks=[{"name": "a"}, {"name": "b"}]), forms=NEW_FORMS),
    caught("/networks(0)/name", user_network(None), forms=NEW_FORMS),
    caught("/ipAddress/networkName", user_network(None), forms=OLD_FORMS),
    caught("/networks(0)/name", put(networks=[{"mode": "host", "name": "a"}]), forms=NEW_FORMS),
    caught("/networks(0)/name", put(networks=[{"mode": "container/bridge", "name": "a"}]), forms=NEW_FORMS),
    caught("/container/portMappings", two_ports, port(name="other")),
    caught("/portDefinitions", host(portDefinitions=[{"name": "a"}, {"name": "a"}])),
    caught("/portDefinitions", host(portDefinitions=TWICE)),
    caught("/ports", host(ports=[80, 80])),
    caught("/ports", put(ports=[80, 80])),
    caught("/", host(ports=[80], portDefinitions=[{"port": 81}])),
    caught("/healthChecks(0)/ipProtocol", check(ipProtocol="IPv6"), forms=SINCE_1_5),
    caught("/healthChecks(0)/ipProtocol", under_mesos, checks({**MESOS, "ipProtocol": "IPv6"}), forms=NEW_FORMS),
    caught("/instances", single(), put(instances=2)),
    caught(STRATEGY, single(**BOTH_ONE)),
    caught(STRATEGY, single(minimumHealthCapacity=0), forms=ON_1_4),
    caught(STRATEGY, single(minimumHealthCapacity=0, maximumOverCapacity=1)),
    caught(f"{STRATEGY}/maximumOverCapacity", resident, put(upgradeStrategy=BOTH_ONE)),
    caught(f"{STRATEGY}/maximumOverCapacity", resident, put(upgradeStrategy={}), forms=ON_1_4),
    caught("/", put(residency=RESIDENT)),
    caught("/", resident, put(unreachableStrategy={})),
    caught("/acceptedResourceRoles", put(acceptedResourceRoles=[])),
    *(caught("/fetch(0)/uri", put(fetch=[{"uri": uri}])) for uri in ("http://a b", "x://\\y", "x://%", "a|b")),
    caught("/uris(1)", put(uris=["http://a", "http://{a}"])),
    caught("/dependencies(0)", put(dependencies=["/DB"])),
    caught("/container/docker/parameters(0)/key", docker(parameters=[{"key": "", "value": "x"}])),
    caught(f"{STRATEGY}/maximumOverCapacity", put(upgradeStrategy=BOTH_ONE),
           container(volumes=[{"containerPath": "a", "mode": "RW", "persistent": {"size": 1}}])),
    *(caught("/constraints(0)", put(constraints=[one])) for one in (
        ["hostname"], ["hostname", "NEAR"], ["hostname", "UNIQUE", "a"], ["hostname", "unique"], ["a", "LIKE"],
        ["a", "UNLIKE", "("], ["a", "MAX_PER"], ["a", "MAX_PER", "many"], ["a", "IS"], ["a", "CLUSTER"],
        ["a", "GROUP_BY", "x"],
    )),
    caught("/constraints(0)", put(constraints=[["hostname", "UNIQUE", ""]]), forms=SINCE_1_5),
    caught("/constraints(0)(2)", put(constraints=[["a", "MAX_PER", 2]])),
    caught("/constraints(0)", put(constraints=[["a", "IS", "b"]]), forms=ON_1_4),
]  # fmt: skip

SILENT = [
    silent(put(gpus=None, secrets={"password": {"source": "rt"}}), env(A={"secret": "password"})),
    silent(put(secrets={"s": {"source": "rt"}}), volume(hostPath=None, secret="s"), forms=SINCE_1_5),
    silent(volume(secret="s"), docker(pullConfig={}, credential={}), forms=ON_1_4),
    silent(host(), docker(network="NONE"), forms=ON_1_4),
    silent(put(role=1), forms=(*ON_1_4, NEW_FORMS[0])),
    silent(user_network("A_b"), forms=OLD_FORMS),
    silent(user_network("dmz"), put(ports=[], portDefinitions=[]), forms=OLD_FORMS),
    silent(under_mesos, two_networks, forms=NEW_FORMS),
    silent(host(), put(networks=[{"mode": "host", "labels": {}}]), forms=NEW_FORMS),
    silent(put(networks=[{"mode": "container/bridge", "labels": {"a": "b"}}]), forms=NEW_FORMS),
    silent(docker(portMappings=[]), forms=NEW_FORMS),
    silent(container(portMappings=[]), forms=ON_1_4),
    silent(put(fetch=[{"uri": "http://a/b%20c?d=[1]#é"}, {"uri": "/opt/file"}], dependencies=["/", "../db", "a"])),
    silent(resident),
    silent(resident, put(unreachableStrategy="disabled")),
    silent(put(id="rt.prod/web-1", cpus=0.001, unreachableStrategy="disabled", killSelection="OLDEST_FIRST")),
    silent(put(cpus=0), forms=ON_1_4),
    silent(put(upgradeStrategy={"minimumHealthCapacity": 1}), forms=ON_1_4),
    silent(port(protocol="udp,tcp")),
    silent(port(protocol="tcp,udp"), forms=ON_1_4),
    silent(put(cmd="ls", args=[])),
    silent(without_container),
    silent(without_container, put(gpus=1)),
    silent(under_mesos, put(gpus=1, secrets={"s": {"source": "x"}}), docker(pullConfig={"secret": "s"}),
           forms=NEW_FORMS),
    silent(put(uris=[], fetch=[{"uri": "http://a"}])),
    silent(put(uris=["http://a"], fetch=[])),
    silent(put(unreachableStrategy={"inactiveAfterSeconds": 1, "expungeAfterSeconds": 1})),
    silent(user_network("dmz")),
    silent(under_mesos, put(networks=[{"name": "a"}, {"name": "b"}]), port(hostPort=None), forms=NEW_FORMS),
    silent(host(portDefinitions=[{"port": 0}, {"port": 0}, {"port": 80}], ports=[0, 0, 80])),
    silent(checks({**MESOS, "ipProtocol": "IPv6"})),
    silent(check(ipProtocol="IPv6"), forms=ON_1_4),
    silent(single()),
    silent(single(**NONE_KEPT)),
    silent(labels(MARATHON_SINGLE_INSTANCE_APP="True")),
    silent(resident, put(upgradeStrategy={"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0})),
    silent(resident, drop("upgradeStrategy")),
    silent(put(constraints=[["hostname", "UNIQUE"], ["a", "LIKE", "[a-z]+"], ["a", "LIKE", r"\p{Lower}"],
                            ["a", "MAX_PER", "2"], ["a", "GROUP_BY"], ["a", "GROUP_BY", "2"],
                            ["a", "CLUSTER", "b"]])),
    silent(put(constraints=[["a", "IS", "b"]]), forms=SINCE_1_5),
    silent(put(constraints=[["hostname", "UNIQUE", ""]]), forms=ON_1_4),
]  # fmt: skip


@pytest.mark.parametrize("case", TYPES_AND_RANGES + TOGETHER, ids=name)
def test_rule_catches(case: Caught) -> None:
    """What Marathon rejects is an error, what it ignores a warning, in each dialect in which it does."""
    case.check()


@pytest.mark.parametrize("case", SILENT, ids=name)
def test_rule_is_silent(case: Silent) -> None:
    """A rule that speaks about good definitions is soon switched off."""
    case.check()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("gracePeriod", "gracePeriodSeconds"), ("interval", "intervalSeconds"), ("protocl", "protocol"),
     ("maxconsecutivefailures", "maxConsecutiveFailures"), ("port_index", "portIndex")],
)  # fmt: skip
def test_a_typo_gets_a_suggestion(written: str, meant: str) -> None:
    """Marathon ignores unknown keys silently, so the person needs the right one here."""
    hits = [one for one in findings(NEW_FORMS[0], check(**{written: 1})) if one.where.endswith(f"/{written}")]
    assert [(one.level, one.fix) for one in hits] == [("W", f"write {meant}")]


def test_a_lower_case_operator_gets_a_suggestion() -> None:
    """Marathon reads operators as they are written."""
    hits = findings(NEW_FORMS[0], put(constraints=[["hostname", "max_per", "2"]]))
    assert [(one.where, one.fix) for one in hits] == [("/constraints(0)", "write MAX_PER")]
