"""Represent a command in a container: its output, its exit code and the limit of its output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.common import redact
from harness.common.streams import LineSplitter
from harness.errors import InfrastructureError

EXIT_KILLED = 137
"""Exit code of a command ended by SIGKILL: from GNU timeout, or from the kernel when memory is exhausted."""
EXIT_TIMED_OUT = (124, EXIT_KILLED)
"""Exit codes of GNU timeout: 124 after SIGTERM, EXIT_KILLED after SIGKILL."""
MOST = 512_000_000
"""Bytes of output that are kept in memory. A command that writes more is in a loop."""
MARK = "RT_HARNESS_COMMAND"
"""Environment variable by which a command's processes are found again."""
# The engine's API cannot end a command. `timeout` keeps its environment and forwards SIGTERM to all processes of
# the command; those still running 5 s later get SIGKILL.
END = 'for p in /proc/[0-9]*; do ! grep -qs "$0" "$p/environ" || kill "${p#/proc/}" || true; done'
_SHOWN = 4000


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: exit code, standard output and standard error as text."""

    code: int
    out: str
    err: str

    @property
    def timed_out(self) -> bool:
        """Whether the time limit ended it.

        A kill by something else looks the same and can only be told by the time.
        """
        return self.code in EXIT_TIMED_OUT


class TooMuchError(InfrastructureError):
    """A command wrote more than its limit and was ended. done: its output up to then."""

    done = CommandResult(-1, "", "")


class OutputBuffer:
    """The output of a running command: complete lines are passed on, and the total size is limited.

    most: bytes that are kept; None for a command without a limit, whose output is not kept.
    """

    def __init__(self, heard: Callable[[str], None] | None, most: int | None) -> None:
        """Start with no output."""
        self.most, self._size = most, 0
        self._kept: dict[int, list[bytes]] = {1: [], 2: []}
        self._lines = LineSplitter(heard)

    @property
    def too_much(self) -> bool:
        """Whether the output exceeds the limit."""
        return self.most is not None and self._size > self.most

    def hear(self, channel: int, piece: bytes) -> None:
        """Add a piece of stream 1 or 2. The piece that exceeds the limit, and all after it, are dropped."""
        self._size += len(piece)
        if self.too_much:
            return
        if self.most is not None:
            self._kept[channel].append(piece)
        self._lines.feed(channel, piece)

    def end(self, code: int | None, what: str) -> CommandResult:
        """Return the result after the command's end. `what` names it in errors.

        Raises TooMuchError beyond the limit.
        """
        self._lines.close()
        out, err = (b"".join(self._kept[channel]).decode(errors="replace") for channel in (1, 2))
        done = CommandResult(-1 if code is None else code, out, err)
        if not self.too_much:
            return done
        titled = (("End of the output", out), ("End of the errors", err))
        error = TooMuchError(
            f"{what} wrote more than {self.most} bytes, and was ended.",
            [(title, redact.lines("\n".join(text[-_SHOWN:].splitlines()[-20:]))) for title, text in titled],
        )
        error.done = done
        raise error
