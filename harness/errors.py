"""Errors that read: one sentence with numbers, then titled blocks, then what to do.

A defect of the site under test is never an exception; it is a `Finding` (see `harness.verdict`).
Exceptions say that the question could not be asked: wrong usage, or infrastructure that gave way.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

Block = tuple[str, str]
"""A titled piece of evidence: (title, text)."""


def render(sentence: str, blocks: Sequence[Block] = (), repair: str = "") -> str:
    """Lay a message out for a terminal: sentence, indented blocks under their titles, the repair last."""
    parts = [sentence]
    for title, text in blocks:
        if text.strip():
            parts.append(f"{title}:\n{textwrap.indent(text.rstrip(), '    ')}")
    if repair:
        parts.append(f"What to do: {repair}")
    return "\n".join(parts)


class HarnessError(Exception):
    """Base of everything the harness raises on purpose; `exit_code` is what a command ends with."""

    exit_code = 2

    def __init__(self, sentence: str, blocks: Sequence[Block] = (), repair: str = "") -> None:
        """Keep the parts, so that reports can lay them out their own way."""
        super().__init__(sentence)
        self.sentence = sentence
        self.blocks = tuple(blocks)
        self.repair = repair

    def __str__(self) -> str:
        """Return the whole message, blocks and repair included."""
        return render(self.sentence, self.blocks, self.repair)

    def __reduce__(self) -> tuple[type[HarnessError], tuple[str, Sequence[Block], str]]:
        """Pickle with all parts: xdist and thread pools hand exceptions across processes."""
        return type(self), (self.sentence, self.blocks, self.repair)


class UsageError(HarnessError):
    """The request itself cannot be carried out: unknown release, pair going backwards, missing dump."""

    exit_code = 3


class InfrastructureError(HarnessError):
    """Something the harness stands on gave way, so nothing was proven either way."""

    exit_code = 2


class RefusedError(HarnessError):
    """What was asked for was not done, because a check has found that it would do harm."""

    exit_code = 2


def told_of(error: HarnessError, fate: str) -> HarnessError:
    """Return the error with a block that says what became of the instances: exceptions carry no report."""
    error.blocks = (*error.blocks, ("What became of the instances", fate))
    return error
