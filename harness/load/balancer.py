"""A small balancer before several instances: one address, connections dealt out in turn.

It works on TCP, for RT answers one request a connection. It asks every backend for its health at an interval and
leaves it alone once it failed twice in a row, or at once when a connection to it fails; then another is tried.
While no backend serves, connections wait a while in a queue, as with any balancer that people use. It never sends
anything twice: once a byte may have reached a backend, what becomes of it is the client's to know, or lost writes
would be hidden here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

import requests

from harness.rt import LOGIN_MARK

Address = tuple[str, int]
Result = TypeVar("Result")
PIECE = 65536
IDLE = 20
"""Seconds that a connection may be silent before it is closed, so that no client waits for ever."""
FAILURES = 2
"""Health questions in a row that a backend may leave without a good answer before it is left alone."""


def login_page(address: Address) -> bool:
    """Answer RT's health question: is its login page there, under its own name, within five seconds?"""
    try:
        url = f"http://{address[0]}:{address[1]}/"
        answer = requests.get(url, headers={"Host": "localhost"}, timeout=5, allow_redirects=False)
    except requests.RequestException:
        return False
    return answer.status_code == 200 and LOGIN_MARK in answer.text


class Balancer:
    """Listens on a port of 127.0.0.1 that the kernel picks, while its `with` block lasts.

    backends: the addresses that there are now; asked anew at every interval, so instances may come and go.
    healthy: whether one of them is fit to serve. In seconds: interval, between two rounds of questions; queue, how
    long a client waits while no backend serves, before it is told so (503).
    """

    def __init__(
        self, backends: Callable[[], Iterable[Address]], healthy: Callable[[Address], bool], *,
        interval: float = 1, queue: float = 10,
    ) -> None:  # fmt: skip
        """Start nothing yet."""
        self._backends, self._healthy = backends, healthy
        self._interval, self._queue = interval, queue
        self._up: list[Address] = []
        self._failures: dict[Address, int] = {}
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused = 0
        """Connections that no backend took."""
        self.served: dict[Address, int] = {}
        """Connections dealt out, by backend."""

    def __enter__(self) -> Self:
        """Listen, and begin to ask the backends."""
        self._thread.start()
        self._server = self._wait_for(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._watching = asyncio.run_coroutine_threadsafe(self._watch(), self._loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and cut what is still connected."""
        self._watching.cancel()
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        """Return the address that clients use."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def up(self) -> list[Address]:
        """Return the backends that are served from now."""
        return list(self._up)

    def _wait_for(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _close(self) -> None:
        self._server.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._loop.shutdown_default_executor()

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # whoever lists the backends may be away for a moment
                known = list(await asyncio.to_thread(lambda: list(self._backends())))
                good = await asyncio.gather(*(asyncio.to_thread(self._healthy, one) for one in known))
                self._up = [one for one, fit in zip(known, good, strict=True) if self._serves(one, fit)]
            await asyncio.sleep(self._interval)

    def _serves(self, backend: Address, fit: bool) -> bool:
        """Return whether a backend is served from, its newest answer counted."""
        self._failures[backend] = 0 if fit else self._failures.get(backend, 0) + 1
        return fit or (backend in self._up and self._failures[backend] < FAILURES)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend = await self._waited_for()
        if backend is None:
            self.refused += 1
            writer.write(b"HTTP/1.0 503 No instance\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        behind_reader, behind_writer = backend
        try:
            # Only the backend's end of the answer ends the exchange; a client may be done sending long before.
            sending = asyncio.create_task(self._copy(reader, behind_writer))
            try:
                await self._copy(behind_reader, writer)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            behind_writer.close()

    async def _waited_for(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to a backend; None when none took it for as long as the queue lasts."""
        until = self._loop.time() + self._queue
        while (backend := await self._backend()) is None and self._loop.time() < until:
            await asyncio.sleep(0.1)
        return backend

    async def _backend(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to the next backend in turn that takes one."""
        self._turn += 1
        known = self.up
        for number in range(len(known)):
            address = known[(self._turn + number) % len(known)]
            try:
                made = await asyncio.wait_for(asyncio.open_connection(*address), 2)
            except (OSError, TimeoutError):
                self._up = [one for one in self._up if one != address]
                continue
            self.served[address] = self.served.get(address, 0) + 1
            return made
        return None

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await asyncio.wait_for(reader.read(PIECE), IDLE):
            writer.write(piece)
            await writer.drain()
