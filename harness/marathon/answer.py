"""Request one page of one instance within a time limit that covers all of it: connection, header and body.

The usual libraries limit each read, so an instance that sends a byte now and then would hold a poll for ever.
"""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

LARGEST_BODY = 1_000_000
"""Bytes of a body that are read."""


@dataclass(frozen=True)
class Answer:
    """What an instance sent. error: the type of what went wrong, "" for a whole answer.

    connected: whether a connection was accepted.
    """

    status: int = 0
    location: str = ""
    body: str = ""
    error: str = ""
    connected: bool = False


class _TimedSocket(socket.socket):
    """A socket whose reads all end at `end` (time.monotonic)."""

    end: float

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        """Read within the time that is left."""
        self.settimeout(_left(self.end))
        return super().recv_into(*arguments, **options)


def _left(end: float) -> float:
    """Return the seconds that are left. Raises TimeoutError if none are."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time limit for an answer as a whole has passed")
    return left


def _connected(host: str, port: int, end: float) -> socket.socket:
    """Connect to the first address of a host that accepts. Raises OSError."""
    last: OSError = OSError("the host has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = _TimedSocket(family, kind, protocol)
        connection.end = end
        try:
            connection.settimeout(_left(end))
            connection.connect(address)
        except OSError as error:
            connection.close()
            last = error
        else:
            return connection
    raise last


def get(host: str, port: int, path: str, *, server_name: str = "", timeout: float = 10) -> Answer:
    """GET a path of an instance, following no redirect. Never raises: see `Answer.error`.

    No proxy is used, which would answer in an instance's place, and no password from a .netrc. server_name: for
    the Host header. timeout: seconds for everything.
    """
    end, connected = time.monotonic() + timeout, False
    try:
        with closing(http.client.HTTPConnection(host, port)) as connection:
            connection.sock = _connected(host, port, end)
            connected = True
            connection.putrequest("GET", path, skip_host=True)
            connection.putheader("Host", server_name or address_of(host, port))
            connection.putheader("Accept", "*/*")
            connection.putheader("Connection", "close")
            connection.endheaders()
            with closing(connection.getresponse()) as response:
                body = _read(response).decode("utf-8", "replace")
                return Answer(response.status, response.getheader("Location") or "", body, connected=True)
    except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
        return Answer(error=type(error).__name__, connected=connected)


def _read(response: http.client.HTTPResponse) -> bytes:
    """Read a body as it arrives, up to LARGEST_BODY. Raises IncompleteRead if it breaks off."""
    body = b""
    while len(body) < LARGEST_BODY and (part := response.read1(LARGEST_BODY)):
        body += part
    if response.length and len(body) < LARGEST_BODY:
        raise http.client.IncompleteRead(body, response.length)
    return body


def address_of(host: str, port: int) -> str:
    """Return host and port as in a URL: an address of IPv6 stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
