"""All benchmarks, one after the other: `make bench`. Each prints ratios of what it measured side by side."""

from __future__ import annotations

import subprocess
import sys

PARTS = ("gate", "pairs", "rows", "marathon_standin")


def main() -> int:
    """Run every part in a process of its own; exit code 1 when a bound was exceeded."""
    worst = 0
    for part in PARTS:
        print(f"== {part}", flush=True)
        worst |= subprocess.run([sys.executable, "-m", f"benchmarks.{part}"], check=False).returncode
    return int(bool(worst))


if __name__ == "__main__":
    sys.exit(main())
