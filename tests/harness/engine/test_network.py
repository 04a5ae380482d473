"""The session's network has no way out: scrips of a copied site must not call real services."""

from __future__ import annotations

import socket
import time
from typing import cast
from urllib.parse import urlsplit

import pytest
from docker import DockerClient

from harness.dump.choice import DEFAULT_SERVER
from harness.engine import session_network
from harness.engine.containers import Container, unique_name
from harness.images import mirror
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
CONNECT = "DBI->connect(qq(dbi:mysql:host=$ARGV[0]), 'rt', 'rt', {PrintError => 0}); print DBI->err"
"""Prints the error code: 2005 for a host that is not known."""
SILENCE = 20
"""Less than the seconds for which the library asks, and many times those that one answer takes."""
CALL = 'exec 3<>"/dev/tcp/$0/$1"'


def outside() -> tuple[str, int] | None:
    """Return an address beyond this machine that it reaches, from its apt configuration; None if there is none."""
    known = mirror.of_machine()
    parts = urlsplit(known.proxy or known.archive)
    try:
        address = (
            socket.gethostbyname(parts.hostname or ""),
            parts.port or (443 if parts.scheme == "https" else 80),
        )
        if address[0].startswith("127."):
            return None
        socket.create_connection(address, 5).close()
    except OSError:
        return None
    return address


@pytest.fixture
def image(lifecycle: Lifecycle) -> str:
    """Return an image with a shell that opens connections."""
    return lifecycle.server_image(DEFAULT_SERVER)


def reaches(engine: DockerClient, image: str, address: tuple[str, int], network: str, limit: float = 3) -> bool:
    """Tell whether a container on a network gets a connection to an address within `limit` seconds."""
    container = Container(engine, image, "caller", command=["sleep", "infinity"], network=network)
    try:
        return container.run(["bash", "-c", CALL, *map(str, address)], limit=limit).code == 0
    finally:
        container.remove()


def test_no_container_of_the_session_reaches_the_outside(engine: DockerClient, image: str) -> None:
    """A container on the engine's own network must reach it, so that the refusal has no other cause."""
    name = session_network.network(engine)
    assert (engine.networks.get(name).attrs or {})["Options"][MASQUERADE] == "false"
    address = outside()
    if address is None or not reaches(engine, image, address, "bridge", 30):
        pytest.skip("this machine's containers reach nothing outside that could be tried")
    assert not reaches(engine, image, address, name)


def test_they_reach_each_other_and_are_reached_from_here(engine: DockerClient, image: str) -> None:
    """A network without any connections would pass the test above."""
    listening = ["perl", "-MIO::Socket::INET", "-e"]
    listening += ["my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5); while (my $c = $s->accept) {}"]
    server = Container(engine, image, "called", command=listening, ports=[8080])
    try:
        server.run(["bash", "-c", f"until {CALL}; do sleep 0.1; done", "127.0.0.1", "8080"], limit=60)
        assert reaches(engine, image, (server.name, 8080), session_network.network(engine), limit=60)
        socket.create_connection(server.address(8080), 5).close()
    finally:
        server.remove()


def test_rt_waits_for_no_server_that_is_gone(lifecycle: Lifecycle) -> None:
    """MariaDB's client library asks a silent name server for 30 s, in every check after a server's death."""
    with lifecycle.tools("5.0.3", None) as tools:
        started = time.monotonic()
        done = tools.run("perl", "-MDBI", "-e", CONNECT, unique_name("gone"))
        assert (done.code, done.out) == (0, "2005"), done.err
        assert time.monotonic() - started < SILENCE


@pytest.mark.parametrize(("parts", "named"), [(["Engine", "containerd"], True), (["Podman Engine"], False)])
def test_podmans_own_name_server_is_left_alone(parts: list[str], *, named: bool) -> None:
    """Podman up to 4.3 asks only the name servers given, so RT would not find its database."""

    class Engine:
        """Replaces a client, with the answer that identifies an engine."""

        def version(self) -> dict[str, list[dict[str, str]]]:
            """Return the components."""
            return {"Components": [{"Name": one} for one in parts]}

    assert bool(session_network.names_of(cast(DockerClient, Engine()))) == named
