"""Disturb the network between an instance and its database: drop packets in one direction, or delay them.

Nothing here needs root on this machine: packets are dropped inside the server's own network namespace, by a
container started with NET_ADMIN, and the delay is made by a relay in this process.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self

from docker import DockerClient

from harness.engine.containers import Container
from harness.engine.session_network import network

Direction = Literal["to the server", "from the server"]
CAPABILITY = "NET_ADMIN"
"""Capability with which a server must be started (`cap_add`) for `dropping`."""
PIECE = 65536


def address_in_session(container: Container) -> str:
    """Return a container's address in the session's network."""
    networks = container.docker.attrs["NetworkSettings"]["Networks"]
    return str(networks[network(container.client)]["IPAddress"])


def gateway(client: DockerClient) -> str:
    """Return the address at which containers of the session's network reach this machine."""
    found = client.networks.get(network(client)).attrs or {}
    return str(found["IPAM"]["Config"][0]["Gateway"])


@contextlib.contextmanager
def dropping(server: Container, peer: Container, direction: Direction) -> Iterator[None]:
    """Drop every packet between a server and one peer, in one direction, while the `with` block lasts.

    Neither side is notified: connections stay open and go silent, new ones time out. Traffic of the server with
    others, including this machine, is not affected.
    Raises ExecError if the server's image has no `ip` or was started without the capability.
    """
    rule = ["pref", "5", "from" if direction == "to the server" else "to", address_in_session(peer), "blackhole"]
    # The table of local addresses is looked up first, as a rule of its own; ours must come before it.
    if not server.run(["ip", "rule", "show", "pref", "10"]).out.strip():
        server.need(["ip", "rule", "add", "pref", "10", "lookup", "local"])
        server.need(["ip", "rule", "del", "pref", "0"])
    server.need(["ip", "rule", "add", *rule])
    try:
        yield
    finally:
        server.need(["ip", "rule", "del", *rule])


class SlowLine:
    """A relay before a server, reachable from containers at (host, port), while its `with` block lasts.

    seconds: delay of every piece, in each direction: 0 at first, may be changed at any time.
    """

    def __init__(self, client: DockerClient, server: tuple[str, int]) -> None:
        """Listen on the gateway of the session's network; the kernel picks the port."""
        self.seconds = 0.0
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError), socket.create_connection(server, 10) as behind:
                    behind.settimeout(None)
                    other = threading.Thread(target=relay._carry, args=(self.request, behind), daemon=True)
                    other.start()
                    relay._carry(behind, self.request)

        self._server = socketserver.ThreadingTCPServer((gateway(client), 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.host, self.port = str(self._server.server_address[0]), int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Self:
        """Start to accept connections."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop accepting connections."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _carry(self, source: socket.socket, goal: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                if self.seconds:
                    time.sleep(self.seconds)
                goal.sendall(piece)
        with contextlib.suppress(OSError):
            goal.shutdown(socket.SHUT_WR)
