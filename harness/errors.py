"""Define readable errors: one sentence with numbers, then titled blocks, then a repair.

A defect of the site under test is never an exception; it is a `Finding` (see `harness.verdict`). Exceptions mean
that a question could not be asked: wrong usage, or infrastructure that failed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

Block = tuple[str, str]
"""A titled piece of evidence: (title, text)."""


def render(sentence: str, blocks: Sequence[Block] = (), repair: str = "") -> str:
    """Format a message for a terminal: sentence, indented blocks under their titles, the repair last."""
    parts = [sentence]
    for title, text in blocks:
        if text.strip():
            parts.append(f"{title}:\n{textwrap.indent(text.rstrip(), '    ')}")
    if repair:
        parts.append(f"What to do: {repair}")
    return "\n".join(parts)


class HarnessError(Exception):
    """Base of all errors that the harness raises on purpose; `exit_code` is the command's exit code."""

    exit_code = 2

    def __init__(self, sentence: str, blocks: Sequence[Block] = (), repair: str = "") -> None:
        """Store the parts, so that reports can format them their own way."""
        super().__init__(sentence)
        self.sentence = sentence
        self.blocks = tuple(blocks)
        self.repair = repair

    def __str__(self) -> str:
        """Return the whole message, blocks and repair included."""
        return render(self.sentence, self.blocks, self.repair)

    def __reduce__(self) -> tuple[type[HarnessError], tuple[str, Sequence[Block], str]]:
        """Pickle with all parts: xdist and thread pools pass exceptions between processes."""
        return type(self), (self.sentence, self.blocks, self.repair)


class UsageError(HarnessError):
    """The request cannot be carried out: unknown release, pair going backwards, missing dump."""

    exit_code = 3


class InfrastructureError(HarnessError):
    """Infrastructure failed, so nothing was proven either way."""

    exit_code = 2


class RefusedError(HarnessError):
    """A requested action was not carried out because a check found that it would do harm."""

    exit_code = 2


def with_instances_note(error: HarnessError, fate: str) -> HarnessError:
    """Return the error with a block about the state of the instances, because exceptions carry no report."""
    error.blocks = (*error.blocks, ("What became of the instances", fate))
    return error
