"""A harness in a container beside the engine's socket reaches what it starts: CI servers often run it so."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from docker import DockerClient
from docker.errors import ContainerError

from harness.common import owner
from harness.database.copying import DATA
from harness.engine.session_network import is_podman
from harness.releases import ROOT
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
SCRIPT = """
import socket, sys
from contextlib import closing
from harness import engine, leftovers
from harness.common.waits import Retry, wait_until
from harness.engine import session_network
from harness.engine.containers import Container
from harness.marathon.standin.flags import free_port
LISTEN = "my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5); while (my $c = $s->accept) {}"
with closing(engine.connect()) as client:
    try:
        command = ["perl", "-MIO::Socket::INET", "-e", LISTEN]
        with Container(client, sys.argv[1], "called", command=command, ports=[8080]) as called:
            def connect():
                try:
                    socket.create_connection(called.address(8080), 5).close()
                except OSError as error:
                    raise Retry(str(error)) from error
            wait_until("The port", connect, 10)
        free_port(session_network.reachable_host(client)[1])  # for an instance on the stand-in
        print("reached")
    finally:
        leftovers.remove_own(client)
"""


@pytest.fixture
def inside(engine: DockerClient, lifecycle: Lifecycle, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs this machine's Python in a container with the socket; it returns the output."""
    socket = urlsplit(os.environ["DOCKER_HOST"])
    if socket.scheme != "unix" or is_podman(engine):
        pytest.skip("this needs the socket of a local Docker")
    image = lifecycle.server_image(SERVER)
    seen = {Path("/usr"), Path(sys.base_prefix), Path(sys.prefix).resolve(), ROOT}
    volumes = {str(path): {"bind": str(path), "mode": "ro"} for path in seen}
    volumes |= {
        socket.path: {"bind": "/var/run/docker.sock", "mode": "rw"},
        str(tmp_path): {"bind": "/cache", "mode": "rw"},
    }

    def run(script: str, network: str) -> str:
        output: bytes = engine.containers.run(
            image,
            ["-c", script, image],
            entrypoint=[str(Path(sys.prefix).resolve() / "bin" / "python")],
            user="0",
            working_dir=str(ROOT),
            environment={"RT_HARNESS_CACHE": "/cache", "PYTHONDONTWRITEBYTECODE": "1"},
            labels=owner.labels("beside"),
            network_mode=network,
            volumes=volumes,
            tmpfs={DATA: ""},  # else the image's own volume stays: the SDK's `remove` spares it
            remove=True,
        )
        return output.decode().strip()

    try:
        run("", "none")
    except ContainerError as error:
        pytest.skip(f"this machine's Python does not run in an image of ours: {error}")
    return run


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_it_reaches_the_ports_that_it_publishes(inside: Callable[..., str], network: str) -> None:
    """The loopback of a container is its own: there, every server was waited for in vain."""
    assert inside(SCRIPT, network) == "reached"
