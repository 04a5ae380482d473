"""Account for the rows that the site's own triggers add to its own tables while the steps write to RT's.

A log of who was given which right grows when a step grants one. That is what the trigger is for, and no defect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from harness.checks.rows.allowances import ADDED, CHANGED, REMOVED
from harness.checks.rows.comparison import Comparison
from harness.database.schema_extras import Trigger

Written = Callable[[str, str], bool]
"""Tells whether a statement of an applied step may cause an event (INSERT, UPDATE, DELETE) of a table's rows."""
_WRITES = {"INSERT": ADDED, "UPDATE": CHANGED, "DELETE": REMOVED}
"""Events, and what a table has of them afterwards."""


def never(_table: str, _event: str) -> bool:
    """Return what is true of an upgrade without steps: it writes nothing."""
    return False


def in_order(both: Comparison, tables_of_rt: Collection[str]) -> list[str]:
    """Return the tables in the order in which to judge them: each after those whose triggers fill it.

    RT's own are first. What tables of the site's own fill in a circle keeps the order of the server.
    """
    own = [name for name in both.shapes if name not in tables_of_rt]
    found = [name for name in both.shapes if name in tables_of_rt]

    def add(name: str, way: Collection[str]) -> None:
        for other in own:
            if other not in (*found, *way) and any(name in one.fills for one in both.old.tables[other].triggers):
                add(other, (*way, other))
        if name not in found:
            found.append(name)

    for name in own:
        add(name, (name,))
    return found


def filling(
    both: Comparison, table: str, tables_of_rt: Collection[str], changes: Mapping[str, Counter[str]]
) -> list[str]:
    """Return the triggers that add rows to a table of the site's own, as "name on Table"; [] for RT's tables.

    A trigger counts if it was there before the upgrade, is the same afterwards, and rows of its own table were
    changed in the way to which it reacts. changes: of each table judged so far, the number of rows by change.
    """
    return [
        f"{trigger.name} on {name}"
        for name, trigger in _kept(both, table, tables_of_rt)
        if changes.get(name, Counter())[_WRITES[trigger.event]]
    ]


def perhaps_filling(both: Comparison, table: str, tables_of_rt: Collection[str], written: Written) -> list[str]:
    """Return the triggers that may have added rows although no row of their own tables shows it, as `filling`.

    An UPDATE fires them for a row that it leaves as it was, and a row may be added and removed again.
    """
    return [
        f"{trigger.name} on {name}"
        for name, trigger in _kept(both, table, tables_of_rt)
        if written(name, trigger.event)
    ]


def _kept(both: Comparison, table: str, tables_of_rt: Collection[str]) -> Iterator[tuple[str, Trigger]]:
    """Yield the triggers that fill a table of the site's own and are as before, with the names of their tables."""
    if not tables_of_rt or table in tables_of_rt:
        return
    for name, was in both.old.tables.items():
        for trigger in was.triggers:
            if table in trigger.fills and name in both.new.tables and trigger in both.new.tables[name].triggers:
                yield name, trigger


def words(triggers: Sequence[str]) -> str:
    """Name the triggers that may have added rows."""
    return (
        f"{', '.join(triggers)} may have done so: a step writes to that table, and an UPDATE that changes nothing "
        "or a row that is removed again fires a trigger too"
    )
