"""Check that two upgrades of one database end in the same database.

No step can explain a difference here: both applied the same ones. Only values that an upgrade generates may
differ, and repeated.toml lists them.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.checks import rows
from harness.checks.rows import allowances
from harness.checks.rows.allowances import CHANGED, Matcher, RowAllowance, matcher
from harness.checks.rows.context import Cell, Context
from harness.checks.rows.rules import anything
from harness.checks.rows.undocumented_steps import NONE
from harness.checks.upgrade_history import CORE, FULL, SQL
from harness.checks.upgrade_path import WRITTEN_WITHIN, stamp
from harness.database import Database, schema
from harness.database.schema import quote
from harness.rt.thaw import Thawer
from harness.verdict import Report

CHECK = "repeated"
QUESTION = "Does the upgrade end in the same database as another one of the same dump?"
REPAIR = (
    "find out what of these rows depends on chance or on the clock: an extension, a trigger, a step of your own"
)
FILE = Path(__file__).with_name("repeated.toml")
_STEPS = ("an upgrade",)
_STAMPS = ("Created", "LastUpdated")
_OWN = ("id", *_STAMPS)
"""Columns in which two otherwise equal rows may differ."""
_MADE_UP = ("individual_id", "full_id", "timestamp")


def check(first: Database, second: Database, thaw: Thawer) -> Report:
    """Compare two databases that were upgraded separately. Nothing else may have written to them."""
    return _compared(first, second, thaw, "generated")


def untouched(before: Database, after: Database, thaw: Thawer) -> Report:
    """Compare a database with one whose upgrade is claimed to have been interrupted before any change."""
    return _compared(before, after, thaw, "untouched")


def _compared(first: Database, second: Database, thaw: Thawer, section: str) -> Report:
    report = rows.check(first, second, _STEPS, thaw, rules=_rules(section))
    report.check, report.question, report.repair = CHECK, QUESTION, REPAIR
    report.findings = [replace(finding, check=CHECK, repair=REPAIR) for finding in report.findings]
    structures = [schema.read(one) for one in (first, second)]
    for table in sorted({*structures[0].tables, *structures[1].tables}):
        one, other = (structure.tables.get(table) for structure in structures)
        if one and other and one != other:
            report.find(
                table, "its structure is another one after the two upgrades.", sql=f"SHOW CREATE TABLE {table}"
            )
    return report


def _rules(section: str) -> allowances.RowAllowances:
    made: list[RowAllowance] = []
    for row in tomllib.loads(FILE.read_text(encoding="utf-8"))[section]:
        where = {column: matcher(spec) for column, spec in row.get("where", {}).items()}
        tables, columns = row.get("tables") or [row["table"]], row.get("columns") or [row["column"]]
        made += [
            RowAllowance(
                ("*",), table, CHANGED, row["reason"], where, dict.fromkeys(columns, _kind(row["kind"], table))
            )
            for table in tables
        ]
    return replace(allowances.read(), structure=(), rows=made, unruled=NONE)


def _histories(context: Context) -> list[Mapping[str, Any] | None]:
    """Return both upgrade histories, thawed; None for one that cannot be thawed."""
    if "histories" not in context.memory:
        found = []
        for side in ("before", "after"):
            content = [row["Content"] for row in context.rows(side, SQL)]
            value = context.thaw.value(content[0] or "") if content else None
            found.append(value if isinstance(value, dict) else None)
        context.memory["histories"] = found
    made: list[Mapping[str, Any] | None] = context.memory["histories"]
    return made


def _window(history: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return begin and end of the last whole upgrade in the database's format; ("~", ""), an empty range, if none.

    RT takes the time of an event before it writes the row that holds it.
    """
    events: Sequence[Mapping[str, Any]] = (history or {}).get(CORE, [])
    begins = [event for event in events if event.get("type") == FULL and event.get("stage") == "before"]
    if not begins:
        return "~", ""
    return stamp(begins[-1].get("timestamp")), stamp(events[-1].get("timestamp"), WRITTEN_WITHIN)


def _time(cell: Cell) -> str | None:
    windows = [_window(history) for history in _histories(cell.context)]
    for row, (begin, end) in zip((cell.old, cell.new), windows, strict=True):
        if not row or not begin <= (row[cell.column] or "") <= end:
            return f"{cell.column} is not a time during the upgrade"
    return None


def _history(cell: Cell) -> str | None:
    histories = _histories(cell.context)
    if None in histories:
        return f"{cell.column} cannot be thawed"
    told = [_told(history or {}) for history in histories]
    return None if told[0] == told[1] else f"{cell.column} tells of other events"


def _order(cell: Cell, *, table: str) -> str | None:
    """Allow another order of rows that the upgrades made, as long as both made the same ones."""
    if (wrong := _time(replace(cell, column="Created"))) or cell.column in _STAMPS:
        return wrong or _time(cell)
    key, context = f"made in {table}", cell.context
    if key not in context.memory:
        context.memory[key] = [
            Counter(repr([(name, row[name]) for name in sorted(row) if name not in _OWN]) for row in rows)
            for rows in (
                context.rows(side, f"SELECT * FROM {quote(table)} WHERE Created BETWEEN '{begin}' AND '{end}'")
                for side, (begin, end) in zip(("before", "after"), map(_window, _histories(context)), strict=True)
            )
        ]
    one, other = context.memory[key]
    return None if one == other else f"{cell.column} differs, and the upgrades did not make the same rows"


def _told(history: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """Return the events without times, identities as ordinals."""
    seen: dict[str, int] = {}

    def plain(event: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in event.items() if key not in _MADE_UP}
        return kept | {k: seen.setdefault(event[k], len(seen)) for k in _MADE_UP[:2] if event.get(k)}

    return [(package, [plain(event) for event in events]) for package, events in sorted(history.items())]


_KINDS: dict[str, Matcher] = {"time": _time, "history": _history, "any": anything}


def _kind(name: str, table: str) -> Matcher:
    return partial(_order, table=table) if name == "order" else _KINDS[name]
