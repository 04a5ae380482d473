"""The two ends of a command's streams: feeding its input, splitting its output into lines."""

from __future__ import annotations

import contextlib
import socket as sockets
from collections.abc import Callable, Iterable


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
        self._rest = {1: b"", 2: b""}

    def feed(self, channel: int, piece: bytes) -> None:
        """Take a piece of stream 1 or 2."""
        if self._heard is None:
            return
        *whole, self._rest[channel] = (self._rest[channel] + piece).split(b"\n")
        for line in whole:
            self._heard(line.decode(errors="replace"))

    def close(self) -> None:
        """Hand on what came without a line break at its end."""
        for rest in self._rest.values():
            if rest and self._heard:
                self._heard(rest.decode(errors="replace"))
