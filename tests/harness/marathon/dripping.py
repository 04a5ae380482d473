"""A server of one answer, which it sends in parts, with as much time between them as a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextlib.contextmanager
def instance(parts: Sequence[bytes], *, drip: float = 0, host: str = "127.0.0.1") -> Iterator[int]:
    """Serve one request in parts; drip: seconds between two of them, until the client is gone."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.create_server((host, 0), family=family)
    over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError), server.accept()[0] as connection:
            connection.recv(65536)
            for part in parts:
                connection.sendall(part)
                if over.wait(drip):
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        over.set()
        server.close()
        thread.join(10)
