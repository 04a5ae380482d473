"""Probes of the health checks: HTTP, HTTPS and TCP, from outside or inside a task's network.

A plain HTTP exchange on asyncio streams, because 500 tasks are to be probed every 10 s at low cost: one request,
the status line read, the connection closed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[str, int, ssl.SSLContext | None], Awaitable[Streams]]
HOPS = 50
BODY_LIMIT = 65_536


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: number and words of the status line, and headers and body if requested."""

    status: int
    reason: str
    content_type: str = ""
    location: str = ""
    body: str = ""

    @property
    def line(self) -> str:
        """Return the status as Marathon quotes it, such as "503 Service Unavailable"."""
        return f"{self.status} {self.reason}".strip()


@dataclass(frozen=True)
class Result:
    """Whether a check passed, and the reason if not."""

    passed: bool
    cause: str = ""


def unverified() -> ssl.SSLContext:
    """Return a TLS context that accepts every certificate, as Marathon's HTTPS checks do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


TLS = unverified()


async def connect_directly(host: str, port: int, tls: ssl.SSLContext | None) -> Streams:
    """Open a connection from this machine, without a server name in the TLS greeting."""
    return await asyncio.open_connection(host, port, ssl=tls, server_hostname="" if tls else None)


def split_head(head: bytes) -> tuple[int, str, dict[str, str]]:
    """Parse status, reason and headers. Raises ValueError if it is not HTTP."""
    first, *rest = head.decode("latin-1").split("\r\n")
    version, _, status_line = first.partition(" ")
    if not version.startswith("HTTP/"):
        raise ValueError("the answer is not HTTP")
    status, _, reason = status_line.partition(" ")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(status), reason.strip(), headers


async def get(
    host: str,
    port: int,
    path: str,
    *,
    tls: bool = False,
    connect: Connect = connect_directly,
    want_body: bool = False,
) -> Answer:
    """Send one request, without following redirects. Raises OSError, ValueError or asyncio's own errors."""
    reader, writer = await connect(host, port, TLS if tls else None)
    try:
        target = path if path.startswith("/") else f"/{path}"
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: marathon-standin\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n".encode("latin-1")
        )
        head = b"HTTP/1.1 100 \r\n\r\n"
        while head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
            head = await reader.readuntil(b"\r\n\r\n")
        status, reason, headers = split_head(head.removesuffix(b"\r\n\r\n"))
        body = b""
        if want_body:
            length = min(int(headers.get("content-length", BODY_LIMIT)), BODY_LIMIT)
            while len(body) < length and (chunk := await reader.read(length - len(body))):
                body += chunk
        return Answer(
            status,
            reason,
            headers.get("content-type", ""),
            headers.get("location", ""),
            body.decode("utf-8", "replace"),
        )
    finally:
        # An abort does not wait for a peer that keeps its half open.
        writer.transport.abort()


def reason_of(error: BaseException) -> str:
    """Describe an error of a connection."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, asyncio.IncompleteReadError):
        return "connection closed before a whole answer"
    return str(error) or type(error).__name__


CONNECTION_ERRORS = (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


async def http(host: str, port: int, path: str, timeout: float, *, tls: bool = False) -> Result:
    """Run Marathon's HTTP or HTTPS check: 200..399 passes, no redirect is followed, the body is ignored.

    timeout: seconds for the whole exchange.
    """
    try:
        async with asyncio.timeout(timeout):
            answer = await get(host, port, path, tls=tls)
    except CONNECTION_ERRORS as error:
        return Result(False, reason_of(error))
    return Result(True) if 200 <= answer.status <= 399 else Result(False, answer.line)


async def tcp(host: str, port: int, timeout: float, connect: Connect = connect_directly) -> Result:
    """Run Marathon's TCP check (and MESOS_TCP with another `connect`): a connection made in time passes."""
    try:
        async with asyncio.timeout(timeout):
            _, writer = await connect(host, port, None)
            writer.transport.abort()
    except CONNECTION_ERRORS as error:
        return Result(False, reason_of(error))
    return Result(True)


async def listening(addresses: Iterable[tuple[str, int]]) -> bool:
    """Tell whether connections are accepted at every one of these addresses."""
    asked = [await tcp(*address, timeout=1) for address in addresses]
    return all(result.passed for result in asked)


async def http_following(
    port: int, path: str, timeout: float, connect: Connect, *, host: str = "127.0.0.1", tls: bool = False
) -> Result:
    """Run a MESOS_HTTP(S) check: like curl inside the task, redirects followed, the last answer counts."""
    url = f"{'https' if tls else 'http'}://{host}:{port}{path if path.startswith('/') else f'/{path}'}"
    try:
        async with asyncio.timeout(timeout):
            for _ in range(HOPS):
                parts = urlsplit(url)
                secure = parts.scheme == "https"
                target = parts.path + (f"?{parts.query}" if parts.query else "")
                answer = await get(
                    parts.hostname or host,
                    parts.port or (443 if secure else 80),
                    target or "/",
                    tls=secure,
                    connect=connect,
                )
                if not (300 <= answer.status <= 399 and answer.location):
                    break
                url = urljoin(url, answer.location)
            else:
                return Result(False, f"more than {HOPS} redirects")
    except CONNECTION_ERRORS as error:
        return Result(False, reason_of(error))
    return Result(True) if 200 <= answer.status <= 399 else Result(False, answer.line)
