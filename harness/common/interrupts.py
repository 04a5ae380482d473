"""Being told to end: like Ctrl-C, whoever says it, but never in the middle of clearing up."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

ENDS = (signal.SIGTERM, signal.SIGHUP)
"""What a CI server sends, and a terminal that goes away."""


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Treat every way to end this process as Ctrl-C for a `with` block, so that nothing is left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        raise KeyboardInterrupt

    with _handled(ENDS, interrupt):
        yield


@contextlib.contextmanager
def put_off(word: str) -> Iterator[None]:
    """Let nobody end a `with` block by asking; say `word` to whoever tries. Only SIGKILL ends it."""

    def say(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        with contextlib.suppress(OSError):  # not by print: it may be what was interrupted
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{word}\n".encode())

    with _handled((signal.SIGINT, *ENDS), say):
        yield


@contextlib.contextmanager
def _handled(numbers: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Have a handler for a `with` block. What was ignored from the start stays so: nohup keeps a run alive."""
    mine = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in mine}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
