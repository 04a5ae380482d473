"""Cases of the lint rules about updates, ports and placement: L02, L07, L15, L16, L19 to L22."""

from __future__ import annotations

from typing import Any

from tests.harness.marathon.lint_cases import (
    FORMS,
    NEW_FORMS,
    NONE_KEPT,
    OLD_FORMS,
    ON_1_4,
    SINCE_1_5,
    Caught,
    Change,
    Silent,
    both,
    container,
    docker,
    drop,
    host,
    labels,
    mappings,
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
    """Change to one instance with one constraint."""
    return put(instances=1, constraints=[list(constraint)])


def pinned(*constraint: str) -> Change:
    """Change to two instances that share a fixed port, with one constraint."""
    return both(put(instances=2, constraints=[list(constraint)]), port(hostPort=8080))


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
    Caught("L22", "W", "/constraints(0)", alone("@hostname", "UNIQUE")),
    Caught("L22", "W", "/constraints(0)", alone("rack_id", "UNIQUE")),
    Caught("L22", "W", "/constraints(0)", alone("rack_id", "MAX_PER", "1")),
    Caught("L22", "E", MAPPINGS, pinned("hostname", "CLUSTER", "node1")),
    Caught("L22", "E", MAPPINGS, both(pinned("hostname", "CLUSTER", "node1"), put(upgradeStrategy=NONE_KEPT))),
    Caught("L22", "E", MAPPINGS, pinned("@hostname", "IS", "node1"), SINCE_1_5),
    Caught("L22", "E", MAPPINGS, pinned("hostname", "LIKE", "agent-1.example.org")),
    Caught("L22", "E", MAPPINGS, pinned("hostname", "LIKE", r"agent-1\.example\.org")),
    Caught(
        "L22", "E", "/constraints(1)", put(constraints=[["hostname", "CLUSTER", "node1"], ["hostname", "UNIQUE"]])
    ),
    Caught(
        "L22", "E", "/constraints(1)", put(constraints=[["hostname", "CLUSTER", "node1"], ["rack_id", "UNIQUE"]])
    ),
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
    Silent(
        "L20",
        both(
            host(portDefinitions=[{"port": 443}], requirePorts=True),
            labels(HAPROXY_GROUP=None, HAPROXY_0_VHOST=None),
        ),
    ),
    Silent("L20", both(put(ports=[10001, 10002]), labels(HAPROXY_1_VHOST="rt.example.org"))),
    Silent("L21", put(readinessChecks=[])),
    Silent("L22", put(constraints=[["hostname", "UNIQUE"]])),
    Silent("L22", alone("hostname", "MAX_PER", "2")),
    Silent("L22", put(constraints=[["rack_id", "UNIQUE"]])),
    Silent("L22", alone("rack_id", "GROUP_BY", "1")),
    Silent("L22", both(alone("rack_id", "UNIQUE"), put(upgradeStrategy=NONE_KEPT))),
    Silent("L22", pinned("rack", "CLUSTER", "a")),
    Silent("L22", pinned("hostname", "LIKE", "node.*")),
    Silent("L22", pinned("hostname", "LIKE", "node[12]")),
    Silent("L22", pinned("hostname", "LIKE", "node1|node2")),
    Silent("L22", pinned("hostname", "UNLIKE", "node1")),
    Silent("L22", put(constraints=[["hostname", "CLUSTER", "node1"]])),
    Silent("L22", both(put(instances=1, upgradeStrategy=NONE_KEPT), port(hostPort=8080))),
    Silent("L22", host(instances=1, portDefinitions=[{"port": 443}])),
]
