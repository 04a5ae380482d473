"""Define faulty balancers: one acknowledges writes that it does not forward, one sends writes twice."""

from __future__ import annotations

import re
from asyncio import StreamReader, StreamWriter

from harness.load.balancer import Balancer


class Relay(Balancer):
    """Parses requests, as a balancer should not: causes errors between client and instance."""

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        writer.write(await self.relayed(head + body, write=b"/comment " in head))
        await writer.drain()

    async def relayed(self, request: bytes, *, write: bool) -> bytes:
        """Return the answer to a client's request. write: whether it is a reply or a comment."""
        raise NotImplementedError

    async def exchange(self, request: bytes) -> bytes:
        """Send a request to an instance and return its whole answer."""
        backend = await self._waited_for()
        assert backend
        backend[1].write(request)
        try:
            return await backend[0].read(-1)
        finally:
            backend[1].close()


class Forgetful(Relay):
    """Acknowledges every second write with the answer to the first one, and does not forward it."""

    writes = 0
    said = b""

    async def relayed(self, request: bytes, *, write: bool) -> bytes:
        """Drop every second write; forward all other requests."""
        self.writes += write
        if write and self.said and self.writes % 2 == 0:
            return self.said
        answer = await self.exchange(request)
        self.said = answer if write else self.said
        return answer


class Insistent(Relay):
    """Sends every second write again, like a proxy that takes a POST for repeatable."""

    writes = 0

    async def relayed(self, request: bytes, *, write: bool) -> bytes:
        """Send every second write twice, all other requests once."""
        self.writes += write
        if write and self.writes % 2 == 0:
            await self.exchange(request)
        return await self.exchange(request)
