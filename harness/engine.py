"""The container engine: find the one that answers, never guess.

Order: DOCKER_HOST, the current docker context, Docker's usual socket, Podman's sockets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import requests
from docker import DockerClient
from docker.context import ContextAPI
from docker.errors import DockerException

from harness.errors import InfrastructureError

REPAIR = (
    "run `make engine` as root on Debian or Ubuntu to install and start the distribution's engine, or start "
    "your own Docker or Podman and, if it is not at its usual socket, name it in DOCKER_HOST"
)


class NoEngineError(InfrastructureError):
    """No container engine answers."""


def candidates() -> Iterator[str]:
    """Yield the addresses at which an engine may answer, the user's own choice first.

    A DOCKER_HOST that is set is the only candidate: silently using another engine than the one that was
    named could touch containers that the user did not mean.
    """
    if named := os.environ.get("DOCKER_HOST"):
        yield named
        return
    try:
        context = ContextAPI.get_current_context()
        if context and context.Name != "default" and context.Host:
            yield context.Host
            return
    except DockerException:
        pass  # a broken ~/.docker says nothing about the engine
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    for path in ("/var/run/docker.sock", f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"):
        yield f"unix://{path}"
    yield "unix:///run/podman/podman.sock"


def answering() -> str | None:
    """Return the address of the first engine that answers a ping, or None."""
    for address in candidates():
        if address.startswith("unix://") and not Path(address.removeprefix("unix://")).exists():
            continue
        try:
            client = docker.DockerClient(base_url=address, timeout=10)
            try:
                client.ping()
            finally:
                client.close()
        except (DockerException, requests.RequestException, OSError):
            continue
        return address
    return None


def connect(timeout: int = 120) -> DockerClient:
    """Return a client of the engine that answers, and make testcontainers use the same one.

    timeout: seconds that a single API call may take. Raises NoEngineError with what to do when none answers.
    """
    address = answering()
    if address is None:
        tried = "\n".join(candidates())
        raise NoEngineError("No container engine answers.", [("Asked", tried)], REPAIR)
    os.environ["DOCKER_HOST"] = address
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    return docker.DockerClient(base_url=address, timeout=timeout)
