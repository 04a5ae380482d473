"""Compare the duration of the row check on a big database with the minimum that reading it costs.

.venv/bin/python -m benchmarks.rows [--megabytes 1000] [--rounds 3]

A bundled dump is restored and upgraded, and both sides are enlarged in the same way until each has the requested
size. Then a plain dump of the upgraded side to /dev/null and the check run in turns. Figures are ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import Bounds
from harness import dump, end_of_run, engine, releases
from harness.checks import rows
from harness.common.arguments import Parser
from harness.database import NAME, Database, programs
from harness.drills import amplify
from harness.engine.faults import run_command
from harness.errors import InfrastructureError
from harness.rt.configuration import Configuration
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 if a bound is exceeded."""
    parser = Parser(
        prog="python -m benchmarks.rows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pair", default="4.4.6:5.0.10")
    parser.add_argument("--server", default="mariadb-10.11")
    options = parser.parse_args(arguments)

    def work() -> int:
        try:
            with contextlib.closing(engine.connect()) as client:
                return measure(Lifecycle(client, Configuration(), print), options)
        finally:
            end_of_run.clear("benchmarks.rows")

    return run_command("benchmarks.rows", work)


def measure(lifecycle: Lifecycle, options: argparse.Namespace) -> int:
    """Prepare both sides, verify that the check finds nothing, print the table; return the exit code."""
    origin, _, target = options.pair.partition(":")
    pair = releases.pair(origin, target, options.server)
    bundled = dump.load(dump.bundled(pair.origin))
    upgraded, run = lifecycle.upgraded(pair, bundled)
    restored = lifecycle.restored(bundled, pair.server)
    before, after = lifecycle.baselines.clone(restored), lifecycle.baselines.clone(upgraded)
    # Not Transactions: the upgrade's own records are recognised by ids above all earlier ones.
    last = amplify.last_ids(before, ("Attachments", "ObjectCustomFieldValues"))
    for side in (before, after):
        amplify.grow(side, last, options.megabytes)
    thaw = Thawer(lifecycle.tools(pair.target, after))
    steps = [step.name for step in run.steps]
    known = rows.digests(before)
    figures: dict[str, list[float]] = {"dump": [], "check": [], "check, old side remembered": []}
    for _ in range(options.rounds):
        figures["dump"].append(timed(lambda: discard_a_dump(after)))
        figures["check"].append(timed(lambda: need_clean(rows.check(before, after, steps, thaw))))
        remembered = timed(lambda: need_clean(rows.check(before, after, steps, thaw, known=known)))
        figures["check, old side remembered"].append(remembered)
    size, count = amplify.megabytes(after), sum(after.counts().values())
    print(f"\n{pair}, {size:.0f} MB, {count} rows, {options.rounds} rounds")
    base = statistics.median(figures["dump"])
    for name, seconds in figures.items():
        middle = statistics.median(seconds)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{name:30} {middle:6.2f} s ({spread})  {middle / base:4.2f} x the dump")
    bounds = Bounds()
    bounds.most("row check : plain dump to /dev/null", statistics.median(figures["check"]) / base, 1.5)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bounds.most("peak memory of this process", memory, 200, " MB")
    return bounds.exit_code()


def discard_a_dump(database: Database) -> None:
    """Dump the database to /dev/null, inside the server's container."""
    options = ["--no-defaults", *programs.AS_USER, "--single-transaction"]
    command = shlex.join([programs.dump_name(database.server), *options, NAME])
    database.container.need(
        ["sh", "-c", f"{command} >/dev/null"],
        environment={"MYSQL_PWD": database.credentials.password},
        limit=3600,
    )


def need_clean(report: Report) -> None:
    """Raise InfrastructureError if the check found something: its duration then means nothing."""
    if not report:
        raise InfrastructureError("The check found something on sides that are alike.", [("Found", str(report))])


def timed(work: Callable[[], None]) -> float:
    """Return the seconds that the work takes."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
