"""Run the benchmarks: ratios of measurements made side by side in one run, compared with bounds."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from harness.common import interrupts
from harness.releases import ROOT


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, shown: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in the project's directory, and return its output; no output if it is `shown`.

    If this process is asked to end, the command is ended as well and waited for while it cleans up: subprocess.run
    would kill it, and leave its containers behind.
    """
    kept = None if shown else subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=kept, stderr=kept, text=True) as child:
        try:
            out, err = child.communicate()
        except BaseException:
            with interrupts.defer_signals(
                "benchmarks: waiting for what was measured to clear up; it ends by itself"
            ):
                child.terminate()
                child.communicate()
            raise
    return subprocess.CompletedProcess(command, child.returncode, out or "", err or "")


class Bounds:
    """Prints figures with their bounds, and counts the exceeded ones."""

    def __init__(self) -> None:
        """Start without any exceeded bound."""
        self.missed = 0

    def most(self, what: str, value: float, bound: float, unit: str = "") -> None:
        """Print a figure and its upper bound."""
        self._say(what, f"{value:.2f}{unit}, at most {bound:g}{unit}", missed=value > bound)

    def least(self, what: str, value: float, bound: float, unit: str = "") -> None:
        """Print a figure and its lower bound."""
        self._say(what, f"{value:.2f}{unit}, at least {bound:g}{unit}", missed=value < bound)

    def _say(self, what: str, figure: str, *, missed: bool) -> None:
        self.missed += missed
        print(f"{what:55} {figure}{' MISSED' if missed else ''}", flush=True)

    def exit_code(self) -> int:
        """Return 1 if a bound was exceeded, else 0."""
        return int(self.missed > 0)
