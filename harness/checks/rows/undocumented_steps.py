"""List old steps whose effects on rows are not documented, with the tables that each may touch.

A change by such a step is neither right nor wrong: it is an open question. In every other table, and for every
other kind of change, a difference is a finding as usual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.releases import parse

STRUCTURE = "structure"
"""The kind of change that makes or drops tables and columns; the others are rows "added", "removed", "changed"."""
_KINDS = {STRUCTURE, "added", "removed", "changed"}


@dataclass(frozen=True)
class UndocumentedSteps:
    """Steps without rules: those below `first`; "" if there are none.

    steps: kind of change to tables, by step. A step that is not listed either may touch everything.
    """

    first: str
    steps: Mapping[str, Mapping[str, Sequence[str]]]

    def candidates(self, applied: Sequence[str], kind: str, table: str) -> list[str]:
        """Return those of the applied steps that may have changed a table in this way."""
        old = [one for one in applied if self.first and parse(one) < parse(self.first)]
        return [one for one in old if one not in self.steps or table in self.steps[one].get(kind, ())]


NONE = UndocumentedSteps("", {})


def read(data: Mapping[str, Any]) -> UndocumentedSteps:
    """Parse the steps from the allowances. Raises ValueError for a word that it does not understand."""
    steps = {}
    for row in data["step"]:
        kinds = {key: value for key, value in row.items() if key != "step"}
        if unknown := set(kinds) - _KINDS:
            raise ValueError(f"unruled step {row['step']}: unknown {', '.join(sorted(unknown))}")
        steps[row["step"]] = kinds
    return UndocumentedSteps(data["first"], steps)


def words(steps: Sequence[str]) -> str:
    """Name the steps that may have made a change."""
    return f"step {' or '.join(steps)} may have done so, and there are no rules for it here"
