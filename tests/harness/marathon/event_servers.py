"""Servers between a client and Marathon that end event streams in every way in which a stream can end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ENDINGS = {"clean end": b"0\r\n\r\n", "broken chunk": b"5\r\nab", "plain close": b""}
"""The last bytes of a chunked stream: of a server that stops, one that dies, and a proxy with an idle time-out."""
_TYPE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def chunk(text: bytes) -> bytes:
    """Return a chunk in its encoded form."""
    return f"{len(text):x}\r\n".encode() + text + b"\r\n"


@contextlib.contextmanager
def brief_streams(ending: bytes | None) -> Iterator[str]:
    """Serve at the yielded address streams of one numbered event each; ending: None for one without chunks."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        number = 0
        with contextlib.suppress(OSError):
            while True:
                with server.accept()[0] as connection:
                    connection.recv(65536)
                    number += 1
                    event = b'event: deployment_success\ndata: {"id": "%d"}\n\n' % number
                    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
                    head = _TYPE + (b"Connection: close\r\n\r\n" if ending is None else chunked)
                    connection.sendall(head + (event if ending is None else chunk(event) + ending))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()


@dataclass
class Way:
    """A way to the Marathon at `to`, host and port. refuses: requests for the event stream are sent elsewhere."""

    to: tuple[str, int]
    refuses: bool = False
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    streams: list[tuple[socket.socket, socket.socket, threading.Thread]] = field(default_factory=list)
    """Those that are open: both connections, and what copies from Marathon to the client."""

    @property
    def url(self) -> str:
        """Its address for a client."""
        return f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def serve(self) -> None:
        """Pass connections on until the server socket is closed."""
        with contextlib.suppress(OSError):
            while True:
                client = self.server.accept()[0]
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.to) as upstream, contextlib.suppress(OSError):
            back = threading.Thread(target=self._copy, args=(upstream, client), daemon=True)
            back.start()
            while data := client.recv(65536):
                if data.startswith(b"GET /v2/events"):
                    if self.refuses:
                        elsewhere = b"HTTP/1.1 307 Elsewhere\r\nLocation: http://leader.example.org/v2/events\r\n"
                        client.sendall(elsewhere + b"Content-Length: 0\r\n\r\n")
                        continue
                    self.streams.append((client, upstream, back))
                upstream.sendall(data)

    def _copy(self, upstream: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(65536):
                client.sendall(data)

    def cut(self, ending: bytes) -> None:
        """End the open event streams with these bytes."""
        for client, upstream, back in self.streams:
            with contextlib.suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)
                back.join(10)
                client.sendall(ending)
                client.shutdown(socket.SHUT_RDWR)
        self.streams.clear()


@contextlib.contextmanager
def way_to(url: str, *, refuses: bool = False) -> Iterator[Way]:
    """Open a way to a Marathon on this machine."""
    parts = urlsplit(url)
    way = Way((parts.hostname or "", parts.port or 80), refuses)
    threading.Thread(target=way.serve, daemon=True).start()
    try:
        yield way
    finally:
        way.cut(b"")
        way.server.close()
