"""Validate the rules of an app definition beyond types and ranges; each violation is a (path, text) pair.

The texts are Marathon's own where clients may match on them. They are applied to the normalised definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.marathon.standin.checks import HealthCheck
from harness.marathon.standin.errors import not_valid
from harness.marathon.standin.model import App
from harness.marathon.standin.normalize import SINGLE_INSTANCE

Problem = tuple[str, str]
RESERVED = frozenset({"restart", "tasks", "versions", ".", ".."})
OPERATORS = frozenset({"UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"})


def validate(app: App, dialect: str = "1.6") -> None:
    """Raise ApiError 422 "Object is not valid" with every violation; return if there is none.

    dialect: whose rules apply, if versions differ.
    """
    rules = (
        identity,
        what_to_run,
        volumes,
        networks,
        ports,
        health,
        readiness,
        strategy,
        placement,
        secrets,
    )
    problems = [problem for rule in rules for problem in rule(app)]
    problems += constraints(app, dialect)
    if problems:
        raise not_valid(problems)


def identity(app: App) -> Iterator[Problem]:
    """The id is not empty, and its last segment is not a reserved word of the interface."""
    if app.id == "/":
        yield "/id", "must not be the root"
    if app.id.rsplit("/", 1)[-1] in RESERVED:
        yield "/id", "must not end in any of " + ", ".join(sorted(RESERVED))


def what_to_run(app: App) -> Iterator[Problem]:
    """There is one command, or an image with its own."""
    container = app.container
    image = container is not None and (container.docker is not None or container.appc is not None)
    if (app.cmd and app.args) or not (app.cmd or app.args or image):
        yield "/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."
    if app.cmd is not None and len(app.cmd) <= 1:
        yield "/cmd", "must be longer than 1 character"
    if container and container.type == "DOCKER" and container.docker is None:
        yield "/container/docker", "not defined"
    pull = container.docker.pull_config if container and container.docker else None
    if container and container.type == "DOCKER" and pull is not None:
        yield "/container/docker/pullConfig", "pullConfig is not supported with Docker containerizer"
    elif pull is not None and pull.secret not in app.secrets:
        yield "/container/docker/pullConfig", "pullConfig.secret must refer to an existing secret"
    if app.gpus and container and container.type == "DOCKER":  # without a container Mesos itself runs it
        yield "/", "GPU resources only work with the Mesos containerizer"


def volumes(app: App) -> Iterator[Problem]:
    """A volume from the host has a host path and a mode."""
    for index, volume in enumerate(app.container.volumes if app.container else []):
        if volume.persistent is None and volume.external is None and volume.secret is None:
            if volume.host_path is None:
                yield f"/container/volumes({index})/hostPath", "undefined"
            if volume.mode is None:
                yield f"/container/volumes({index})/mode", "undefined"
        if volume.secret is not None and volume.secret not in app.secrets:
            yield f"/container/volumes({index})/secret", "references an undefined secret"


def networks(app: App) -> Iterator[Problem]:
    """Network modes do not mix, and only container networks have names."""
    found = app.networks or []
    modes = {network.mode for network in found}
    if len(modes) > 1 or (len(found) > 1 and "container" not in modes):
        yield (
            "/networks",
            ("May specify a single host network, single bridge network, or else 1-to-n container networks"),
        )
    if len(found) > 1 and "container" in modes and app.container and app.container.type == "DOCKER":
        yield "/", "may only specify a single container network when using the Docker container engine"
    names = [network.name for network in found if network.mode == "container"]
    if len(names) != len(set(names)):
        yield "/networks", "Duplicate networks are not allowed"
    if any(network.mode == "host" and (network.name or network.labels) for network in found):
        yield "/networks", "Host networks may not have names or labels"
    if any(network.mode == "container/bridge" and network.name for network in found):
        yield "/networks", "Bridge networks may not have names"
    if any(network.mode == "container" and not network.name for network in found):
        yield "/networks", "Network name must be specified when container network is selected."


def duplicates(values: Sequence[Any]) -> bool:
    """Tell whether a value occurs twice, leaving out 0 and None."""
    named = [value for value in values if value]
    return len(named) != len(set(named))


def ports(app: App) -> Iterator[Problem]:
    """Ports and their names are unique."""
    if duplicates([definition.port for definition in app.port_definitions or []]):
        yield "/portDefinitions", "Ports must be unique."
    if duplicates(app.port_names()):
        where = "/portDefinitions" if app.mode == "host" else "/container/portMappings"
        yield where, "Port names must be unique."
    yield from networks_of_ports(app)


def networks_of_ports(app: App) -> Iterator[Problem]:
    """A port is on networks that the app joins; with several networks a host port names one."""
    joined = [network.name for network in app.networks or [] if network.mode == "container"]
    for index, mapping in enumerate(app.container.port_mappings or [] if app.container else []):
        path = f"/container/portMappings({index})"
        for number, name in enumerate(mapping.network_names):
            if name not in joined:
                yield f"{path}/networkNames({number})", f"is not one of ({','.join(map(str, joined))})"
        if len(joined) > 1 and mapping.host_port is not None and len(mapping.network_names) != 1:
            yield (
                path,
                (
                    "networkNames must be a single item list when hostPort is specified and more than 1 container "
                    "network is defined"
                ),
            )


def health(app: App) -> Iterator[Problem]:
    """Each check uses an existing port; at most one check has a protocol that Mesos runs."""
    for index, check in enumerate(app.health_checks):
        yield from one_check(app, f"/healthChecks({index})", check)
    if sum(check.protocol.startswith("MESOS_") for check in app.health_checks) > 1:
        yield "/healthChecks", "AppDefinition can contain at most one Mesos health check"


def one_check(app: App, path: str, check: HealthCheck) -> Iterator[Problem]:
    """The rules of a single health check."""
    if check.protocol == "COMMAND":
        return
    if check.port is not None and check.port_index is not None:
        yield path, "HealthCheck must specify either a port or a portIndex, not both."
    beyond = check.port_index is not None and check.port_index >= len(app.port_names())
    if check.by_marathon and check.port is None and (check.port_index is None or beyond):
        yield (
            path,
            "Health check port indices must address an element of the ports array or container port mappings.",
        )
    docker = bool(app.container and app.container.type == "DOCKER")
    if check.ip_protocol == "IPv6" and not (docker and check.protocol.startswith("MESOS_")):
        yield (
            path,
            "IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks",
        )


def readiness(app: App) -> Iterator[Problem]:
    """One readiness check at most, on a port of that name, with a time-out inside its interval."""
    if len(app.readiness_checks) > 1:
        yield "/readinessChecks", "may contain at most one readiness check"
    for index, check in enumerate(app.readiness_checks):
        if check.port_name not in app.port_names():
            yield f"/readinessChecks({index})", f"No port definition reference for portName {check.port_name}"
        if check.timeout_seconds >= check.interval_seconds:
            yield f"/readinessChecks({index})/timeoutSeconds", "must be less than the interval"


def strategy(app: App) -> Iterator[Problem]:
    """Single-instance and resident apps may not exceed their number of instances; waits are in order."""
    both = (app.strategy.minimum_health_capacity, app.strategy.maximum_over_capacity)
    if app.labels.get(SINGLE_INSTANCE) == "true":
        if app.instances > 1:
            yield "/instances", "Single instance app may only have one instance"
        if both != (0.0, 0.0):
            yield "/upgradeStrategy", "must be 0 and 0 for a single instance app"
    if app.resident and both[1] != 0:
        yield "/upgradeStrategy/maximumOverCapacity", "must be 0 for a resident app"
    lost = app.unreachable_strategy
    if not isinstance(lost, str) and lost.inactive_after_seconds > lost.expunge_after_seconds:
        yield "/unreachableStrategy", "inactiveAfterSeconds must not be greater than expungeAfterSeconds"


def placement(app: App) -> Iterator[Problem]:
    """Tasks that keep their place have a persistent volume; accepted roles are not empty."""
    if app.residency is not None and not app.persistent:
        yield "/", "App must contain persistent volumes and define residency"
    if app.accepted_resource_roles is not None and not app.accepted_resource_roles:
        yield "/acceptedResourceRoles", "must not be empty"


def constraints(app: App, dialect: str) -> Iterator[Problem]:
    """A constraint is a field, an operator and, for most operators, a value."""
    known = OPERATORS - {"IS"} if dialect == "1.4" else OPERATORS
    for index, constraint in enumerate(app.constraints):
        path = f"/constraints({index})"
        if len(constraint) not in (2, 3):
            yield path, "Each constraint must have either 2 or 3 fields"
            continue
        operator, value = constraint[1], constraint[2] if len(constraint) == 3 else None
        if operator not in known:
            yield path, "Operator must be one of " + ", ".join(sorted(known))
        elif operator == "UNIQUE" and (value or (value is not None and dialect != "1.4")):
            yield path, "Value specified but not used"
        elif operator == "CLUSTER" and not value:
            yield path, "Missing value"
        elif operator in ("LIKE", "UNLIKE") and not is_pattern(value):
            yield path, f"{operator} needs a regular expression"
        elif operator in ("MAX_PER", "GROUP_BY") and not (value or "").isdecimal():
            if operator == "MAX_PER" or value is not None:
                yield path, f"Value was not a whole number: {operator}"
        elif operator == "IS" and value is None:
            yield path, "IS needs a value"


def is_pattern(value: str | None) -> bool:
    """Tell whether there is a value and it is a regular expression."""
    try:
        re.compile(value or "(")
    except re.error:
        return False
    return True


def secrets(app: App) -> Iterator[Problem]:
    """Secrets have a source, and variables refer to secrets that exist."""
    for name, secret in app.secrets.items():
        if not secret.get("source"):
            yield f"/secrets/{name}/source", "must not be empty"
    for name, value in app.env.items():
        if isinstance(value, dict) and value.get("secret") not in app.secrets:
            yield f"/env/{name}", "references an undefined secret"
