"""Read networks and ports of an app definition, in both input dialects, as Marathon does.

1.4 knows `container.docker.network`, `container.docker.portMappings` and `ports`; from 1.5 on there are `networks`
and `container.portMappings`, and the old keys are merged into them (AppNormalization). As in `definition`, no
input is trusted. A dialect is a Marathon version as (major, minor).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from harness.marathon.definition import App, items, mapping, text, whole

Dialect = tuple[int, int]
NEWER: Dialect = (1, 6)
"""Any version that knows `networks`."""
MODES = {"container/bridge": "bridge", "host": "host"}
OLD_MODES = {"BRIDGE": "bridge", "USER": "container"}


@dataclass(frozen=True)
class Port:
    """One port of an app: an entry of portMappings (bridge, container) or portDefinitions (host)."""

    container_port: int
    host_port: int
    service_port: int
    name: str


def docker_of(app: App) -> dict[str, Any]:
    """The docker object of the container, or an empty one."""
    return mapping(mapping(app.get("container")).get("docker"))


def engine_of(app: App) -> str:
    """Return DOCKER or MESOS; an app without a container runs under Mesos itself."""
    container = app.get("container")
    return "MESOS" if container is None else text(mapping(container).get("type"), "DOCKER")


def networks_of(app: App, dialect: Dialect = NEWER) -> list[dict[str, Any]]:
    """Return `networks` as written; none on a Marathon that does not know the key, and so ignores it."""
    return [mapping(network) for network in items(app.get("networks"))] if dialect >= (1, 5) else []


def old_docker(app: App, dialect: Dialect) -> dict[str, Any]:
    """The docker object with its network and ports, which 1.4 ignores if Mesos itself runs the image."""
    return {} if dialect < (1, 5) and engine_of(app) == "MESOS" else docker_of(app)


def network_mode(app: App, dialect: Dialect = NEWER) -> str:
    """Return "host", "bridge" or "container" for either dialect.

    Without `networks`, `container.docker.network` and `ipAddress` Marathon takes host mode and silently drops
    every portMapping: the trap behind lint rule L07.
    """
    networks = networks_of(app, dialect)
    if networks:
        return MODES.get(text(networks[0].get("mode"), "container"), "container")
    old = text(old_docker(app, dialect).get("network"))
    if not old and app.get("ipAddress") is not None:
        return "container"
    return OLD_MODES.get(old.upper(), "host")


def given_mappings(app: App, dialect: Dialect = NEWER) -> object:
    """Return portMappings as written, from either of the two places; None if neither has it."""
    new, old = mapping(app.get("container")).get("portMappings"), old_docker(app, dialect).get("portMappings")
    return new if new is not None and dialect >= (1, 5) else old


def given_definitions(app: App) -> list[dict[str, Any]] | None:
    """Return portDefinitions, or `ports` in their form; None if neither is given."""
    definitions, plain = app.get("portDefinitions"), app.get("ports")
    if definitions is not None:
        return [mapping(definition) for definition in items(definitions)]
    return None if plain is None else [{"port": port} for port in items(plain)]


def ports_of(app: App, dialect: Dialect = NEWER) -> list[Port]:
    """Return the ports after Marathon's normalisation, in the order of portIndex."""
    definitions = given_definitions(app)
    if network_mode(app, dialect) == "host":
        found = [{"name": "default"}] if definitions is None else definitions
        numbers = [whole(definition.get("port"), 0) for definition in found]
        return [
            Port(0, port, port, text(definition.get("name")))
            for port, definition in zip(numbers, found, strict=True)
        ]
    given = given_mappings(app, dialect)
    if given is None and not definitions and network_mode(app, dialect) == "bridge":
        # A bridge app without mappings gets a default one; an empty list means none.
        given = [{"name": "default"}]
    # A port given beside a mapping is its service port; a port without a mapping adds an empty one.
    return [_mapped(*pair) for pair in zip_longest(map(mapping, items(given)), definitions or [])]


def _mapped(written: dict[str, Any] | None, definition: dict[str, Any] | None) -> Port:
    extra = definition or {}
    if written is None:
        return Port(0, 0, whole(extra.get("port"), 0), text(extra.get("name")))
    return Port(
        whole(written.get("containerPort"), 0),
        whole(written.get("hostPort"), 0),
        whole(written.get("servicePort"), 0) or whole(extra.get("port"), 0),
        text(written.get("name")),
    )
