"""Rules about updates, ports and placement: L02, L07, L15, L16, L19-L22."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.marathon.comparison import changes
from harness.marathon.definition import (
    App,
    capacity,
    image_of,
    instances_of,
    items,
    labels_of,
    mapping,
    number,
    strategy_of,
    text,
)
from harness.marathon.lint.catalogue import LintFindings, lint_finding
from harness.marathon.networking import Dialect, docker_of, network_mode, ports_of

SHORTEST_STOP = 3
"""Seconds between SIGTERM and SIGKILL if no grace period is given (Mesos's default, about)."""

HOST_NAME = ("hostname", "@hostname")
"""Names of the field of a constraint that is the agent's host name."""
PLAIN_NAME = re.compile(r"(?:[\w-]|\\?\.)+")
"""A pattern of LIKE that one host matches, for practical purposes: its name, with dots as they are or escaped."""
VHOST = re.compile(r"HAPROXY_(\d{1,6})_[A-Z_]+")


def deployment(app: App, dialect: Dialect, previous: App | None = None) -> LintFindings:
    """Run every rule about deployments. `previous` is the definition that runs now, if known."""
    yield from _outage(app, dialect, previous)
    yield from _dropped_mappings(app, dialect)
    yield from _stopping(app)
    yield from _backoff(app, dialect)
    yield from _image(app)
    yield from _balancer(app, dialect)
    yield from _readiness(app, dialect)
    yield from _room(app, dialect)


def _outage(app: App, dialect: Dialect, previous: App | None) -> LintFindings:
    instances = instances_of(app)
    kept = capacity(instances, *strategy_of(app)).minimum_healthy if instances > 0 else 0
    if instances > 0 and kept <= 0:
        yield lint_finding(
            "L02",
            "/upgradeStrategy/minimumHealthCapacity",
            f"of {instances} instance(s), 0 old ones are kept until the new ones are healthy",
        )
    if previous is None:
        return
    before = instances_of(previous)
    changed = [key for key in changes(app, previous, dialect) if key != "instances"]
    if 0 < instances < before and changed:
        yield lint_finding(
            "L02",
            "/instances",
            f"lowered from {before} to {instances} together with {', '.join(changed[:4])}: "
            f"only {kept} old one(s) stay until the new ones are healthy",
        )


def _dropped_mappings(app: App, dialect: Dialect) -> LintFindings:
    new = items(mapping(app.get("container")).get("portMappings"))
    old = items(docker_of(app).get("portMappings"))
    if network_mode(app, dialect) == "host":
        said = "no network is given, so it is host"
        if app.get("networks") and dialect < (1, 5):
            said = "Marathon 1.4 does not know `networks`, so the network is host"
        elif app.get("networks") or text(docker_of(app).get("network")):
            said = "the network is host"
    elif new and dialect < (1, 5):
        # The network maps ports, but not those at a place that this Marathon version does not read.
        old, said = [], "Marathon 1.4 reads those in container.docker alone"
    else:
        return
    for where, given in (("/container/portMappings", new), ("/container/docker/portMappings", old)):
        if given:
            yield lint_finding("L07", where, f"{len(given)} port mapping(s), but {said}")


def _stopping(app: App) -> LintFindings:
    given = app.get("taskKillGracePeriodSeconds")
    if given is None:
        yield lint_finding("L15", "/taskKillGracePeriodSeconds", "is not given")
    elif number(given, SHORTEST_STOP) < SHORTEST_STOP:
        what = f"{number(given, 0):g} s is even less than the {SHORTEST_STOP} s without it"
        yield lint_finding("L15", "/taskKillGracePeriodSeconds", what)


def _backoff(app: App, dialect: Dialect) -> LintFindings:
    given = app.get("maxLaunchDelaySeconds")
    longest = number(given, 300 if dialect >= (1, 8) else 3600)
    if longest > 300:
        said = "is" if given is not None else "is not given, and the default is"
        yield lint_finding("L16", "/maxLaunchDelaySeconds", f"{said} {longest:g} s")


def _image(app: App) -> LintFindings:
    image = image_of(app)
    if not image:
        return
    host, slash, rest = image.partition("/")
    name = rest if slash and (":" in host or "." in host or host == "localhost") else image
    where = "/container/docker/image"
    if "@" not in name and ":" not in name:
        yield lint_finding("L19", where, f"{image} has no tag, so it means latest")
    elif name.endswith(":latest"):
        yield lint_finding("L19", where, f"{image} is tagged latest")
    if slash and ":" in host:
        yield lint_finding(
            "L19",
            where,
            f"{image} names a registry with a port",
            fix="serve the registry on 443, so that the first ':' starts the tag",
        )


def _balancer(app: App, dialect: Dialect) -> LintFindings:
    labels, ports = labels_of(app), ports_of(app, dialect)
    grouped = "HAPROXY_GROUP" in labels or any(re.fullmatch(r"HAPROXY_\d+_GROUP", key) for key in labels)
    # In host mode a port is the service port as well, unless requirePorts fixes the host's own.
    meant = network_mode(app, dialect) != "host" or app.get("requirePorts") is not True
    served = [index for index, port in enumerate(ports) if port.service_port and meant]
    if served and not grouped:
        yield lint_finding(
            "L20", "/labels/HAPROXY_GROUP", f"port {served[0]} has a service port but no load balancer group"
        )
    for key in labels:
        numbered = VHOST.fullmatch(key)
        if numbered and int(numbered[1]) >= len(ports):
            yield lint_finding(
                "L20",
                f"/labels/{key}",
                f"speaks of port {numbered[1]} of {len(ports)} port(s)",
                fix=f"number it 0 to {max(0, len(ports) - 1)}",
            )


def _readiness(app: App, dialect: Dialect) -> LintFindings:
    checks = [mapping(one) for one in items(app.get("readinessChecks"))]
    if len(checks) > 1:
        yield lint_finding("L21", "/readinessChecks", f"{len(checks)} readiness checks, and one is allowed")
    names = {port.name for port in ports_of(app, dialect) if port.name}
    for index, check in enumerate(checks):
        where = f"/readinessChecks({index})"
        name = text(check.get("portName"), "http-api")
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            yield lint_finding(
                "L21", f"{where}/portName", f"port name {name[:60]!r} is not defined (defined: {known[:120]})"
            )
        interval, timeout = number(check.get("intervalSeconds"), 30), number(check.get("timeoutSeconds"), 10)
        if timeout >= interval:
            yield lint_finding(
                "L21",
                f"{where}/timeoutSeconds",
                f"{timeout:g} s time-out, interval {interval:g} s",
                fix="choose timeoutSeconds below intervalSeconds",
            )


def _room(app: App, dialect: Dialect) -> LintFindings:
    instances = instances_of(app)
    separate = [*_one_to_a_place(app, dialect)]
    one_host = [
        index
        for index, field, operator, value in _constraints(app)
        if field in HOST_NAME
        and ((operator in ("CLUSTER", "IS") and value) or (operator == "LIKE" and PLAIN_NAME.fullmatch(value)))
    ]
    if instances > 1 and separate and one_host:
        for where, why, _ in separate:
            what = f"{instances} instances on one host (constraint {one_host[0]}), but {why}"
            yield lint_finding(
                "L22", where, what, level="E", fix="drop one of the two constraints, or the fixed port"
            )
    elif instances == 1 and capacity(1, *strategy_of(app)).kill_now == 0:
        for where, why, place in separate:
            yield lint_finding("L22", where, f"{why}: the new task needs another {place}")


def _one_to_a_place(app: App, dialect: Dialect) -> Iterator[tuple[str, str, str]]:
    """Yield the parts of a definition that allow one task on a host, or in a rack or zone: where, why, which."""
    in_host_mode = network_mode(app, dialect) == "host"
    fixed = [port.host_port for port in ports_of(app, dialect) if port.host_port]
    if fixed and (not in_host_mode or app.get("requirePorts") is True):
        where = "/portDefinitions" if in_host_mode else "/container/portMappings"
        yield where, f"host port {fixed[0]} is fixed, so one task fits on a host", "host"
    for index, field, operator, value in _constraints(app):
        if operator == "UNIQUE" or (operator, value) == ("MAX_PER", "1"):
            place = "host" if field in HOST_NAME else field[:60]
            yield f"/constraints({index})", f"{operator} allows one task for each {place}", place


def _constraints(app: App) -> Iterator[tuple[int, str, str, str]]:
    """Yield index, field, operator and value ("" for none) of each constraint."""
    for index, constraint in enumerate(map(items, items(app.get("constraints")))):
        if len(constraint) > 1:
            value = text(constraint[2]) if len(constraint) > 2 else ""
            yield index, text(constraint[0]), text(constraint[1]), value
