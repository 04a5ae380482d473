"""Apply a Marathon version's reading of a definition: it silently ignores keys that it does not know.

The first version of each key is from the RAML types of 1.5 to 1.10 and from the Formats.scala of 1.4.
"""

from __future__ import annotations

from typing import Any

Place = tuple[str, ...]
"""A path into a definition; "*" is every entry of a list."""

UNKNOWN: dict[str, tuple[Place, ...]] = {
    "1.4": (
        ("networks",),
        ("tty",),
        ("role",),
        ("container", "portMappings"),
        ("container", "docker", "pullConfig"),
        ("container", "docker", "credential"),
        ("container", "docker", "portMappings", "*", "networkNames"),
        ("container", "volumes", "*", "secret"),
        ("healthChecks", "*", "delaySeconds"),
        ("healthChecks", "*", "ipProtocol"),
    ),
    "1.6": (("role",),),
    "1.10": (),
}
"""1.4 does know `credential`, but only for Mesos; the stand-in runs no such app, so it counts as unknown."""
OF_DOCKER = ("network", "parameters", "portMappings")
"""Keys that 1.4 ignores if Mesos itself runs the image; later versions reject them."""
DELAYS_UP_TO = {"1.10": 300}
"""The default of maxLaunchDelaySeconds if it is not an hour."""


def read(document: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Return a definition as that Marathon reads it. The input may be any JSON object, and is not changed."""
    for place in UNKNOWN[dialect]:
        document = without(document, place)
    return in_new_words(document) if dialect == "1.4" else document


def defaults(document: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Fill in missing keys whose default differs from that of the other versions."""
    if dialect in DELAYS_UP_TO and document.get("maxLaunchDelaySeconds") is None:
        return {**document, "maxLaunchDelaySeconds": DELAYS_UP_TO[dialect]}
    return document


def without(value: Any, place: Place) -> Any:
    """Return a value without the content of a place."""
    key, rest = place[0], place[1:]
    if key == "*":
        return [without(item, rest) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or key not in value:
        return value
    if not rest:
        return {name: item for name, item in value.items() if name != key}
    return {**value, key: without(value[key], rest)}


def in_new_words(document: dict[str, Any]) -> dict[str, Any]:
    """Convert the alternative forms that 1.4 accepts to the one of later versions."""
    strategy = document.get("upgradeStrategy")
    if isinstance(strategy, dict):
        given = {key: value for key, value in strategy.items() if value is not None}
        both = {"minimumHealthCapacity": 1.0, "maximumOverCapacity": 1.0} | given
        document = {**document, "upgradeStrategy": both}
    container = document.get("container")
    docker = container.get("docker") if isinstance(container, dict) else None
    if isinstance(container, dict) and isinstance(docker, dict):
        if container.get("type") == "MESOS":
            docker = {key: value for key, value in docker.items() if key not in OF_DOCKER}
        elif docker.get("network") == "NONE":
            # Later versions have no such network; with regard to ports it is like the host's.
            docker = {**docker, "network": "HOST"}
        document = {**document, "container": {**container, "docker": docker}}
    for place in (("portDefinitions",), ("container", "docker", "portMappings")):
        document = one_protocol(document, place)
    return document


def one_protocol(value: Any, place: Place) -> Any:
    """Return a value in which the ports of a place have their protocols in the only remaining order."""
    if place:
        if not isinstance(value, dict) or place[0] not in value:
            return value
        return {**value, place[0]: one_protocol(value[place[0]], place[1:])}
    if not isinstance(value, list):
        return value
    both = {"protocol": "udp,tcp"}
    return [
        {**item, **both} if isinstance(item, dict) and item.get("protocol") == "tcp,udp" else item
        for item in value
    ]
