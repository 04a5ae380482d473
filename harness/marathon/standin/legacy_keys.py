"""Validate keys that have an old and a new form, of which a client may use only one.

Marathon checks them before it converts them (validateOldAppAPI of its AppValidation, and AppNormalization itself),
so they are checked here, on the definition as it was read. The texts are Marathon's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.marathon.standin.errors import not_valid
from harness.marathon.standin.model import App

Problem = tuple[str, str]
NO_URI = re.compile(r'[\x00-\x20\x7f"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})')
"""Characters that java.net.URI rejects in a URI."""


def check_sent(app: App) -> None:
    """Raise ApiError 422 "Object is not valid" with every contradiction; return if there is none."""
    rules = (places, addresses, ports, artifacts, old_container, residents)
    problems = [problem for rule in rules for problem in rule(app)]
    if problems:
        raise not_valid(problems)


def places(app: App) -> Iterator[Problem]:
    """Networks and port mappings are given in one place only."""
    docker = app.container.docker if app.container else None
    if docker and docker.network and app.networks:
        yield "/", "must not specify both container.docker.network and networks"
    if docker and docker.network == "NONE":
        yield "/", "unsupported docker network type None"
    if app.ip_address is not None and app.networks:
        yield "/", "must not specify both networks and ipAddress"
    if app.container and app.container.port_mappings is not None and docker and docker.port_mappings:
        yield "/", "cannot specify both portMappings and docker.portMappings"


def addresses(app: App) -> Iterator[Problem]:
    """An app with an address of its own has no host ports, and Docker knows no discovery."""
    if app.ip_address is None:
        return
    if app.ports or app.port_definitions:
        yield "/", "cannot specify both an IP address and port"
    if app.ip_address.discovery is not None and app.container and app.container.type == "DOCKER":
        yield "/ipAddress", "ipAddress/discovery is not allowed for Docker containers"


def ports(app: App) -> Iterator[Problem]:
    """The old list of ports has no duplicates, and agrees with the new one."""
    fixed = [port for port in app.ports or [] if port]
    if len(fixed) != len(set(fixed)):
        yield "/", "ports must be unique"
    defined = None if app.port_definitions is None else [definition.port for definition in app.port_definitions]
    if app.ports is not None and defined is not None and app.ports != defined:
        yield "/", "cannot specify both ports and port definitions"


def artifacts(app: App) -> Iterator[Problem]:
    """Artifacts are given in one form only, and by URIs."""
    if app.uris and app.fetch:
        yield "/uris", "may not be set in conjunction with fetch"
    given = {f"/uris({index})": uri for index, uri in enumerate(app.uris or [])}
    given |= {f"/fetch({index})/uri": item.uri for index, item in enumerate(app.fetch)}
    for path, uri in given.items():
        if NO_URI.search(uri):
            yield path, "URI has invalid syntax."


def old_container(app: App) -> Iterator[Problem]:
    """`credential` is no longer a registry login, and Mesos has none of Docker's own settings."""
    docker = app.container.docker if app.container else None
    if app.container is None or docker is None:
        return
    given = {"credential": docker.credential is not None}
    if app.container.type == "MESOS":
        given |= {
            "network": docker.network is not None,
            "parameters": bool(docker.parameters),
            "portMappings": bool(docker.port_mappings),
        }
    for key, there in given.items():
        if there:
            yield f"/container/docker/{key}", "must be empty"


def residents(app: App) -> Iterator[Problem]:
    """Tasks that keep their place are not given up when their agent is lost."""
    told = "unreachable_strategy" in app.model_fields_set and app.unreachable_strategy != "disabled"
    if told and app.resident:
        yield "/", "unreachableStrategy must be disabled for resident tasks"


def check_part(app: App) -> None:
    """Raise ApiError 422 if a partial update has ports that its network does not use.

    In a whole definition Marathon drops or merges them silently; in an update it rejects them.
    """
    docker = app.container.docker if app.container else None
    old = docker.network if docker else None
    if not (app.networks or old or app.ip_address):
        return
    host = bool(app.networks and app.networks[0].mode == "host") or old in ("HOST", "NONE")
    mappings = app.container and (app.container.port_mappings or (docker and docker.port_mappings))
    if host and mappings:
        raise not_valid([("/", "portMappings are not allowed with host-networking")])
    if not host and (app.port_definitions or app.ports):
        raise not_valid([("/", "portDefinitions are only allowed with host-networking")])
