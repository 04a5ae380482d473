"""The two ends of a command's streams: feeding its input, splitting its output into lines."""

from __future__ import annotations

import contextlib
import socket as sockets
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from docker.utils.socket import frames_iter

from harness.errors import InfrastructureError

OUT, ERR = 1, 2
"""Numbers of the streams in the engine's frames (Docker Engine API, attach: stream format)."""
_HEADER = struct.Struct(">BxxxL")


def frames(connection: Any) -> Iterator[tuple[int, bytes]]:
    """Yield (OUT or ERR, bytes) of a command from the connection that the SDK's `exec_start(socket=True)` gives.

    The SDK reads from the bare socket, and loses what came together with the answer's head: that lies in the HTTP
    library's buffer. A command that is quick to speak then says less than it said, or garbage.

    Raises InfrastructureError where the engine cuts the stream off, or says something else than such frames.
    """
    response = getattr(connection, "_response", None)
    reader: Any = getattr(getattr(getattr(response, "raw", None), "_fp", None), "fp", None)
    if not hasattr(reader, "read1"):  # over ssh, or a pipe of Windows, there is no such buffer
        yield from frames_iter(connection, tty=False)  # type: ignore[no-untyped-call]
        return
    while header := reader.read(_HEADER.size):
        stream, left = _HEADER.unpack(header) if len(header) == _HEADER.size else (0, 0)
        if stream not in (OUT, ERR):
            raise InfrastructureError("The engine's answer about a command is not to be understood.")
        while left:
            piece = reader.read1(left)
            if not piece:
                raise InfrastructureError("The engine went away while a command was speaking.")
            left -= len(piece)
            yield stream, piece


def feed(raw: sockets.socket, pieces: Iterable[bytes], failures: list[BaseException]) -> None:
    """Write pieces to an exec's standard input and end it; a reader that went away ends the feeding."""
    try:
        for piece in pieces:
            raw.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
        failures.append(error)
    finally:
        with contextlib.suppress(OSError):
            raw.shutdown(sockets.SHUT_WR)


class LineSplitter:
    """Hands whole lines of two interleaved streams on as they become complete."""

    def __init__(self, heard: Callable[[str], None] | None) -> None:
        self._heard = heard
        self._begun: dict[int, list[bytes]] = {OUT: [], ERR: []}

    def feed(self, channel: int, piece: bytes) -> None:
        """Take a piece of stream 1 or 2.

        A line may be a hundred megabytes long, so what has come of it is looked at once and joined at its end.
        """
        if self._heard is None:
            return
        begun = self._begun[channel]
        first, *more = piece.split(b"\n")
        begun.append(first)
        for begin in more:
            self._heard(b"".join(begun).decode(errors="replace"))
            begun[:] = [begin]

    def close(self) -> None:
        """Hand on what came without a line break at its end."""
        for begun in self._begun.values():
            rest = b"".join(begun)
            if rest and self._heard:
                self._heard(rest.decode(errors="replace"))
