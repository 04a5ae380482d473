"""What a version of Marathon makes of what it is sent: keys that it does not know it ignores, without a word.

Since when a key is known is from the RAML types of 1.5 to 1.10 and from the Formats.scala of 1.4.
"""

from __future__ import annotations

from typing import Any

Place = tuple[str, ...]
"""A way into a definition; "*" is every entry of a list."""

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
"""1.4 does know `credential`, for Mesos alone; to the stand-in, which runs no such app, it is as if unknown."""
OF_DOCKER = ("network", "parameters", "portMappings")
"""What 1.4 passes over where Mesos itself runs the image; later versions refuse it."""
DELAYS_UP_TO = {"1.10": 300}
"""The default of maxLaunchDelaySeconds where it is not an hour."""


def read(document: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Return a definition as that Marathon reads it. What was sent may be any JSON object, and stays as it is."""
    for place in UNKNOWN[dialect]:
        document = without(document, place)
    return in_new_words(document) if dialect == "1.4" else document


def defaults(document: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Fill in what is not given and has another default than with the others."""
    if dialect in DELAYS_UP_TO and document.get("maxLaunchDelaySeconds") is None:
        return {**document, "maxLaunchDelaySeconds": DELAYS_UP_TO[dialect]}
    return document


def without(value: Any, place: Place) -> Any:
    """Return a value without what stands in a place of it."""
    key, rest = place[0], place[1:]
    if key == "*":
        return [without(one, rest) for one in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or key not in value:
        return value
    if not rest:
        return {name: one for name, one in value.items() if name != key}
    return {**value, key: without(value[key], rest)}


def in_new_words(document: dict[str, Any]) -> dict[str, Any]:
    """Say what 1.4 takes in more than one way as the later versions want it."""
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
            # The later ones have no such network; as far as ports go it is like the host's.
            docker = {**docker, "network": "HOST"}
        document = {**document, "container": {**container, "docker": docker}}
    for place in (("portDefinitions",), ("container", "docker", "portMappings")):
        document = one_protocol(document, place)
    return document


def one_protocol(value: Any, place: Place) -> Any:
    """Return a value in which the ports of a place have their protocols in the one order that is left."""
    if place:
        if not isinstance(value, dict) or place[0] not in value:
            return value
        return {**value, place[0]: one_protocol(value[place[0]], place[1:])}
    if not isinstance(value, list):
        return value
    both = {"protocol": "udp,tcp"}
    return [
        {**one, **both} if isinstance(one, dict) and one.get("protocol") == "tcp,udp" else one for one in value
    ]
