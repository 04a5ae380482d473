"""Read HTTP answers within limits of time and size that hold for the header and the body as a whole.

The usual libraries limit each read: a server, or a proxy before it, that sends a byte now and then holds its
client for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

PART = 65536
"""Bytes of a body that are read at once."""


class TooLargeError(requests.RequestException):
    """A body has more bytes than are read."""


def left(end: float) -> float:
    """Return the seconds until `end` (time.monotonic). Raises TimeoutError if none are left."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time limit for an answer as a whole has passed")
    return seconds


class _Received(io.RawIOBase):
    """What a connection receives, until its time-out from now has passed in all."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase) -> None:
        """raw: reads from the connection."""
        super().__init__()
        self._connection, self._raw, self._own = connection, raw, connection.gettimeout()
        self._end = None if self._own is None else time.monotonic() + self._own

    def limit_each_read(self) -> None:
        """Use the connection's time-out for each read again."""
        self._end = None
        self._connection.settimeout(self._own)

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has arrived. Raises TimeoutError."""
        if self._end is not None:
            self._connection.settimeout(left(self._end))
        return self._raw.readinto(buffer)

    def fileno(self) -> int:
        """Return the connection's descriptor."""
        return self._raw.fileno()

    def close(self) -> None:
        """Close it; the connection itself ends when nobody else has it."""
        self._raw.close()
        super().close()


class TimedAnswer(http.client.HTTPResponse):
    """An answer that must be complete within its connection's time-out."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        """Begin to count."""
        super().__init__(sock, *arguments, **options)
        self._received = _Received(sock, self.fp.detach())
        self.fp = io.BufferedReader(self._received)


class _TimedHeader(TimedAnswer):
    """An answer whose header alone must be: its body may be a stream of events."""

    def begin(self) -> None:
        """Read the header."""
        super().begin()
        self._received.limit_each_read()


class TimedAdapter(HTTPAdapter):
    """Limits the header of each answer as a whole to the request's time-out; for the body see `body_of`."""

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return the pool for a request, whose new connections limit headers, whatever kind they are of."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        if pool.ConnectionCls.response_class is not _TimedHeader:
            pool.ConnectionCls = type("Timed", (pool.ConnectionCls,), {"response_class": _TimedHeader})
        return pool


class TimedSession(requests.Session):
    """Limits each answer's header as a whole, and follows no redirect.

    Told not to follow one, the library still prepares the next request, and reads the whole body for that: without
    a limit, before `body_of` can set one.
    """

    def __init__(self, *, direct: bool = False) -> None:
        """Prepare; nothing is sent yet. direct: past any proxy that the environment names."""
        super().__init__()
        self.direct = direct
        for scheme in ("http://", "https://"):
            self.mount(scheme, TimedAdapter())

    def merge_environment_settings(self, *arguments: Any, **options: Any) -> Any:
        """Return a request's settings; a session that names no proxy would be given the environment's."""
        settings = super().merge_environment_settings(*arguments, **options)
        return settings | {"proxies": {}} if self.direct else settings

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return that there is none."""


def read_body(read: Callable[[int], bytes], end: float, largest: int) -> bytes:
    """Read a body as it arrives, up to `largest` bytes. Raises TimeoutError at `end` (time.monotonic).

    read: returns what has arrived, at most that many bytes, and nothing at the end of the body.
    """
    body = bytearray()
    while len(body) < largest and (part := read(min(PART, largest - len(body)))):
        body += part
        left(end)
    return bytes(body)


def body_of(answer: requests.Response, timeout: float, largest: int) -> bytes:
    """Read the body of an answer that was requested as a stream, within `timeout` seconds and one read.

    Raises requests.RequestException: ReadTimeout, ChunkedEncodingError if it breaks off, TooLargeError if it has
    more than `largest` bytes.
    """
    raw, end = answer.raw, time.monotonic() + timeout
    try:
        body = read_body(lambda size: raw.read1(size, decode_content=False), end, largest + 1)
        encoding = answer.headers.get("Content-Encoding")
        if encoding and len(body) <= largest:
            # Only now: asked to decode, the library reads on, without a limit, until something is decoded.
            compressed = HTTPResponse(io.BytesIO(body), {"Content-Encoding": encoding}, preload_content=False)
            body = compressed.read(largest + 1, decode_content=True)
    except (TimeoutError, ReadTimeoutError) as error:
        raise requests.ReadTimeout(f"the body was not complete after {timeout:g} s") from error
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(str(error)) from error
    finally:
        raw.close()  # a connection whose answer was read to its end is kept all the same
    if len(body) > largest:
        raise TooLargeError(f"the body has more than {largest} bytes")
    return body
