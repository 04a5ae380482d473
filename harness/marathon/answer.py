"""Request one page of one instance within a time limit that covers all of it: connection, header and body."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import closing
from dataclasses import dataclass

from harness.marathon.timed import TimedAnswer, left, read_body

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


def _connected(host: str, port: int, end: float) -> socket.socket:
    """Connect to the first address of a host that accepts. Raises OSError."""
    last: OSError = OSError("the host has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left(end))
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
            connection.response_class = TimedAnswer
            connection.putrequest("GET", path, skip_host=True)
            connection.putheader("Host", server_name or address_of(host, port))
            connection.putheader("Accept", "*/*")
            connection.putheader("Connection", "close")
            connection.endheaders()
            connection.sock.settimeout(left(end))
            with closing(connection.getresponse()) as response:
                body = _read(response, end).decode("utf-8", "replace")
                return Answer(response.status, response.getheader("Location") or "", body, connected=True)
    except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
        return Answer(error=type(error).__name__, connected=connected)


def _read(response: http.client.HTTPResponse, end: float) -> bytes:
    """Read a body up to LARGEST_BODY. Raises IncompleteRead if it breaks off, TimeoutError at `end`."""
    body = read_body(response.read1, end, LARGEST_BODY)
    if response.length and len(body) < LARGEST_BODY:
        raise http.client.IncompleteRead(body, response.length)
    return body


def address_of(host: str, port: int) -> str:
    """Return host and port as in a URL: an address of IPv6 stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
