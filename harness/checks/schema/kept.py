"""Check that the upgrade leaves alone what a site has besides RT's own structure.

A fresh install knows nothing of it, so it is compared with what it was: the columns and keys of other tables, such
as RT's full-text table; indexes of the site's own on RT's tables; CHECK constraints and triggers of all tables;
the counters from which new rows get their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from harness.checks.rows import allowances as row_allowances
from harness.checks.schema.step_mentions import StepMentions
from harness.checks.schema.structure import add_key
from harness.checks.schema.wider_columns import KEEP
from harness.checks.schema.width import as_wide_again, holds, largest
from harness.database.schema import Index, Schema, Table, quote
from harness.database.schema_extras import ForeignKey
from harness.verdict import Report

NEARLY_FULL = 0.95
"""Part of an id column's numbers; beyond it the end is near enough to be told."""
_MUCH = 0.01
"""Part of an id column's numbers; an upgrade that uses up more of them is why the end is near."""
_FIND_OUT = "find out on a copy which step or extension did this, and make it as it was after the upgrade"
_RAISED = "find out on a copy what raised the counter, and widen the column (BIGINT) if its rows need it"
COUNTERS = "counters of ids that are nearly at their end, and not by the upgrade"


def judge(
    report: Report, before: Schema, upgraded: Schema, fresh: Schema, mentions: StepMentions | None = None
) -> None:
    """Report what the site had and the upgrade changed. Lost tables are not looked at here."""
    for name, table in upgraded.tables.items():
        if name not in before.tables:
            continue
        was = before.tables[name]
        if name in fresh.tables:
            if mentions is not None:
                _own_keys(report, was, table, fresh.tables[name], mentions)
                own = set(was.columns) - set(fresh.tables[name].columns)
                _columns(report, was, table, {one for one in own if not mentions.include(name, one)})
        else:
            _columns(report, was, table, set(was.columns))
            _keys(report, was, table)
        _checks(report, was, table)
        _triggers(report, was, table)
        if name not in row_allowances.read().excluded:
            _counter(report, was, table)


def _show(table: Table) -> str:
    return f"SHOW CREATE TABLE {quote(table.name)}"


def _columns(report: Report, was: Table, table: Table, own: Collection[str]) -> None:
    """Report which of the site's own columns are gone or hold less."""
    for name, old in was.columns.items():
        if name not in own:
            continue
        where = f"{table.name}.{name}"
        column = table.columns.get(name)
        if column is None:
            what = "the site's own column is gone."
            report.find(where, what, repair="restore it from the backup", sql=_show(table))
            continue
        changed = {
            "nullable": (old.nullable, column.nullable),
            "default": (old.default, column.default),
            "attribute": (old.extra, column.extra),
        }
        different = [aspect for aspect, (one, other) in changed.items() if one != other]
        if not holds(column, old):
            different.insert(0, "type")
        if different:
            goal = as_wide_again(column, old)
            report.find(
                where,
                f"{', '.join(different)} of the site's own column changed: it was {old.definition()}, "
                f"and is {column.definition()}.",
                repair=f"ALTER TABLE {quote(table.name)} MODIFY {goal.definition()};" if goal else KEEP,
                sql=_show(table),
            )


def _keys(report: Report, was: Table, table: Table) -> None:
    """Report the keys that a table of the site's own has lost."""
    for key in _lost(was, table):
        if not set(_columns_of(key)) <= set(table.columns):
            continue  # it went with its column
        kind = "index" if isinstance(key, Index) else "foreign key"
        what = f"the site's own {kind} is gone: {key.signature}."
        report.find(table.name, what, repair=f"{add_key(table.name, key)};", sql=_show(table))


def _lost(was: Table, table: Table) -> Iterator[Index | ForeignKey]:
    kept = {key.signature for key in _all(table)}
    yield from (key for key in _all(was) if key.signature not in kept)


def _columns_of(key: Index | ForeignKey) -> list[str]:
    return [column.partition("(")[0] for column in key.columns]


def _all(table: Table) -> list[Index | ForeignKey]:
    return [*table.indexes, *table.foreign_keys]


def _own_keys(report: Report, was: Table, table: Table, wanted: Table, mentions: StepMentions) -> None:
    """Report the site's own indexes and foreign keys on a table of RT's that are gone.

    One whose name or column a step mentions may be RT's of a former release, or have gone with its column.
    """
    of_rt = {key.signature for key in _all(wanted)}
    for key in _lost(was, table):
        columns = _columns_of(key)
        said = mentions.include(table.name, key.name) or any(
            mentions.include(table.name, column) for column in columns
        )
        if key.signature in of_rt or said or not set(columns) <= set(table.columns):
            continue
        kind = "index" if isinstance(key, Index) else "foreign key"
        what = f"the site's own {kind} is gone, and no step applied speaks of it: {key.signature}."
        report.find(table.name, what, repair=f"{add_key(table.name, key)};", sql=_show(table))


def _differences(old: Mapping[str, object], new: Mapping[str, object], changed: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each thing that differs, and how; `changed` says so of one that is on both sides."""
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, changed if name in old and name in new else "is gone" if name in old else "is new"


def _checks(report: Report, was: Table, table: Table) -> None:
    old, new = ({one.name: one.clause for one in side.checks} for side in (was, table))
    for name, how in _differences(old, new, "is another one"):
        report.find(
            table.name,
            f"the CHECK constraint {name} {how}, and RT has none.",
            repair=_FIND_OUT if name in old else f"ALTER TABLE {quote(table.name)} DROP CONSTRAINT {quote(name)};",
            sql=_show(table),
        )


def _triggers(report: Report, was: Table, table: Table) -> None:
    old, new = ({one.name: one for one in side.triggers} for side in (was, table))
    for name, how in _differences(old, new, "does something else"):
        report.find(
            table.name,
            f"the trigger {name} {how}, and RT has none.",
            repair="make it as it was after the upgrade"
            if name in old
            else f"look at what it does and what made it; without a reason for it: DROP TRIGGER {quote(name)};",
            sql=f"SHOW CREATE TRIGGER {quote(name)}" if name in new else _show(table),
        )


def _counter(report: Report, was: Table, table: Table) -> None:
    """Report a counter that went back, so that ids of rows long gone are given again, or that is near its end."""
    counting = next((one for one in table.columns.values() if "auto_increment" in one.extra), None)
    if counting is None or table.counter is None or was.counter is None:
        return
    where = f"{table.name}.{counting.name}"
    if table.counter < was.counter:
        report.find(
            where,
            f"the next id was {was.counter} and is {table.counter}: ids of rows that are gone are given again.",
            repair=f"ALTER TABLE {quote(table.name)} AUTO_INCREMENT = {was.counter};",
            sql=_show(table),
        )
    end = largest(counting)
    if end and table.counter > NEARLY_FULL * end:
        left = f"{max(end - table.counter + 1, 0)} ids are left of {end}"
        old = was.columns.get(counting.name)
        smaller = old is not None and largest(old) > end
        if smaller or table.counter - was.counter > _MUCH * end:
            report.find(where, f"{left}, and no row can be added after them.", sql=_show(table), repair=_RAISED)
        else:
            report.facts.setdefault(COUNTERS, []).append(f"{where}: {left}")
            report.allowed.append(f"{where}: {left}, and no row can be added after them (brought along)")
