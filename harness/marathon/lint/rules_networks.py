"""Rule L06 about networks, ports and addresses: definitions that Marathon rejects with 422 "Object is not valid".

The rules are those of NetworkValidation, AppValidation and AppNormalization of Marathon 1.5 and later. 1.4 has
those about keys that it knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.marathon.definition import App, health_checks, items, mapping, text
from harness.marathon.lint.catalogue import LintFindings, lint_finding
from harness.marathon.lint.rules_shape import shown
from harness.marathon.networking import (
    Dialect,
    docker_of,
    engine_of,
    given_mappings,
    network_mode,
    networks_of,
    ports_of,
)


def networks(app: App, dialect: Dialect) -> LintFindings:
    """Run every rule about networks and ports."""
    for rule in (_networks, _one_place, _ports, _port_networks, _addresses):
        yield from rule(app, dialect)


def _networks(app: App, dialect: Dialect) -> LintFindings:
    given = networks_of(app, dialect)
    modes = [text(one.get("mode"), "container") for one in given]
    for mode in ("host", "container/bridge"):
        if mode in modes and len(modes) > 1:
            yield lint_finding(
                "L06", "/networks", f"a {mode} network must be the only one", fix="keep one network"
            )
    if modes.count("container") > 1 and engine_of(app) == "DOCKER":
        yield lint_finding(
            "L06",
            "/networks",
            "a Docker container joins one container network at most",
            fix="keep one network, or use container type MESOS",
        )
    for name in _twice(
        [text(one.get("name")) for one, mode in zip(given, modes, strict=True) if mode == "container"]
    ):
        yield lint_finding(
            "L06", "/networks", f"network {shown(name)} is joined more than once", fix="name each once"
        )
    for index, one in enumerate(given):
        yield from _network_name(f"/networks({index})", modes[index], one.get("name"))
        if modes[index] == "host" and one.get("labels"):
            yield lint_finding(
                "L06", f"/networks({index})/labels", "a host network has no labels", fix="remove labels"
            )
    if not given and network_mode(app, dialect) == "container":
        yield from _network_name("/ipAddress", "container", mapping(app.get("ipAddress")).get("networkName"))


def _one_place(app: App, dialect: Dialect) -> LintFindings:
    docker, address = docker_of(app), app.get("ipAddress")
    if dialect >= (1, 5):
        joined = bool(networks_of(app, dialect))
        if joined and text(docker.get("network")):
            yield lint_finding(
                "L06", "/", "networks and container.docker.network exclude each other", fix="keep networks"
            )
        if joined and address is not None:
            yield lint_finding("L06", "/", "networks and ipAddress exclude each other", fix="keep networks")
        if mapping(app.get("container")).get("portMappings") is not None and docker.get("portMappings"):
            yield lint_finding(
                "L06",
                "/",
                "container.portMappings and container.docker.portMappings exclude each other",
                fix="keep container.portMappings",
            )
        if docker.get("network") == "NONE":
            yield lint_finding(
                "L06",
                "/container/docker/network",
                "NONE is no longer taken",
                fix="use a container network, or mode host",
            )
        if mapping(address).get("discovery") is not None and engine_of(app) == "DOCKER":
            yield lint_finding(
                "L06", "/ipAddress/discovery", "goes with container type MESOS alone", fix="use portMappings"
            )
    for key in ("ports", "portDefinitions"):
        if address is not None and app.get(key):
            yield lint_finding(
                "L06",
                "/",
                f"ipAddress and {key} exclude each other",
                fix=f"remove {key}: an app with an address of its own has portMappings",
            )


def _network_name(where: str, mode: str, name: object) -> LintFindings:
    if mode == "container" and not name:
        key = "networkName" if where == "/ipAddress" else "name"
        yield lint_finding(
            "L06",
            f"{where}/{key}",
            "a container network needs the name of the network",
            fix=f"give {key} (only a Marathon with --default_network_name does without)",
        )
    if mode != "container" and name:
        yield lint_finding("L06", f"{where}/name", f"a {mode} network has no name", fix="remove name")


def _ports(app: App, dialect: Dialect) -> LintFindings:
    host = network_mode(app, dialect) == "host"
    plain = items(app.get("ports"))
    defined = [mapping(one).get("port") or 0 for one in items(app.get("portDefinitions"))]
    # Those of an app on another network are merged into its mappings without any message.
    for key, ports in (("ports", plain), ("portDefinitions", defined if host else [])):
        for port in _twice([one for one in ports if isinstance(one, int) and one]):
            yield lint_finding(
                "L06",
                f"/{key}",
                f"port {shown(port)} is given more than once",
                fix="give every port a number of its own, or 0 for any",
            )
    both = app.get("ports") is not None and app.get("portDefinitions") is not None
    if both and plain != defined:
        yield lint_finding(
            "L06", "/", "ports and portDefinitions say different things", fix="keep portDefinitions"
        )
    for name in _twice([port.name for port in ports_of(app, dialect) if port.name]):
        where = "/portDefinitions" if host else "/container/portMappings"
        yield lint_finding(
            "L06",
            where,
            f"port name {shown(name)} is used more than once",
            fix="give every port a name of its own",
        )


def _port_networks(app: App, dialect: Dialect) -> LintFindings:
    joined = [text(one.get("name")) for one in networks_of(app, dialect)]
    if dialect < (1, 6) or network_mode(app, dialect) == "host":
        return
    given = given_mappings(app, dialect)
    for index, one in enumerate(map(mapping, items(given))):
        where, names = f"/container/portMappings({index})", items(one.get("networkNames"))
        for number, name in enumerate(names):
            if text(name) not in joined:
                yield lint_finding(
                    "L06",
                    f"{where}/networkNames({number})",
                    f"the app joins no network {shown(name)}",
                    fix="name one of those under networks",
                )
        if len(joined) > 1 and one.get("hostPort") is not None and len(names) != 1:
            yield lint_finding(
                "L06",
                where,
                f"a host port is on one network, and the app joins {len(joined)}",
                fix="name that one in networkNames",
            )


def _twice(values: Sequence[object]) -> list[object]:
    return [value for value, times in Counter(values).items() if times > 1]


def _addresses(app: App, dialect: Dialect) -> LintFindings:
    for check in health_checks(app):
        fits = check.protocol == "COMMAND" or (engine_of(app) == "DOCKER" and check.protocol.startswith("MESOS_"))
        if check.raw.get("ipProtocol") == "IPv6" and not fits and dialect >= (1, 6):
            yield lint_finding(
                "L06",
                f"/healthChecks({check.index})/ipProtocol",
                f"IPv6 goes with MESOS_* checks of a DOCKER container alone, not with {check.protocol}",
                fix="remove ipProtocol, or use MESOS_HTTP, MESOS_HTTPS or MESOS_TCP",
            )
