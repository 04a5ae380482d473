"""Measurements, as ratios of what ran side by side in one run, and whether they keep their bounds."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from harness.common import interrupts
from harness.releases import ROOT


def carried_out(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, shown: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in the project's directory, and return what it said; nothing where that is shown.

    Whoever ends this process ends the command as well, and it is waited for while it clears up: Python's own way
    forces it to go, and leaves the containers that it has.
    """
    kept = None if shown else subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=kept, stderr=kept, text=True) as child:
        try:
            out, err = child.communicate()
        except BaseException:
            with interrupts.put_off("benchmarks: waiting for what was measured to clear up; it ends by itself"):
                child.terminate()
                child.communicate()
            raise
    return subprocess.CompletedProcess(command, child.returncode, out or "", err or "")


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
