"""Accept columns that the site has added to RT's tables or widened, and never advise to drop or to cut them."""

from __future__ import annotations

from dataclasses import replace

from harness.checks.schema.step_mentions import StepMentions
from harness.checks.schema.structure import Difference
from harness.checks.schema.width import as_wide_again, holds
from harness.database.schema import Column, Schema, quote

EXTRA, TYPE = "column extra", "type"
ADDED = "the site added the column before the upgrade, and RT, which does not know it, leaves it alone"
WIDENED = "the site's column was wider than RT's before the upgrade as well, and holds whatever RT's holds"
KEEP = (
    "no statement makes it alike without a risk to what is in it. Find out on a copy whether the site or the "
    "upgrade made it; keep it and sign it off (ACCEPT) if the site did"
)
UNFILLED = (
    "give it a default on the site, or allow NULL in it: RT does not know the column, and under a strict SQL mode "
    "its inserts fail; the column itself may stay"
)


def reason(
    difference: Difference, before: Schema, upgraded: Schema, fresh: Schema, mentions: StepMentions | None
) -> str:
    """Return why a column that the site added or widened is harmless, "" if it is not, or no such column.

    It need not be exactly as before: a step that converts the table's character set may have widened it. Whether
    an added column was changed is asked elsewhere.
    """
    table, name = difference.table, difference.name
    old = before.tables[table].columns.get(name) if table in before.tables else None
    if old is None or mentions is None or difference.aspect not in (EXTRA, TYPE) or mentions.include(table, name):
        return ""
    column = upgraded.tables[table].columns[name]
    if difference.aspect == EXTRA:
        return ADDED if _fills_itself(column) else ""
    wanted = fresh.tables[table].columns[name]
    return WIDENED if holds(column, old) and _wider(column, wanted) and _wider(old, wanted) else ""


def repair(difference: Difference, before: Schema | None, upgraded: Schema) -> str:
    """Return what to do about a difference: a statement if there is one that harms no data."""
    if difference.repair:
        return f"{difference.repair};"
    table, name = difference.table, difference.name
    column = upgraded.tables[table].columns.get(name)
    old = before.tables[table].columns.get(name) if before and table in before.tables else None
    if column and difference.aspect == EXTRA and not _fills_itself(column):
        return UNFILLED
    if column and old and difference.aspect == TYPE and not holds(column, old):
        goal = as_wide_again(column, old)
        return f"ALTER TABLE {quote(table)} MODIFY {goal.definition()};" if goal else KEEP
    return KEEP


def _fills_itself(column: Column) -> bool:
    """Tell whether a row can be inserted without a value for the column."""
    return column.nullable or column.default is not None or bool(column.extra)


def _wider(column: Column, wanted: Column) -> bool:
    """Tell whether a column's type is wider than the one wanted, whatever the character sets."""
    return column.type != wanted.type and holds(replace(column, charset=wanted.charset), wanted)
