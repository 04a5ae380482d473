"""Ask what a report can do without, such as what the old release does; unanswered, the question stays open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from harness.engine.faults import translate_error
from harness.errors import RefusedError, UsageError

Answer = TypeVar("Answer")


class Asking(Protocol):
    """Who asks, and keeps the questions that stay open: a report, or what several parts of one share."""

    unanswered: list[str]


def ask_or_leave_open(
    asking: Asking, question: str, ask: Callable[[], Answer], *, said_once: bool = False
) -> Answer | None:
    """Return the answer; None if the engine, a server or the disk failed, with an open question for who asks.

    Findings must not be lost because the old release cannot be asked about them. A defect of the harness itself is
    raised; so are UsageError and RefusedError, which tell the user to ask otherwise.
    said_once: adds no open question if the same failure has left another one open already.
    """
    try:
        return ask()
    except Exception as error:
        known = translate_error(error)
        if known is None or isinstance(known, UsageError | RefusedError):
            raise
        if not (said_once and any(known.sentence in one for one in asking.unanswered)):
            asking.unanswered.append(f"{question}: {known.sentence}")
        return None
