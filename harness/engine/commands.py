"""A command in a container: what it said, how it ended, and how much it may say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.common import redact
from harness.common.streams import LineSplitter
from harness.errors import InfrastructureError

EXIT_KILLED = 137
"""What a command ends with that SIGKILL has ended: GNU timeout's, or the kernel's for want of memory."""
EXIT_TIMED_OUT = (124, EXIT_KILLED)
"""What GNU timeout ends with: 124 after SIGTERM, the other when it had to kill."""
MOST = 512_000_000
"""Bytes of output that are kept in memory. Whoever says more is in a loop."""
MARK = "RT_HARNESS_COMMAND"
"""Variable of the environment by which a command's processes are found again."""
# Nothing in the engine's API ends a command. `timeout` keeps the environment that it was given, and hands SIGTERM
# on to all of a command's processes; to those that are still there 5 s later, SIGKILL.
END = 'for p in /proc/[0-9]*; do ! grep -qs "$0" "$p/environ" || kill "${p#/proc/}" || true; done'
_SHOWN = 4000


@dataclass(frozen=True)
class Done:
    """A command that ended: exit code, standard output and standard error as text."""

    code: int
    out: str
    err: str

    @property
    def timed_out(self) -> bool:
        """Whether the time limit ended it; or whoever killed it before, which the time alone can tell."""
        return self.code in EXIT_TIMED_OUT


class TooMuchError(InfrastructureError):
    """A command said more than it can have to say, and was ended. done: what it said until then."""

    done = Done(-1, "", "")


class Said:
    """The output of a command as it comes: whole lines are handed on, and what is said in all is bounded.

    most: bytes that are kept; None for a command that may talk for ever, and of which nothing is.
    """

    def __init__(self, heard: Callable[[str], None] | None, most: int | None) -> None:
        """Nothing has been said yet."""
        self.most, self._size = most, 0
        self._kept: dict[int, list[bytes]] = {1: [], 2: []}
        self._lines = LineSplitter(heard)

    @property
    def too_much(self) -> bool:
        """Whether more was said than may be."""
        return self.most is not None and self._size > self.most

    def hear(self, channel: int, piece: bytes) -> None:
        """Take a piece of stream 1 or 2. One that makes it too much, and what comes after it, is let go."""
        self._size += len(piece)
        if self.too_much:
            return
        if self.most is not None:
            self._kept[channel].append(piece)
        self._lines.feed(channel, piece)

    def end(self, code: int | None, what: str) -> Done:
        """Return what is known at its end. Raises TooMuchError, in which `what` said too much."""
        self._lines.close()
        out, err = (b"".join(self._kept[channel]).decode(errors="replace") for channel in (1, 2))
        done = Done(-1 if code is None else code, out, err)
        if not self.too_much:
            return done
        titled = (("End of the output", out), ("End of the errors", err))
        error = TooMuchError(
            f"{what} wrote more than {self.most} bytes, and was ended.",
            [(title, redact.lines("\n".join(text[-_SHOWN:].splitlines()[-20:]))) for title, text in titled],
        )
        error.done = done
        raise error
