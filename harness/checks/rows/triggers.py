"""Account for the rows that the site's own triggers add to its own tables while the steps write to RT's.

A log of who was given which right grows when a step grants one. That is what the trigger is for, and no defect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from harness.checks.rows.allowances import ADDED, CHANGED, REMOVED
from harness.checks.rows.comparison import Comparison

_WRITES = {"INSERT": ADDED, "UPDATE": CHANGED, "DELETE": REMOVED}
"""Events, and what a table has of them afterwards."""


def last(both: Comparison, tables_of_rt: Collection[str]) -> list[str]:
    """Return the tables in the order in which to judge them: the site's own last, when the others' are known."""
    return sorted(both.shapes, key=lambda name: name not in tables_of_rt)


def filling(
    both: Comparison, table: str, tables_of_rt: Collection[str], changes: Mapping[str, Counter[str]]
) -> list[str]:
    """Return the triggers that add rows to a table of the site's own, as "name on Table"; [] for RT's tables.

    A trigger counts if it was there before the upgrade, is the same afterwards, and rows of its own table were
    changed in the way to which it reacts. changes: of each table judged so far, the number of rows by change.
    """
    if not tables_of_rt or table in tables_of_rt:
        return []
    return [
        f"{trigger.name} on {name}"
        for name, was in both.old.tables.items()
        for trigger in was.triggers
        if table in trigger.fills
        and name in both.new.tables
        and trigger in both.new.tables[name].triggers
        and changes.get(name, Counter())[_WRITES[trigger.event]]
    ]
