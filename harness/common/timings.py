"""How long each step took last time, so that a person waiting knows what is usual."""

from __future__ import annotations

import json
import math
from pathlib import Path

from harness.common import cache
from harness.common.plan import Status, Step

KEPT = 2000
"""Steps remembered; the ones not seen for longest are forgotten first."""


def path_key(path: tuple[str, ...]) -> str:
    """Return what a step is remembered by: the titles that lead to it."""
    return " / ".join(path)


class Timings:
    """A small JSON file {path of a step: seconds}. Reading never fails: without the file nothing is expected."""

    def __init__(self, path: Path | None = None) -> None:
        """Keep it at `path`, by default in the cache."""
        self.path = path or cache.directory("timings") / "steps.json"
        self._known = self._read()

    def expected(self, path: tuple[str, ...]) -> float | None:
        """Return the seconds that the step took last time, None when it is new."""
        return self._known.get(path_key(path))

    def expect(self, plan: Step, above: tuple[str, ...] = ()) -> None:
        """Write down in the plan how long each of its steps took last time."""
        path = (*above, plan.title)
        plan.expected = self.expected(path)
        for child in plan.children:
            self.expect(child, path)

    def remember(self, plan: Step) -> None:
        """Keep the durations of what was done; a failed or skipped step says nothing about the next run."""
        made: dict[str, float] = {}
        _collect(plan, (), made)
        with cache.lock("timings", timeout=10):
            known = self._read()
            for key, seconds in made.items():
                known.pop(key, None)
                known[key] = seconds
            kept = dict(list(known.items())[-KEPT:])
            draft = self.path.with_suffix(".new")
            draft.write_text(json.dumps(kept, ensure_ascii=False, indent=0), encoding="utf-8")
            draft.replace(self.path)
        self._known = kept

    def _read(self) -> dict[str, float]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {
            key: float(value)
            for key, value in found.items()
            if isinstance(value, int | float) and math.isfinite(value) and value >= 0
        }


def _collect(step: Step, above: tuple[str, ...], made: dict[str, float]) -> None:
    path = (*above, step.title)
    if step.status is Status.DONE:
        made[path_key(path)] = step.seconds
    for child in step.children:
        _collect(child, path, made)
