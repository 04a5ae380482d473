"""The shape of an app definition as a table: types, ranges, and since which Marathon a key is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["string", "integer", "number", "boolean", "list", "map", "object", "env", "unreachable", "any"]


@dataclass(frozen=True)
class Spec:
    """What a value must look like. `since` is the first Marathon (major, minor) that knows the key."""

    kind: Kind
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    values: tuple[str, ...] = ()
    item: Spec | None = None
    fields: Mapping[str, Spec] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    since: tuple[int, int] = (1, 4)


def string(pattern: str = "", *values: str, least: int = 0, most: int | None = None) -> Spec:
    """A string; `least` and `most` bound its length."""
    return Spec("string", minimum=least, maximum=most, pattern=pattern, values=values)


def integer(minimum: int | None = 0, maximum: int | None = 2**31 - 1) -> Spec:
    """A whole number; Marathon answers 422 to 1.5 where it wants one."""
    return Spec("integer", minimum=minimum, maximum=maximum)


def numeric(minimum: float | None = 0, maximum: float | None = None) -> Spec:
    """Any number."""
    return Spec("number", minimum=minimum, maximum=maximum)


def array(item: Spec) -> Spec:
    """A list of one kind of thing."""
    return Spec("list", item=item)


def table(item: Spec) -> Spec:
    """An object with free keys."""
    return Spec("map", item=item)


def record(required: tuple[str, ...] = (), since: tuple[int, int] = (1, 4), **fields: Spec) -> Spec:
    """An object with known keys."""
    return Spec("object", fields=fields, required=required, since=since)


def later(spec: Spec, *since: int) -> Spec:
    """The same, known only from a later Marathon."""
    return Spec(
        spec.kind, spec.minimum, spec.maximum, spec.pattern, spec.values, spec.item, spec.fields,
        spec.required, (since[0], since[1]),
    )  # fmt: skip


BOOLEAN = Spec("boolean")
TEXT = string()
LABELS = table(TEXT)
ANY = Spec("any")
NAME = string(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
PORT = integer(0, 65535)

_MAPPING = record(
    containerPort=PORT, hostPort=PORT, servicePort=PORT, name=NAME, labels=LABELS,
    protocol=string("", "tcp", "udp", "udp,tcp", "tcp,udp"), networkNames=later(array(TEXT), 1, 6),
)  # fmt: skip
_DOCKER = record(
    ("image",), image=string(least=1), forcePullImage=BOOLEAN, privileged=BOOLEAN,
    parameters=array(record(("key", "value"), key=TEXT, value=TEXT)),
    network=string("", "BRIDGE", "HOST", "USER", "NONE"),
    portMappings=array(_MAPPING), credential=ANY, pullConfig=later(ANY, 1, 5),
)  # fmt: skip
_VOLUME = record(
    ("containerPath",), containerPath=string(least=1), hostPath=string(least=1), mode=string("", "RO", "RW"),
    persistent=ANY, external=ANY, secret=later(TEXT, 1, 5),
)  # fmt: skip
_CONTAINER = record(
    type=string("", "DOCKER", "MESOS"), docker=_DOCKER, volumes=array(_VOLUME), appc=ANY,
    portMappings=later(array(_MAPPING), 1, 5), linuxInfo=later(ANY, 1, 10),
)  # fmt: skip
_CHECK = record(
    gracePeriodSeconds=integer(), intervalSeconds=integer(), timeoutSeconds=integer(None),
    maxConsecutiveFailures=integer(), delaySeconds=later(integer(), 1, 5), path=TEXT, port=PORT,
    portIndex=PORT,
    ignoreHttp1xx=BOOLEAN, command=record(("value",), value=string(least=1)),
    ipProtocol=later(string("", "IPv4", "IPv6"), 1, 6),
    protocol=string("", "HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP"),
)  # fmt: skip
_READINESS = record(
    name=TEXT, protocol=string("", "HTTP", "HTTPS"), path=TEXT, portName=TEXT, intervalSeconds=integer(),
    timeoutSeconds=integer(), httpStatusCodesForReady=array(integer(100, 999)), preserveLastResponse=BOOLEAN,
)  # fmt: skip
_NETWORK = record(mode=string("", "container", "container/bridge", "host"), name=TEXT, labels=LABELS)
_FETCH = record(
    ("uri",),
    uri=string(least=1, most=1024),
    extract=BOOLEAN,
    executable=BOOLEAN,
    cache=BOOLEAN,
    destPath=TEXT,
)

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SEGMENT = rf"(\.\.?|{_LABEL}(\.{_LABEL})*)"

APP = record(
    ("id",),
    id=string(rf"/?{_SEGMENT}(/{_SEGMENT})*", least=1),
    cmd=string(least=1), args=array(TEXT), instances=integer(), cpus=numeric(0.001), mem=numeric(),
    disk=numeric(), gpus=integer(), container=_CONTAINER, networks=later(array(_NETWORK), 1, 5),
    portDefinitions=array(record(port=PORT, protocol=TEXT, name=NAME, labels=LABELS)), ports=array(PORT),
    requirePorts=BOOLEAN, env=Spec("env"), secrets=table(record(("source",), source=string(least=1))),
    labels=LABELS,
    healthChecks=array(_CHECK), readinessChecks=array(_READINESS),
    upgradeStrategy=record(
        ("minimumHealthCapacity", "maximumOverCapacity"),
        minimumHealthCapacity=numeric(0, 1), maximumOverCapacity=numeric(0, 1),
    ),
    backoffSeconds=numeric(), backoffFactor=numeric(1), maxLaunchDelaySeconds=numeric(),
    taskKillGracePeriodSeconds=integer(), unreachableStrategy=Spec("unreachable"),
    killSelection=string("", "YOUNGEST_FIRST", "OLDEST_FIRST"), constraints=array(array(ANY)),
    fetch=array(_FETCH), uris=array(TEXT), dependencies=array(TEXT), user=TEXT, executor=TEXT,
    acceptedResourceRoles=array(TEXT), residency=ANY, ipAddress=ANY, tty=later(BOOLEAN, 1, 5),
    check=later(ANY, 1, 8), executorResources=later(ANY, 1, 7), resourceLimits=later(ANY, 1, 10),
    role=later(TEXT, 1, 9), storeUrls=array(TEXT), version=TEXT,
)  # fmt: skip

ANSWER_KEYS = frozenset({
    "versionInfo", "tasks", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "tasksStaged", "deployments",
    "lastTaskFailure", "readinessCheckResults", "taskStats", "tasksStats", "failures",
})  # fmt: skip
"""Keys that Marathon adds to its answers and that mean nothing in a definition."""

OPERATORS = frozenset({"UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"})
