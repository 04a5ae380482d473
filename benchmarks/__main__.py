"""Run all benchmarks one after the other: `make bench`. Each prints ratios of measurements made side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import run
from harness.common.arguments import Parser
from harness.engine.faults import run_command
from harness.errors import InfrastructureError

PARTS = ("gate", "pairs", "rows", "marathon_standin")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every part in a process of its own; exit code 1 if a bound was exceeded, 2 if a part failed."""
    Parser(prog="python -m benchmarks", description=__doc__).parse_args(arguments)
    return run_command("benchmarks", _all)


def _all() -> int:
    codes = set()
    for part in PARTS:
        print(f"== {part}", flush=True)
        codes.add(run([sys.executable, "-m", f"benchmarks.{part}"], shown=True).returncode)
    return 1 if 1 in codes else InfrastructureError.exit_code if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
