"""Manage a session's network, the name resolution of its containers, and the addresses to reach them."""

from __future__ import annotations

import functools
import os
from typing import Any
from urllib.parse import urlsplit

from docker import DockerClient
from docker.errors import NotFound

from harness.common import cache, owner
from harness.engine.creation import creating

NO_NAMES: dict[str, Any] = {"dns": ["127.0.0.1"], "dns_opt": ["timeout:1", "attempts:1"]}
"""Name server setting that refuses all names except those of running containers: the network has no way out.

Docker's own name server does not refuse them but stays silent; with default time-outs a program would wait 40 s
for a database server that was killed.
"""
NAMES: tuple[str, bytes] = (
    "/etc/nsswitch.conf",
    b"""passwd: files
group: files
shadow: files
hosts: files dns [TRYAGAIN=continue] files
networks: files
protocols: files
services: files
""",
)
"""Path and content of a file that makes a silent name server's answer final, for RT's containers.

NO_NAMES ends the wait for one answer, but it is then "try again", which MariaDB's client library does for 30 s.
With one more source after the name server, the answer is that there is no such name.
"""


def names_of(client: DockerClient) -> dict[str, Any]:
    """Return NO_NAMES for Docker, whose own name server is asked first; nothing for Podman.

    Podman up to 4.3 asks only the name servers given, so that containers would not find each other.
    """
    return {} if is_podman(client) else NO_NAMES


@functools.lru_cache(maxsize=8)  # cached per client: otherwise each new container would ask again
def is_podman(client: DockerClient) -> bool:
    """Tell whether the engine is Podman, from its version answer."""
    parts = client.version().get("Components") or []
    return any("podman" in str(one.get("Name", "")).lower() for one in parts)


def network(client: DockerClient) -> str:
    """Return the name of the session's network, created on first use; all its containers reach each other.

    They reach nothing beyond this machine: scrips and plugins of a copied site must not contact real services.
    (An `internal` network would do so too, but publishes no ports.)
    """
    name = f"rt-harness-{owner.session()}"
    with cache.lock(f"network-{owner.session()}"):
        if not client.networks.list(names=[name]):
            inside = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
            labels = owner.labels("network", kept=True)
            with creating():
                client.networks.create(name, driver="bridge", labels=labels, options=inside)
    return name


def reachable_host(client: DockerClient) -> tuple[str, str]:
    """Return the host at which published ports are reached from here, and the address to publish them on.

    A local engine's ports stay on the loopback. A container of that engine has another loopback; for it they are
    on the gateway of its network, an address of the engine's machine that other machines do not reach. A remote
    engine, or another one outside the container in which this runs (TESTCONTAINERS_HOST_OVERRIDE says so), must
    publish on all its addresses to be reachable.
    """
    if override := os.environ.get("TESTCONTAINERS_HOST_OVERRIDE"):
        return override, "0.0.0.0"
    if client.api.base_url.startswith("http+docker://"):
        local = _gateway(client, owner.runner().partition("@")[0]) or "127.0.0.1"
        return local, local
    return urlsplit(client.api.base_url).hostname or "127.0.0.1", "0.0.0.0"


@functools.lru_cache(maxsize=8)  # asked for every container and port
def _gateway(client: DockerClient, container: str) -> str:
    """Return the gateway of a container's network; "" if this engine has no such one, or it is on the host's."""
    if not container:
        return ""
    try:
        networks = client.api.inspect_container(container)["NetworkSettings"]["Networks"]
    except NotFound:
        return ""
    return next((str(one["Gateway"]) for one in networks.values() if one.get("Gateway")), "")
