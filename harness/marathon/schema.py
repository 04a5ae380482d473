"""The shape of an app definition as a table: types, ranges, defaults, and the first Marathon that knows a key.

Facts are those of the RAML types of Marathon 1.5 to 1.10 (docs/docs/rest-api/public/api/v2/types); the different
rules of 1.4 (`old`) are from its Formats.scala.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["string", "integer", "number", "boolean", "list", "map", "object", "env", "unreachable", "any"]


@dataclass(frozen=True)
class Spec:
    """Constraints on a value. `since` is the first Marathon (major, minor) that knows the key.

    default is Marathon's value if the key is absent (None: nothing). any_order: a set to Marathon, written as a
    list. old: the constraints of Marathon 1.4, if they differ.
    """

    kind: Kind
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    values: tuple[str, ...] = ()
    item: Spec | None = None
    fields: Mapping[str, Spec] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    since: tuple[int, int] = (1, 4)
    default: Any = None
    any_order: bool = False
    old: Spec | None = None

    def of(self, dialect: tuple[int, int]) -> Spec:
        """Return the constraints in one dialect."""
        return self.old if self.old and dialect < (1, 5) else self


def string(pattern: str = "", *values: str, least: int = 0, most: int | None = None, default: Any = None) -> Spec:
    """A string; `least` and `most` bound its length."""
    return Spec("string", minimum=least, maximum=most, pattern=pattern, values=values, default=default)


def integer(minimum: int | None = 0, maximum: int | None = 2**31 - 1, default: int | None = None) -> Spec:
    """A whole number; Marathon answers 422 to 1.5 in its place."""
    return Spec("integer", minimum=minimum, maximum=maximum, default=default)


def numeric(minimum: float | None = 0, maximum: float | None = None, default: float | None = None) -> Spec:
    """Any number."""
    return Spec("number", minimum=minimum, maximum=maximum, default=default)


def array(item: Spec, *, any_order: bool = False) -> Spec:
    """A list with items of one kind."""
    return Spec("list", item=item, any_order=any_order)


def table(item: Spec) -> Spec:
    """An object with free keys."""
    return Spec("map", item=item)


def record(required: tuple[str, ...] = (), **fields: Spec) -> Spec:
    """An object with known keys."""
    return Spec("object", fields=fields, required=required)


def later(spec: Spec, *since: int) -> Spec:
    """The same, known only since a later Marathon."""
    return replace(spec, since=(since[0], since[1]))


FALSE, TRUE = Spec("boolean", default=False), Spec("boolean", default=True)
TEXT = string()
LABELS = table(TEXT)
ANY = Spec("any")
OBJECT = table(ANY)
NAME = string(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
PORT = integer(0, 65535)
CHOSEN_PORT = integer(0, 65535, default=0)
# 1.4 splits at the comma, so any order is accepted; since 1.5 it is one of three words.
PROTOCOL = replace(
    string("", "tcp", "udp", "udp,tcp", default="tcp"), old=string("", "tcp", "udp", "udp,tcp", "tcp,udp")
)

_MAPPING = record(
    containerPort=CHOSEN_PORT, hostPort=PORT, servicePort=CHOSEN_PORT, name=NAME, labels=LABELS,
    protocol=PROTOCOL, networkNames=later(array(TEXT), 1, 6),
)  # fmt: skip
_DOCKER = record(
    ("image",), image=string(least=1), forcePullImage=FALSE, privileged=FALSE,
    parameters=array(record(("key", "value"), key=string(least=1), value=TEXT)),
    network=string("", "BRIDGE", "HOST", "USER", "NONE"),
    portMappings=array(_MAPPING), credential=ANY, pullConfig=later(record(("secret",), secret=TEXT), 1, 5),
)  # fmt: skip
_VOLUME = record(
    ("containerPath",), containerPath=string(least=1), hostPath=string(least=1), mode=string("", "RO", "RW"),
    persistent=OBJECT, external=OBJECT, secret=later(TEXT, 1, 5),
)  # fmt: skip
_CONTAINER = record(
    type=string("", "DOCKER", "MESOS", default="DOCKER"), docker=_DOCKER, volumes=array(_VOLUME), appc=ANY,
    portMappings=later(array(_MAPPING), 1, 5), linuxInfo=later(ANY, 1, 10),
)  # fmt: skip
_CHECK = record(
    gracePeriodSeconds=integer(default=300), intervalSeconds=integer(default=60),
    timeoutSeconds=integer(None, default=20), maxConsecutiveFailures=integer(default=3),
    delaySeconds=later(integer(default=15), 1, 5), path=string(default="/"), port=PORT, portIndex=PORT,
    ignoreHttp1xx=FALSE, command=record(("value",), value=string(least=1)),
    ipProtocol=later(string("", "IPv4", "IPv6", default="IPv4"), 1, 6),
    protocol=string(
        "", "HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP", default="HTTP",
    ),
)  # fmt: skip
_READINESS = record(
    name=string(default="readinessCheck"), protocol=string("", "HTTP", "HTTPS", default="HTTP"),
    path=string(default="/"), portName=string(default="http-api"), intervalSeconds=integer(default=30),
    timeoutSeconds=integer(default=10), preserveLastResponse=FALSE,
    httpStatusCodesForReady=replace(array(integer(100, 999), any_order=True), default=[200]),
)  # fmt: skip
_NETWORK = record(
    mode=string("", "container", "container/bridge", "host", default="container"),
    name=string(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", most=63),
    labels=LABELS,
)
_FETCH = record(
    ("uri",), uri=string(least=1, most=1024), extract=TRUE, executable=FALSE, cache=FALSE, destPath=TEXT,
)  # fmt: skip
_UPGRADE = record(
    ("minimumHealthCapacity", "maximumOverCapacity"),
    minimumHealthCapacity=numeric(0, 1, default=1.0),
    maximumOverCapacity=numeric(0, 1, default=1.0),
)
_ADDRESS = record(
    networkName=replace(string(least=1), old=TEXT), groups=array(TEXT), labels=LABELS, discovery=OBJECT
)
UNREACHABLE = record(inactiveAfterSeconds=integer(default=0), expungeAfterSeconds=integer(default=0))

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SEGMENT = rf"(\.\.?|{_LABEL}(\.{_LABEL})*)"
_PATH = rf"/?{_SEGMENT}(/{_SEGMENT})*"

APP = record(
    ("id",),
    id=string(_PATH, least=1), cmd=string(least=2), args=array(TEXT),
    instances=integer(default=1), cpus=replace(numeric(0.001, default=1), old=numeric(0)),
    mem=numeric(default=128), disk=numeric(default=0), gpus=integer(default=0),
    container=_CONTAINER, networks=later(array(_NETWORK), 1, 5),
    portDefinitions=array(record(port=CHOSEN_PORT, protocol=PROTOCOL, name=NAME, labels=LABELS)),
    ports=array(PORT), requirePorts=FALSE, env=Spec("env"),
    secrets=table(record(("source",), source=string(least=1))), labels=LABELS,
    healthChecks=array(_CHECK, any_order=True), readinessChecks=array(_READINESS),
    upgradeStrategy=replace(_UPGRADE, old=replace(_UPGRADE, required=())),
    backoffSeconds=integer(default=1), backoffFactor=numeric(1, default=1.15), maxLaunchDelaySeconds=integer(),
    taskKillGracePeriodSeconds=integer(), unreachableStrategy=Spec("unreachable"),
    killSelection=string("", "YOUNGEST_FIRST", "OLDEST_FIRST", default="YOUNGEST_FIRST"),
    constraints=array(array(TEXT), any_order=True),
    fetch=array(_FETCH), uris=array(TEXT), dependencies=array(string(rf"{_PATH}|/"), any_order=True), user=TEXT,
    executor=string(default=""), acceptedResourceRoles=array(TEXT, any_order=True), residency=OBJECT,
    ipAddress=_ADDRESS, tty=later(FALSE, 1, 5), check=later(ANY, 1, 8), executorResources=later(ANY, 1, 7),
    resourceLimits=later(ANY, 1, 10), role=later(TEXT, 1, 9), storeUrls=array(TEXT), version=TEXT,
)  # fmt: skip

ANSWER_KEYS = frozenset({
    "versionInfo", "tasks", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "tasksStaged", "deployments",
    "lastTaskFailure", "readinessCheckResults", "taskStats", "tasksStats", "failures",
})  # fmt: skip
"""Keys that Marathon adds to its answers and that have no meaning in a definition."""

OPERATORS = frozenset({"UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"})
