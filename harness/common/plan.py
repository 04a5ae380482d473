"""Represent the steps of a run as a tree: printed before the start, updated during the run, kept afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.common.wording import duration, one_line


class Status(StrEnum):
    """State of a step. A step that was never reached stays planned; found: a check has findings."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FOUND = "found"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass
class Step:
    """A step of a run, with its substeps.

    start: seconds between the start of the run and of this step, None if it has not begun.
    seconds: how long it took. expected: how long it took last time, None if it is new.
    note: why it failed or was skipped, how much it found, or its latest progress message.
    """

    title: str
    children: list[Step] = field(default_factory=list)
    status: Status = Status.PLANNED
    seconds: float = 0.0
    note: str = ""
    start: float | None = None
    expected: float | None = None

    def add(self, title: str, *children: Step) -> Step:
        """Append a step and return it."""
        self.children.append(Step(title, list(children)))
        return self.children[-1]

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Step]]:
        """Yield this step and all steps below it in reading order, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    def culprits(self) -> list[Step]:
        """Return the steps that failed or found something and have no such substep: causes, not consequences."""
        below = [step for child in self.children for step in child.culprits()]
        return below or ([self] if self.status in (Status.FAILED, Status.FOUND) else [])

    def result(self) -> str:
        """Return the step's result in a word or two: done, FAILED, skipped, not reached, or how much it found."""
        if self.status is Status.FOUND:
            return self.note or "findings"
        return {Status.FAILED: "FAILED", Status.PLANNED: "not reached"}.get(self.status, self.status.value)

    def as_dict(self) -> dict[str, Any]:
        """Return the tree as JSON-serialisable values."""
        return {
            "title": self.title,
            "status": self.status.value,
            "start": self.start,
            "seconds": self.seconds,
            "expected": self.expected,
            "note": self.note,
            "children": [child.as_dict() for child in self.children],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Step:
        """Build a tree from the value of `as_dict`. Raises KeyError or ValueError for anything else."""
        return cls(
            data["title"],
            [cls.from_dict(child) for child in data["children"]],
            Status(data["status"]),
            data["seconds"],
            data["note"],
            data["start"],
            data["expected"],
        )

    def text(self, width: int = 100) -> str:
        """Render the tree as text: titles before the run, results and durations once a step has run."""
        begun = any(step.status is not Status.PLANNED for _, step in self.walk())
        culprits = self.culprits()
        lines = []
        for trunk, step in _branches(self):
            marked = any(step is one for one in culprits)
            lines.append(_after(trunk, step, width, marked=marked) if begun else _before(trunk, step, width))
        return "\n".join(lines)


def _branches(step: Step, trunk: str = "", knee: str = "") -> Iterator[tuple[str, Step]]:
    yield trunk + knee, step
    below = trunk + ({"": "", "├─ ": "│  ", "└─ ": "   "}[knee])
    for child in step.children:
        yield from _branches(child, below, "└─ " if child is step.children[-1] else "├─ ")


def _before(trunk: str, step: Step, width: int) -> str:
    expected = f"last time {duration(step.expected)}" if step.expected is not None else ""
    extra = ", ".join(filter(None, (expected, one_line(step.note, width))))
    return f"{trunk}{step.title}" + (f"  ({extra})" if extra else "")


def _after(trunk: str, step: Step, width: int, *, marked: bool) -> str:
    title = one_line(trunk + step.title, width - 23) + " "
    ran = duration(step.seconds) if step.status not in (Status.PLANNED, Status.SKIPPED) else ""
    line = f"{title:.<{width - 22}} {step.result():<11} {ran:>9}".rstrip()
    if marked:
        line += f"  <== {step.note}" if step.note and step.status is Status.FAILED else "  <== here"
    elif step.status is Status.SKIPPED and step.note:
        line += f": {step.note}"
    return line
