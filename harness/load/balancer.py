"""Distribute connections over several instances from one address, in turn.

It works on TCP, as RT answers one request per connection. It checks every backend's health at an interval and
stops using one that failed twice in a row, or at once if a connection to it fails; then another one is tried.
While no backend is up, connections wait in a queue for some time, as with usual balancers. It never sends anything
twice: once a byte may have reached a backend, only the client may repeat the request, or lost writes would be
hidden here.
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
"""Consecutive failed health checks after which a backend is no longer used."""


def login_page(address: Address) -> bool:
    """Tell whether an instance serves its login page, under its own host name, within five seconds."""
    try:
        url = f"http://{address[0]}:{address[1]}/"
        answer = requests.get(url, headers={"Host": "localhost"}, timeout=5, allow_redirects=False)
    except requests.RequestException:
        return False
    return answer.status_code == 200 and LOGIN_MARK in answer.text


class Balancer:
    """Listens on a port of 127.0.0.1 that the kernel picks, while its `with` block lasts.

    backends: returns the current addresses; called at every interval, so instances may come and go. healthy: tells
    whether one of them can serve. In seconds: interval, between two health checks; queue, how long a client waits
    while no backend is up, before it gets a 503.
    """

    def __init__(
        self,
        backends: Callable[[], Iterable[Address]],
        healthy: Callable[[Address], bool],
        *,
        interval: float = 1,
        queue: float = 10,
    ) -> None:
        """Store the settings; nothing is started yet."""
        self._backends, self._healthy = backends, healthy
        self._interval, self._queue = interval, queue
        self._up: list[Address] = []
        self._failures: dict[Address, int] = {}
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused = 0
        """Number of connections that no backend took."""
        self.served: dict[Address, int] = {}
        """Number of connections by backend."""

    def __enter__(self) -> Self:
        """Start to listen and to check the backends."""
        self._thread.start()
        self._server = self._wait_for(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._watching = asyncio.run_coroutine_threadsafe(self._watch(), self._loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and close all connections."""
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
        """Return the backends in use now."""
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
            with contextlib.suppress(Exception):  # the source of the backends may fail for a moment
                known = list(await asyncio.to_thread(lambda: list(self._backends())))
                good = await asyncio.gather(*(asyncio.to_thread(self._healthy, address) for address in known))
                self._up = [
                    address for address, fit in zip(known, good, strict=True) if self._serves(address, fit)
                ]
            await asyncio.sleep(self._interval)

    def _serves(self, backend: Address, fit: bool) -> bool:
        """Return whether a backend is in use after its latest health check."""
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
            # Only the end of the backend's answer ends the exchange; the client may have finished sending long
            # before.
            sending = asyncio.create_task(self._copy(reader, behind_writer))
            try:
                await self._copy(behind_reader, writer)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            behind_writer.close()

    async def _waited_for(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to a backend; None if none accepted one within the queue's time."""
        until = self._loop.time() + self._queue
        while (backend := await self._backend()) is None and self._loop.time() < until:
            await asyncio.sleep(0.1)
        return backend

    async def _backend(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to the next backend in turn that accepts one."""
        self._turn += 1
        known = self.up
        for number in range(len(known)):
            address = known[(self._turn + number) % len(known)]
            try:
                made = await asyncio.wait_for(asyncio.open_connection(*address), 2)
            except (OSError, TimeoutError):
                self._up = [other for other in self._up if other != address]
                continue
            self.served[address] = self.served.get(address, 0) + 1
            return made
        return None

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await asyncio.wait_for(reader.read(PIECE), IDLE):
            writer.write(piece)
            await writer.drain()
