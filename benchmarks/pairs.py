"""Compare one pair's tests with the bare minimum of the same upgrade: server start and rt-setup-database.

    python -m benchmarks.pairs [--rounds 3] [--pair 4.4.6:5.0.3] [--server mariadb-10.11]

Both sides run one after the other in each round; the bound applies to the ratio of their medians.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Sequence

from benchmarks import Bounds, run
from benchmarks.gate import time_bare_minimum
from harness import end_of_run, engine
from harness.common import owner
from harness.common.arguments import Parser
from harness.dump.choice import DEFAULT_ORIGIN, DEFAULT_SERVER, DEFAULT_TARGET, Choice, choose
from harness.engine.faults import run_command
from harness.errors import InfrastructureError
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle

BOUND = 2.5


def time_tests(choice: Choice) -> float:
    """Return the seconds that the pair's tests take, including pytest's own start and end.

    Raises InfrastructureError if a test fails: the duration of a failing run means nothing.
    """
    pair = choice.pair
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/upgrade/test_upgrade.py"]
    command += ["--pair", f"{pair.origin}:{pair.target}", "--server", pair.server]
    alone = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    start = time.monotonic()
    done = run(command, alone)
    seconds = time.monotonic() - start
    if done.returncode:
        raise InfrastructureError(
            f"The tests of {pair} are not green (exit code {done.returncode}).",
            [("Their end", done.stdout[-3000:])],
        )
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 if the bound is exceeded."""
    parser = Parser(
        prog="python -m benchmarks.pairs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pair", default=f"{DEFAULT_ORIGIN}:{DEFAULT_TARGET}")
    parser.add_argument("--server", default=DEFAULT_SERVER)
    options = parser.parse_args(arguments)
    return run_command("benchmarks.pairs", lambda: measure(options))


def measure(options: argparse.Namespace) -> int:
    """Measure and print; return the exit code."""
    origin, _, target = options.pair.partition(":")
    choice = choose(origin, target, options.server)
    try:
        with contextlib.closing(engine.connect()) as client:
            lifecycle = Lifecycle(client, Configuration())
            time_tests(choice)  # warm-up: fills all caches
            rounds = [
                (time_bare_minimum(lifecycle, choice)["upgraded"], time_tests(choice))
                for _ in range(options.rounds)
            ]
    finally:
        end_of_run.clear("benchmarks.pairs")
    by_hand, harness = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{choice.pair}: server start and rt-setup-database {by_hand:.1f} s, the pair's tests {harness:.1f} s")
    bounds = Bounds()
    bounds.most("a pair's tests : server start and rt-setup-database", harness / by_hand, BOUND)
    return bounds.exit_code()


if __name__ == "__main__":
    sys.exit(main())
