"""Measurements, as ratios of what ran side by side in one run, and whether they keep their bounds."""

from __future__ import annotations


class Bounds:
    """Prints figures beside their bounds, and remembers whether one was exceeded."""

    def __init__(self) -> None:
        """Nothing was exceeded yet."""
        self.missed = 0

    def most(self, what: str, value: float, bound: float, unit: str = "") -> None:
        """Print a figure that may be so much at most."""
        self._say(what, f"{value:.2f}{unit}, at most {bound:g}{unit}", missed=value > bound)

    def least(self, what: str, value: float, bound: float, unit: str = "") -> None:
        """Print a figure that must be so much at least."""
        self._say(what, f"{value:.2f}{unit}, at least {bound:g}{unit}", missed=value < bound)

    def _say(self, what: str, figure: str, *, missed: bool) -> None:
        self.missed += missed
        print(f"{what:55} {figure}{' MISSED' if missed else ''}", flush=True)

    def exit_code(self) -> int:
        """Return 1 when a bound was exceeded."""
        return int(self.missed > 0)
