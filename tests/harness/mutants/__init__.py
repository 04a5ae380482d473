"""Define planted defects: each must be found by the check it is meant for. One module per check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A defect planted into a database by SQL. check: the name of the check that must find it."""

    name: str
    check: str
    reason: str
    statements: tuple[str, ...] = ()
