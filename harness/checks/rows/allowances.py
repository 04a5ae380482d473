"""Read from allowances.toml what each upgrade step may do to rows.

Nothing is allowed by default. An allowance counts only if all its steps were applied, and it says for every column
it touches which change is allowed. The file explains its keywords; this module parses them into objects and
rejects an unknown one, so that a typo never allows anything.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.checks.rows import undocumented_steps
from harness.checks.rows.context import Cell
from harness.checks.rows.effects import EFFECTS
from harness.checks.rows.rules import RULES, Rule

FILE = Path(__file__).with_name("allowances.toml")
ADDED, REMOVED, CHANGED, DROPPED = "added", "removed", "changed", "dropped"
Complaint = str | None
"""The defect of a value, as the end of a sentence; None if it is correct. Never quotes data."""


Matcher = Rule
"""Judges one column of a row. The old row is None for an added one, the new row for a removed one."""


@dataclass(frozen=True, eq=False)
class RowAllowance:
    """Rows that steps add, remove or change.

    steps: any of them does it. together_with: steps that must have been applied as well.
    where: conditions on such a row (on a changed row: before the change). columns: the allowed change of each
    column.
    expect: SQL whose rows are exactly the rows that may be added or removed, run on the `on` side; unless it is
    optional, each row must be in the upgraded database, compared by its `known_by` columns if a site may edit it.
    unmet: SQL that lists, in the upgraded database, changes that the step should have made and has not.
    effect: name of a rule that does the same for changes that SQL cannot describe.
    """

    steps: tuple[str, ...]
    table: str
    change: str
    reason: str
    where: Mapping[str, Matcher] = field(default_factory=dict)
    columns: Mapping[str, Matcher] = field(default_factory=dict)
    expect: str = ""
    on: str = "before"
    unmet: str = ""
    effect: str = ""
    optional: bool = False
    known_by: tuple[str, ...] = ()
    together_with: tuple[str, ...] = ()

    @property
    def step(self) -> str:
        """Return its steps as text."""
        return "any step" if self.steps == ("*",) else f"step {' or '.join(self.steps)}"

    def counts(self, applied: Iterable[str]) -> bool:
        """Tell whether it counts if these steps were applied."""
        known = {*applied}
        return (
            bool(known)
            and (not known.isdisjoint(self.steps) or self.steps == ("*",))
            and known.issuperset(self.together_with)
        )

    def __str__(self) -> str:
        """Return step, table and reason in one line."""
        return f"{self.step}, {self.table} rows {self.change}: {self.reason}"


@dataclass(frozen=True)
class StructureAllowance:
    """A table or column that a step makes or drops; `value` is what a new column holds in every row."""

    step: str
    table: str
    change: str
    reason: str
    column: str = ""
    value: str | None = None

    def __str__(self) -> str:
        """Return step, table and reason in one line."""
        name = f"{self.table}.{self.column}" if self.column else self.table
        return f"step {self.step}, {name} {self.change}: {self.reason}"


@dataclass(frozen=True)
class RowAllowances:
    """All allowances of the file: excluded tables with reasons, tables that must hold rows, defaults, and steps.

    unruled: steps whose effects are not known.
    """

    excluded: Mapping[str, str]
    key_tables: Sequence[str]
    storable: Mapping[str, tuple[str, str, str]]
    window: str
    defaults: Mapping[str, Matcher]
    structure: Sequence[StructureAllowance]
    rows: Sequence[RowAllowance]
    unruled: undocumented_steps.UndocumentedSteps

    def of_steps(self, steps: Sequence[str]) -> tuple[list[StructureAllowance], list[RowAllowance]]:
        """Return what is allowed if these steps were applied."""
        structure = [one for one in self.structure if one.step in steps]
        return structure, [one for one in self.rows if one.counts(steps)]


@cache
def read(path: Path = FILE) -> RowAllowances:
    """Read the allowances. Raises ValueError for anything that it does not understand."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return RowAllowances(
        excluded={row["table"]: row["reason"] for row in data["excluded"]},
        key_tables=data["key_tables"],
        storable={row["table"]: (row["column"], row["type_column"], row["type"]) for row in data["storable"]},
        window=data["window"],
        defaults={column: matcher(spec) for column, spec in data["defaults"].items()},
        structure=[StructureAllowance(**row) for row in data["structure"]],
        rows=[_row(row) for row in data["row"]],
        unruled=undocumented_steps.read(data["unruled"]),
    )


def _row(row: dict[str, Any]) -> RowAllowance:
    row = dict(row)
    steps = row.pop("step")
    known: dict[str, Any] = {"steps": (steps,) if isinstance(steps, str) else tuple(steps)}
    known |= {part: tuple(row.pop(part, ())) for part in ("together_with", "known_by")}
    for part in ("where", "columns"):
        known[part] = {column: matcher(spec) for column, spec in row.pop(part, {}).items()}
    allowance = RowAllowance(**known, **row)
    if allowance.change not in (ADDED, REMOVED, CHANGED) or allowance.on not in ("before", "after"):
        raise ValueError(f"{FILE.name}: {allowance.change} on {allowance.on} is not understood")
    if allowance.effect and allowance.effect not in EFFECTS:
        raise ValueError(f"{FILE.name}: there is no effect {allowance.effect}")
    return allowance


def matcher(spec: Any) -> Matcher:
    """Return the matcher for a column's keyword in the file. Raises ValueError for an unknown keyword."""
    if isinstance(spec, str | int):
        return _one_of([str(spec)])
    if isinstance(spec, list):
        return _one_of([str(one) for one in spec])
    if isinstance(spec, dict) and len(spec) >= 1:
        kind = next(iter(spec))
        if kind == "rule" and spec["rule"] in RULES:
            return RULES[spec["rule"]]
        if kind in _KINDS and set(spec) <= {kind, "to", "on", "at"}:
            return _KINDS[kind](spec)
    raise ValueError(f"{FILE.name}: {spec!r} is not understood")


def _one_of(values: Sequence[str]) -> Matcher:
    def judge(cell: Cell) -> Complaint:
        return None if cell.current in values else f"{cell.column} is not one of the values expected"

    return judge


def _from_to(spec: dict[str, Any]) -> Matcher:
    def judge(cell: Cell) -> Complaint:
        wanted = (str(spec["from"]), None if spec["to"] == {"null": True} else str(spec["to"]))
        right = (cell.was, cell.now) == wanted
        return None if right else f"{cell.column} did not go from one expected value to the other"

    return judge


def _null(cell: Cell) -> Complaint:
    return None if cell.current is None else f"{cell.column} is not NULL"


def _sha256(spec: dict[str, Any]) -> Matcher:
    def judge(cell: Cell) -> Complaint:
        text = (cell.current or "").encode(errors="surrogateescape")
        right = hashlib.sha256(text).hexdigest() in spec["sha256"]
        return None if right else f"{cell.column} has another SHA-256 than the text that the step brings"

    return judge


def _matches(spec: dict[str, Any]) -> Matcher:
    pattern = re.compile(spec["matches"])

    def judge(cell: Cell) -> Complaint:
        matched = pattern.fullmatch(cell.current or "")
        return None if matched else f"{cell.column} does not look as expected"

    return judge


def _sql(spec: dict[str, Any]) -> Matcher:
    def judge(cell: Cell) -> Complaint:
        values = cell.context.values(spec.get("on", "before"), spec["sql"])
        return None if cell.current in values else f"{cell.column} is none of those that the step touches"

    return judge


def _thawed(spec: dict[str, Any]) -> Matcher:
    def judge(cell: Cell) -> Complaint:
        value = cell.context.thaw.value(cell.current or "")
        return None if value == spec["thawed"] else f"{cell.column}, thawed, is not what the step brings"

    return judge


def _spliced(spec: dict[str, Any]) -> Matcher:
    def judge(cell: Cell) -> Complaint:
        was, now = cell.thawed()
        right = isinstance(was, list) and now == [*was[: spec["at"]], *spec["spliced"], *was[spec["at"] :]]
        return None if right else f"{cell.column}, thawed, is not what it was with what the step brings"

    return judge


_KINDS: dict[str, Callable[[dict[str, Any]], Matcher]] = {
    "from": _from_to,
    "null": lambda _: _null,
    "sha256": _sha256,
    "matches": _matches,
    "sql": _sql,
    "thawed": _thawed,
    "spliced": _spliced,
}
