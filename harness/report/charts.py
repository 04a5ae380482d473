"""Compute the layout of the charts. Horizontal positions are percent of a drawing, so that it fits any width."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from harness.common.plan import Status, Step
from harness.common.wording import duration, number
from harness.report.facts import StepFact

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
_MOST_TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A tick on a time axis."""

    at: float
    label: str


def percent(part: float, whole: float) -> float:
    """Return part of whole in percent, limited to 0 to 100."""
    return round(min(100.0, max(0.0, 100.0 * part / whole)), 3) if whole > 0 else 0.0


def ticks(total: float) -> list[Tick]:
    """Return at most six round times between 0 and `total` seconds."""
    step = next((seconds for seconds in _STEPS if total / seconds <= _MOST_TICKS), total / _MOST_TICKS)
    if total <= 0 or step <= 0:
        return []
    moments = [index * step for index in range(_MOST_TICKS + 1) if index * step <= total * 0.98]
    return [Tick(percent(at, total), _clock(at, step)) for at in moments]


def _clock(at: float, step: float) -> str:
    if at == 0:
        return "0"
    if step < 1:
        return f"{at:.2f}".rstrip("0").rstrip(".") + " s"
    if step < 60:
        return f"{at:.0f} s"
    return f"{at / 60:.0f} min"


@dataclass(frozen=True)
class PlanRow:
    """A step of the plan as a row: the position of its bar, None if it has not begun."""

    depth: int
    title: str
    status: str
    result: str
    note: str
    took: str
    usual: str
    marked: bool
    leaf: bool
    left: float | None
    width: float
    expected: float | None


def plan_rows(plan: Step) -> tuple[list[PlanRow], list[Tick]]:
    """Return the rows of the plan's chart, and its axis."""
    steps = list(plan.walk())
    total = max([plan.seconds, *((step.start or 0.0) + step.seconds for _, step in steps)])
    culprits = plan.culprits()
    rows = []
    for depth, step in steps:
        begun = step.start is not None and step.status is not Status.SKIPPED and total > 0
        start = step.start or 0.0
        usual = duration(step.expected) if step.expected is not None else ""
        rows.append(
            PlanRow(
                depth=min(depth, 6),
                title=step.title,
                status=step.status.value,
                result=step.result(),
                note=step.note,
                took=duration(step.seconds) if begun else "",
                usual=usual,
                marked=any(step is culprit for culprit in culprits),
                leaf=not step.children,
                left=percent(start, total) if begun else None,
                width=percent(step.seconds, total),
                expected=percent(start + (step.expected or 0.0), total) if begun and usual else None,
            )
        )
    return rows, ticks(total)


@dataclass(frozen=True)
class StepRow:
    """An upgrade step as a bar. status: failed, found (a finding is about it) or done, as in the plan."""

    name: str
    status: str
    width: float
    took: str
    share: str
    actions: tuple[str, ...]


def step_rows(steps: Sequence[StepFact], places: Collection[str] = ()) -> list[StepRow]:
    """Return the upgrade's steps in the order in which they ran; the longest fills the width.

    places: what findings are about; the run's are about "step 4.5.2".
    """
    longest = max((step.seconds for step in steps), default=0.0)
    total = sum(step.seconds for step in steps)
    return [
        StepRow(
            step.name,
            "failed" if step.failed else "found" if f"step {step.name}" in places else "done",
            percent(step.seconds, longest),
            duration(step.seconds),
            f"{percent(step.seconds, total):.0f} %",
            tuple(step.actions),
        )
        for step in steps
    ]


@dataclass(frozen=True)
class Part:
    """A part of a row's bar: removed rows lie left of `zero`, changed and added ones right of it."""

    kind: str
    left: float
    width: float
    rows: int


@dataclass(frozen=True)
class TableRow:
    """The changes of one table's rows."""

    table: str
    before: str
    after: str
    parts: tuple[Part, ...]
    unexplained: int


@dataclass(frozen=True)
class RowChanges:
    """The chart of row changes: changed tables, the position of zero, and the names of unchanged tables."""

    rows: list[TableRow]
    zero: float
    same: list[str]
    unexplained: int


def row_changes(facts: Sequence[dict[str, Any]]) -> RowChanges:
    """Return the chart of facts["row_changes"]: {table, before, after, added, removed, changed, unexplained}."""
    moved = [change for change in facts if _amount(change, "added", "removed", "changed", "unexplained")]
    moved.sort(
        key=lambda change: (-_amount(change, "unexplained"), -_amount(change, "added", "removed", "changed"))
    )
    down = max((_amount(change, "removed") for change in moved), default=0)
    up = max((_amount(change, "added", "changed") for change in moved), default=0)
    whole = down + up
    zero = percent(down, whole)
    rows = []
    for change in moved:
        removed, changed, added = (
            percent(_amount(change, kind), whole) for kind in ("removed", "changed", "added")
        )
        parts = (
            Part("removed", zero - removed, removed, _amount(change, "removed")),
            Part("changed", zero, changed, _amount(change, "changed")),
            Part("added", zero + changed, added, _amount(change, "added")),
        )
        rows.append(
            TableRow(
                str(change.get("table", "?")),
                _shown(change, "before"),
                _shown(change, "after"),
                tuple(part for part in parts if part.rows),
                _amount(change, "unexplained"),
            )
        )
    same = sorted(str(change.get("table", "?")) for change in facts if change not in moved)
    return RowChanges(rows, zero, same, sum(row.unexplained for row in rows))


def _amount(change: dict[str, Any], *kinds: str) -> int:
    return sum(int(change.get(kind) or 0) for kind in kinds)


def _shown(change: dict[str, Any], key: str) -> str:
    value = change.get(key)
    return number(value) if isinstance(value, int | float) else "?"
