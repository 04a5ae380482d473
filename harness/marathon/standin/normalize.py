"""Convert a client's definition to the stored one: Marathon's own migrations and defaults.

Facts come from Marathon's AppNormalization. A known trap: without `networks` and without
`container.docker.network` an app is in host mode and its portMappings are dropped silently.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from harness.marathon.standin import versions
from harness.marathon.standin.checks import HealthCheck
from harness.marathon.standin.errors import ApiError, broken_json, invalid_json
from harness.marathon.standin.legacy_keys import check_sent
from harness.marathon.standin.model import (
    App,
    Container,
    Fetch,
    Network,
    PortDefinition,
    PortMapping,
    UpgradeStrategy,
)

SERVICE_PORTS = range(10_000, 20_001)
SINGLE_INSTANCE = "MARATHON_SINGLE_INSTANCE_APP"
RESIDENCY = {"relaunchEscalationTimeoutSeconds": 3600, "taskLostBehavior": "WAIT_FOREVER"}
"""Residency implied by a persistent volume."""


def absolute(app_id: str) -> str:
    """Make an id absolute: relative to the root, with `.` and `..` resolved and doubled slashes folded."""
    parts: list[str] = []
    for part in app_id.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def parse(document: Any, prefix: tuple[int | str, ...] = (), dialect: str = "1.6", *, ours: bool = False) -> App:
    """Read one app definition, old style or new. Raises ApiError: 422 "Invalid JSON", or a reader's 500.

    dialect: whose keys, defaults and limits apply, if versions differ. ours: it is the stored one, in the new
    style whatever the dialect, with the result of `versions.read` on a client's merged in.
    """
    if isinstance(document, dict):
        document = versions.defaults(document if ours else versions.read(document, dialect), dialect)
    try:
        app = App.model_validate(document, context={"dialect": dialect, "ours": ours})
    except ValidationError as error:
        raise invalid_json(error, prefix) from None
    checks = enumerate(app.health_checks)
    return app.replace(
        health_checks=[readable(check, dialect, (*prefix, "healthChecks", i)) for i, check in checks]
    )


def readable(check: HealthCheck, dialect: str, place: tuple[int | str, ...]) -> HealthCheck:
    """Return a check as Marathon reads it.

    The reader of 1.5+ throws at a COMMAND check with the wrong companions, which is a 500; that of 1.4 drops keys
    that the protocol does not use, and only requires the command of a COMMAND.
    """
    is_command = check.protocol == "COMMAND"
    if dialect == "1.4":
        if not is_command:
            return check.replace(command=None)
        if check.command is None:
            raise broken_json((*place, "command"), "error.path.missing")
        return check.replace(path=None, port=None)
    stray = check.path is not None or check.port is not None  # portIndex is allowed, and ignored
    if is_command != (check.command is not None) or (is_command and stray):
        raise ApiError(
            500,
            {
                "message": f"{check.protocol} health check cannot be read: a command, and only a "
                "command, belongs to protocol COMMAND"
            },
        )
    return check


def merge(current: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a partial PUT: whole top-level values are replaced, never merged deeper.

    A null changes nothing. A key that is an alternative form of another one (cmd/args, uris/fetch, the two network
    dialects) replaces it.
    """
    update = {key: value for key, value in update.items() if value is not None}
    merged = {**current, **update}
    container = update.get("container")
    docker = container.get("docker") if isinstance(container, dict) else None
    old = (isinstance(docker, dict) and docker.get("network")) or "ipAddress" in update
    if old and "networks" not in update:
        merged.pop("networks", None)
    if "networks" in update or "networks" not in merged:
        merged = {k: v for k, v in merged.items() if k not in ("portDefinitions", "ipAddress") or k in update}
    for key, twin in (("cmd", "args"), ("args", "cmd"), ("uris", "fetch"), ("ports", "portDefinitions")):
        if key in update and twin not in update:
            merged.pop(twin, None)
    return merged


def normalize(app: App, taken: Collection[int] = (), previous: App | None = None) -> App:
    """Return the stored form: new-style networks and ports, defaults filled in, service ports assigned.

    taken: service ports of other apps. previous: the app's last definition, whose service ports are kept.
    Raises ApiError 422 for contradictions between the two dialects.
    """
    check_sent(app)
    app = fold_network(app.replace(id=absolute(app.id)))
    app = fold_ports(app)
    app = give_service_ports(app, taken, previous)
    if app.uris is not None:
        app = app.replace(fetch=app.fetch or [Fetch(uri=uri) for uri in app.uris], uris=None)
    if app.persistent and app.residency is None:
        app = app.replace(residency=RESIDENCY)
    ports = len(app.port_names())
    checks = [
        check.replace(port_index=0)
        if ports and check.protocol != "COMMAND" and check.port is None and check.port_index is None
        else check
        for check in app.health_checks
    ]
    return app.replace(
        health_checks=[check for index, check in enumerate(checks) if check not in checks[:index]],
        dependencies=[absolute(dependency) for dependency in app.dependencies],
        upgrade_strategy=app.upgrade_strategy or default_strategy(app),
        unreachable_strategy="disabled" if app.residency else app.unreachable_strategy,
    )


def default_strategy(app: App) -> UpgradeStrategy:
    """Return the strategy of an app that gives none."""
    minimum, over = (1.0, 1.0)
    if app.labels.get(SINGLE_INSTANCE) == "true":
        minimum, over = (0.0, 0.0)
    elif app.residency:
        minimum, over = (0.5, 0.0)
    return UpgradeStrategy(minimum_health_capacity=minimum, maximum_over_capacity=over)


def fold_network(app: App) -> App:
    """Convert docker.network and ipAddress to `networks`, and docker.portMappings to the container's."""
    docker = app.container.docker if app.container else None
    networks = app.networks or None
    old = docker.network if docker else None
    user_network = app.ip_address.network_name if app.ip_address else None
    if networks is None:
        if old == "BRIDGE":
            networks = [Network(mode="container/bridge")]
        elif old == "USER" or (app.ip_address is not None and old is None):
            networks = [Network(mode="container", name=user_network)]
        else:
            networks = [Network(mode="host")]
    container: Container | None = app.container
    if container and docker:
        mappings = container.port_mappings if container.port_mappings is not None else docker.port_mappings
        container = container.replace(
            docker=docker.replace(network=None, port_mappings=None), port_mappings=mappings
        )
    return app.replace(networks=networks, container=container, ip_address=None)


def fold_ports(app: App) -> App:
    """Keep the one list of ports that fits the network mode; the other is dropped or merged in."""
    sent = app.port_definitions
    if app.ports is not None:
        sent = sent if sent is not None else [PortDefinition(port=port) for port in app.ports]
    if app.mode == "host":
        container = app.container.replace(port_mappings=None) if app.container else None
        default = [PortDefinition(port=0, name="default")]
        return app.replace(container=container, ports=None, port_definitions=sent if sent is not None else default)
    container = app.container or Container(type="MESOS")
    mappings = container.port_mappings
    if mappings is None:
        mappings = [PortMapping(name="default")] if app.mode == "container/bridge" and not sent else []
    # Additional service ports become additional mappings; one beside a mapping only sets its service port.
    mappings = [
        mapping.replace(
            service_port=mapping.service_port or (sent[index].port if sent and index < len(sent) else 0)
        )
        for index, mapping in enumerate(mappings)
    ]
    mappings += [PortMapping(service_port=extra.port, name=extra.name) for extra in (sent or [])[len(mappings) :]]
    if app.mode == "container/bridge":
        mappings = [mapping.replace(host_port=mapping.host_port or 0) for mapping in mappings]
    return app.replace(
        container=container.replace(port_mappings=mappings),
        ports=None,
        port_definitions=None,
        require_ports=False,
    )


def service_ports(app: App) -> list[int]:
    """Return the app's service ports in portIndex order."""
    if app.mode == "host":
        return [definition.port for definition in app.port_definitions or []]
    return [mapping.service_port for mapping in (app.container and app.container.port_mappings) or []]


def give_service_ports(app: App, taken: Collection[int], previous: App | None) -> App:
    """Replace each service port 0 by the previous one at this index, else by the lowest free one."""
    wanted = service_ports(app)
    held = service_ports(previous) if previous else []
    used = set(taken) | set(wanted)
    given: list[int] = []
    for index, port in enumerate(wanted):
        if port == 0 and index < len(held) and held[index] not in used:
            port = held[index]  # noqa: PLW2901 - the final port of this index
        elif port == 0:
            port = next(free for free in SERVICE_PORTS if free not in used)  # noqa: PLW2901
        used.add(port)
        given.append(port)
    if app.mode == "host":
        definitions = app.port_definitions or []
        return app.replace(port_definitions=[d.replace(port=p) for d, p in zip(definitions, given, strict=True)])
    container = app.container
    if container is None:
        return app
    mappings = container.port_mappings or []
    return app.replace(
        container=container.replace(
            port_mappings=[m.replace(service_port=p) for m, p in zip(mappings, given, strict=True)]
        )
    )
