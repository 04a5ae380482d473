"""Feed a command's input and split its output into lines."""

from __future__ import annotations

import contextlib
import socket as sockets
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from docker.utils.socket import frames_iter

from harness.errors import InfrastructureError

OUT, ERR = 1, 2
"""Stream numbers in the engine's frames (Docker Engine API, attach: stream format)."""
_HEADER = struct.Struct(">BxxxL")


def frames(connection: Any) -> Iterator[tuple[int, bytes]]:
    """Yield (OUT or ERR, bytes) of a command from the connection that the SDK's `exec_start(socket=True)` returns.

    The SDK reads from the bare socket and loses bytes that arrived together with the response header: they are in
    the HTTP library's buffer. The output of a fast command is then truncated or garbled.
    Raises InfrastructureError if the engine closes the stream early or sends anything other than such frames.
    """
    response = getattr(connection, "_response", None)
    reader: Any = getattr(getattr(getattr(response, "raw", None), "_fp", None), "fp", None)
    if not hasattr(reader, "read1"):  # connections over ssh or a Windows pipe have no such buffer
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
    """Write pieces to an exec's standard input and close it; stop if the reader has closed its end."""
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
    """Passes on the complete lines of two interleaved streams."""

    def __init__(self, heard: Callable[[str], None] | None) -> None:
        self._heard = heard
        self._begun: dict[int, list[bytes]] = {OUT: [], ERR: []}

    def feed(self, channel: int, piece: bytes) -> None:
        """Add a piece of stream 1 or 2.

        A line may be a hundred megabytes long, so each piece is scanned once and the pieces are joined at the
        line's end.
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
        """Pass on the remaining text that has no line break at its end."""
        for begun in self._begun.values():
            rest = b"".join(begun)
            if rest and self._heard:
                self._heard(rest.decode(errors="replace"))
