"""Handle signals that end the process: all act like Ctrl-C, and none interrupts a cleanup."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

ENDS = (signal.SIGTERM, signal.SIGHUP)
"""Signals sent by a CI server that cancels a job, and by a terminal that is closed."""


@contextlib.contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt for a `with` block, so that cleanup runs as after Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        raise KeyboardInterrupt

    with _handled(ENDS, interrupt):
        yield


@contextlib.contextmanager
def leave_on_signals(word: str, code: int) -> Iterator[None]:
    """End the process at once on SIGINT, SIGTERM and SIGHUP in a `with` block, printing `word`, with an exit code.

    For the loading of a program, where nothing has to be cleaned up, and an exception could be raised at any place
    of a library. Signals that were blocked until then, so that Python's start did not meet them, are unblocked.
    """

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        with contextlib.suppress(OSError):
            os.write(2, f"{word}\n".encode())
        os._exit(code)

    with _handled((signal.SIGINT, *ENDS), leave):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, *ENDS))
        yield


@contextlib.contextmanager
def defer_signals(word: str) -> Iterator[None]:
    """Ignore SIGINT, SIGTERM and SIGHUP for a `with` block, printing `word` on each. Only SIGKILL ends it."""

    def say(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        with contextlib.suppress(OSError):  # not print(): the signal may have interrupted a print
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{word}\n".encode())

    with _handled((signal.SIGINT, *ENDS), say):
        yield


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Hold SIGINT, SIGTERM and SIGHUP back for a `with` block; the first one takes effect where the block ends.

    For a step between two states that a cleanup can tell apart, such as the start of a process. The signals are
    not blocked in the kernel, for a process that is started meanwhile would inherit that.
    """
    held: list[int] = []
    try:
        with _handled((signal.SIGINT, *ENDS), lambda number, _: held.append(number)):
            yield
    finally:
        for number in held[:1]:
            signal.raise_signal(number)


@contextlib.contextmanager
def _handled(numbers: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Install a signal handler for a `with` block. Signals ignored from the start stay ignored, as nohup needs."""
    mine = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in mine}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
