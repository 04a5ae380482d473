"""Remember how long each step took last time, to show an expected duration."""

from __future__ import annotations

import json
import math
from pathlib import Path

from harness.common import cache
from harness.common.plan import Status, Step

KEPT = 2000
"""Maximum number of steps remembered; those not run for longest are dropped first."""


def path_key(path: tuple[str, ...]) -> str:
    """Return the key of a step: the titles on the path to it."""
    return " / ".join(path)


class Timings:
    """A small JSON file {path of a step: seconds}.

    Reading never fails: without the file, no durations are expected.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Use the file `path`, by default one in the cache."""
        self.path = path or cache.directory("timings") / "steps.json"
        self._known = self._read()

    def expected(self, path: tuple[str, ...]) -> float | None:
        """Return the seconds that the step took last time, None if it is new."""
        return self._known.get(path_key(path))

    def expect(self, plan: Step, above: tuple[str, ...] = ()) -> None:
        """Set the expected duration of each step of a plan."""
        path = (*above, plan.title)
        plan.expected = self.expected(path)
        for child in plan.children:
            self.expect(child, path)

    def remember(self, plan: Step) -> None:
        """Save the durations of completed steps; a failed or skipped one is no estimate for the next run."""
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
