"""The network of a session, the names its containers ask for, and the addresses at which they are reached."""

from __future__ import annotations

import functools
import os
from typing import Any
from urllib.parse import urlsplit

from docker import DockerClient

from harness.common import cache, owner

NO_NAMES: dict[str, Any] = {"dns": ["127.0.0.1"], "dns_opt": ["timeout:1", "attempts:1"]}
"""Who is asked for names that are none of a running container: nobody, for the network leads nowhere.

Docker's own name server does not say so, it says nothing; left to its usual patience a program waits 40 s for a
database server that was killed.
"""


def names_of(client: DockerClient) -> dict[str, Any]:
    """Return NO_NAMES for Docker, whose own name server is asked before; nothing for Podman.

    Podman up to 4.3 asks those alone who are named, and then containers do not find each other.
    """
    return {} if is_podman(client) else NO_NAMES


@functools.lru_cache(maxsize=8)  # asked once a client: each container would ask again
def is_podman(client: DockerClient) -> bool:
    """Tell whether the engine is Podman, by its own word."""
    parts = client.version().get("Components") or []
    return any("podman" in str(one.get("Name", "")).lower() for one in parts)


def network(client: DockerClient) -> str:
    """Return the name of the session's network, made on first use; all its containers see each other.

    They see nothing beyond this machine: what a site's scrips and plugins call is not for a copy of real data.
    (An `internal` network would do so too, but publishes no ports.)
    """
    name = f"rt-harness-{owner.session()}"
    with cache.lock(f"network-{owner.session()}"):
        if not client.networks.list(names=[name]):
            inside = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
            client.networks.create(name, driver="bridge", labels=owner.labels("network"), options=inside)
    return name


def reachable_host(client: DockerClient) -> tuple[str, str]:
    """Return where published ports are reached from here, and the address to publish them on.

    A local engine's ports stay on the loopback. A remote engine, or one outside the container that this runs
    in (TESTCONTAINERS_HOST_OVERRIDE says so), must publish on all its addresses to be reached at all.
    """
    if override := os.environ.get("TESTCONTAINERS_HOST_OVERRIDE"):
        return override, "0.0.0.0"
    if client.api.base_url.startswith("http+docker://"):
        return "127.0.0.1", "127.0.0.1"
    return urlsplit(client.api.base_url).hostname or "127.0.0.1", "0.0.0.0"
