"""Accept an administrator's indexes that RT uses in place of its own, because they begin with the same columns.

RT::Handle::MakeSureIndexExists creates no index if an existing one begins with the columns that it wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.checks.schema.step_mentions import StepMentions
from harness.checks.schema.structure import CALLED, Difference, compare
from harness.database.schema import Index, Schema

REASON = "a longer index begins with these columns, as before the upgrade, and RT takes it for the one it wants"
MISSING, EXTRA, KIND = "index missing", "index extra", "BTREE"


def accepted(
    differences: Iterable[Difference],
    upgraded: Schema,
    fresh: Schema,
    before: Schema,
    mentions: StepMentions | None,
) -> set[Difference]:
    """Return the differences explained by this: a missing index, and the longer one that exists in its place.

    mentions: the objects that the steps mention. An index that existed before and is missing now must be mentioned
    by a step, which then has dropped it; otherwise it was lost.
    """
    found: set[Difference] = set()
    longer: set[tuple[str, str]] = set()
    given, old = list(differences), set(compare(before, fresh))
    for one in given:
        if one.aspect != MISSING:
            continue
        wanted = next(index for index in fresh.tables[one.table].indexes if index.signature == one.fresh)
        if one not in old and not (mentions and mentions.include(one.table, *wanted.columns)):
            continue
        if standing_in := list(_longer(wanted, one.table, upgraded, before)):
            found.add(one)
            longer |= {(one.table, index.signature) for index in standing_in if not index.unique}
    return found | {
        one for one in given if one.aspect == EXTRA and (one.table, one.found.partition(CALLED)[0]) in longer
    }


def _longer(wanted: Index, table: str, upgraded: Schema, before: Schema) -> Iterator[Index]:
    """Yield the indexes that begin with the columns of a wanted one and existed before the upgrade."""
    if wanted.unique or wanted.kind != KIND or table not in before.tables:
        return
    kept = {index.signature for index in before.tables[table].indexes}
    for index in upgraded.tables[table].indexes:
        begins = index.columns[: len(wanted.columns)] == wanted.columns
        if begins and index.kind == KIND and index.signature in kept:
            yield index
