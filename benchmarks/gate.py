"""Compare the warm gate with the bare minimum of the same work, and a clone with restoring the dump.

    python -m benchmarks.gate [--rounds 3]

Both sides run one after the other in each round; the figures are medians, and the bounds apply to their ratios.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import Bounds, run
from harness import end_of_run, engine
from harness.common.arguments import Parser
from harness.database import Database, programs
from harness.database.profiles import FAST
from harness.dump.choice import Choice, choose
from harness.engine.faults import run_command
from harness.errors import InfrastructureError
from harness.releases import ROOT
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle

BARE = Path(__file__).parent / "bare.sh"


def time_bare_minimum(lifecycle: Lifecycle, choice: Choice) -> dict[str, float]:
    """Return when the bare minimum reached each stage, in seconds from its begin.

    The stages are "server", "upgraded", "served" and "removed". Raises InfrastructureError if it fails.
    """
    baseline = lifecycle.restored(choice.dump, choice.pair.server)
    command = [
        str(BARE),
        baseline.image,
        baseline.volume,
        lifecycle.rt_image(choice.pair.target),
        choice.pair.origin,
        choice.pair.target,
        baseline.credentials.password,
    ]
    done = run(command)
    if done.returncode:
        raise InfrastructureError(
            f"The bare minimum failed (exit code {done.returncode}).", [("Its end", done.stderr[-3000:])]
        )
    marks = dict(line.split() for line in done.stdout.splitlines())
    return {stage: float(moment) - float(marks["begin"]) for stage, moment in marks.items()}


def time_gate() -> float:
    """Return the seconds that `./gate` takes, from the command to the verdict, which must be GO.

    Raises InfrastructureError for any other verdict.
    """
    start = time.monotonic()
    done = run([str(ROOT / "gate")])
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise InfrastructureError(
            f"The gate did not say GO (exit code {done.returncode}).", [("Its end", done.stdout[-3000:])]
        )
    return seconds


def clone(lifecycle: Lifecycle, choice: Choice) -> tuple[float, float, float, float]:
    """Return the seconds of a clone until it answers, of a bare server start, and the two of `_restore`."""
    baseline = lifecycle.restored(choice.dump, choice.pair.server)
    start = time.monotonic()
    database = lifecycle.baselines.clone(baseline)
    cloned = time.monotonic() - start
    try:
        database.container.stop(60)
        start = time.monotonic()
        database.restart()
        started = time.monotonic() - start
    finally:
        lifecycle.baselines.discard(database)
    return cloned, started, *_restore(lifecycle, choice)


def _restore(lifecycle: Lifecycle, choice: Choice) -> tuple[float, float]:
    """Provide a database without clones: start a new server and restore the dump.

    Return the seconds of both together, and of the restore alone.
    """
    baseline = lifecycle.restored(choice.dump, choice.pair.server)
    start = time.monotonic()
    database = Database(
        lifecycle.client, baseline.server, baseline.image, baseline.credentials, FAST, first_start=True
    )
    try:
        answering = time.monotonic()
        done = programs.run_client(database, choice.dump.chunks())
        if done.code:
            raise InfrastructureError("The dump could not be restored.", [("Server", done.err[-500:])])
        return time.monotonic() - start, time.monotonic() - answering
    finally:
        database.remove()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 if a bound is exceeded."""
    parser = Parser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args(arguments).rounds
    return run_command("benchmarks.gate", lambda: measure(rounds))


def measure(rounds: int) -> int:
    """Measure `rounds` times and print; return the exit code."""
    choice = choose()
    try:
        with contextlib.closing(engine.connect()) as client:
            lifecycle = Lifecycle(client, Configuration())
            time_gate()  # warm-up: fills all caches
            pairs = [(time_bare_minimum(lifecycle, choice), time_gate()) for _ in range(rounds)]
            bare, gates = [one for one, _ in pairs], [other for _, other in pairs]
            clones = [clone(lifecycle, choice) for _ in range(rounds)]
    finally:
        end_of_run.clear("benchmarks.gate")
    harness = statistics.median(gates)
    served, by_hand = (statistics.median(one[stage] for one in bare) for stage in ("served", "removed"))
    cloned, started, anew, restored = (statistics.median(column) for column in zip(*clones, strict=True))
    print(f"bare minimum {by_hand:.1f} s, its page after {served:.1f} s, warm gate {harness:.1f} s")
    print(f"server start {started:.2f} s, clone {cloned:.2f} s")
    print(f"a server from nothing with the dump {anew:.2f} s, of which the dump {restored:.2f} s")
    bounds = Bounds()
    bounds.most("warm gate : bare minimum", harness / by_hand, 3)
    bounds.most("clone over the server's own start", cloned - started, 0.5, " s")
    bounds.least("a server from nothing with the dump : clone", anew / cloned, 5)
    return bounds.exit_code()


if __name__ == "__main__":
    sys.exit(main())
