"""Tell a program that its time limit ended, or that was killed, from one that failed by itself."""

from __future__ import annotations

from harness.common.wording import duration
from harness.engine.commands import CommandResult
from harness.errors import InfrastructureError


def need_in_time(done: CommandResult, what: str, limit: float) -> None:
    """Raise InfrastructureError if a program was ended by its limit (seconds), or killed by anybody else.

    what: what it has not done, as in "RT 5.0.3 did not log its start". How far it came is random, so nothing that
    it has written counts.
    """
    if done.timed_out:
        raise InfrastructureError(
            f"{what} within {duration(limit)}, or was killed.",
            repair="see whether the machine ran out of memory, or what kept its disk busy, and run it again",
        )
