"""Measure an upgrade at several sizes of one dump, and forecast its duration at another size.

    python -m harness.forecast --times 20 [--from 4.4.6] [--to 5.0.3] [--server ...] [--dump FILE] [--budget 1800]

Every size is a copy of the dump, on a server that writes to disk as in production, enlarged with copies of its own
attachments, transactions and values. Exit codes as the gate's: 0, 1 over the budget, 2 not proven, 3 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness import dump, end_of_run, engine
from harness.common import owner
from harness.common.arguments import Parser, count, positive
from harness.common.plan import Step
from harness.common.progress import Progress
from harness.common.timings import Timings
from harness.common.wording import option
from harness.database import Database
from harness.database.profiles import DURABLE
from harness.drills import amplify, downtime
from harness.drills.downtime import Forecast, Measured
from harness.dump.choice import Choice, choose
from harness.dump.text import Text
from harness.engine.faults import run_command
from harness.errors import InfrastructureError, UsageError
from harness.rt.configuration import Configuration
from harness.setup import engine as engine_setup
from harness.upgrade import statements
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Outcome, Verdict

LARGEST = 256.0
"""Default of the largest size in MB: enough to see growth; all sizes take a minute or two on two cores."""
_SHOWN = 6
_FILES = 'cd /var/lib/mysql/rt && for file in *.ibd; do echo "$file $(stat -c \'%i-%W %s\' "$file")"; done'


@dataclass(frozen=True)
class Sample:
    """The cost of one upgrade: durations, its slowest kinds of statement, and files.

    rebuilt: tables whose file was rewritten, with its MB. room: minimum MB of free disk that it needed: the growth
    of all files, and a second copy of the largest rebuilt table.
    """

    measured: Measured
    kinds: dict[str, float]
    rebuilt: dict[str, float]
    room: float


def sizes(own: float, largest: float) -> list[float]:
    """Return the sizes to measure in MB: the dump's own, and at least two more, each twice the one before.

    Raises UsageError if the dump is too large to be enlarged in that way up to `largest`.
    """
    if 4 * own > largest:
        raise UsageError(
            f"A dump of {own:.0f} MB cannot be measured at three sizes up to {largest:.0f} MB.",
            repair=f"take a bundled dump and --megabytes {own:.0f}, or say --largest {4 * own:.0f}",
        )
    return [own, largest / 4, largest / 2, largest] if largest / 4 >= 2 * own else [own, largest / 2, largest]


def sample(lifecycle: Lifecycle, choice: Choice, goal: float) -> Sample:
    """Upgrade a copy of the dump enlarged to `goal` MB. Raises InfrastructureError if the upgrade fails."""
    baseline = lifecycle.restored(choice.dump, choice.pair.server)
    with lifecycle.baselines.cloned(baseline, DURABLE) as database:
        size = amplify.grow(database, amplify.last_ids(database), goal)
        before = _files(database)
        with statements.start_counting(lifecycle, choice.pair.target, database) as tools:
            counted = statements.run(tools, choice.pair.origin, choice.pair.target)
        if counted.run.code:
            raise InfrastructureError(
                f"The upgrade failed at {size:.0f} MB (exit code {counted.run.code}), so it was not timed.",
                repair="run the gate first: it says why",
            )
        return _sample(size, counted, before, _files(database))


def _sample(
    size: float,
    counted: statements.CountedRun,
    before: dict[str, tuple[str, int]],
    after: dict[str, tuple[str, int]],
) -> Sample:
    kinds: dict[str, float] = {}
    for one in counted.statements:
        name = f"{one.kind} in step {one.step}" if one.step else one.kind
        kinds[name] = kinds.get(name, 0.0) + one.seconds
    steps = {step.name: step.seconds for step in counted.run.steps}
    # A rebuilt table gets a new file: another inode, or time of birth. A file that is written to keeps both.
    rebuilt = {
        name.removesuffix(".ibd"): after[name][1] / 1e6
        for name in before
        if name in after and before[name][0] != after[name][0]
    }
    grown = sum(bytes_ for _, bytes_ in after.values()) - sum(bytes_ for _, bytes_ in before.values())
    room = max(0.0, grown / 1e6) + max(rebuilt.values(), default=0.0)
    return Sample(Measured(round(size, 1), counted.run.seconds, steps), kinds, rebuilt, room)


def _files(database: Database) -> dict[str, tuple[str, int]]:
    lines = database.container.need(["sh", "-c", _FILES]).splitlines()
    return {name: (inode, int(size)) for name, inode, size in (line.rsplit(" ", 2) for line in lines)}


def _read(choice: Choice, largest: float, progress: Progress) -> Text | None:
    """Return the facts read from the dump. Raises UsageError if it is too large to be enlarged.

    Before anything is started: reading a large dump takes minutes, restoring it hours.
    """
    if choice.dump.manifest:
        return None
    with progress.step("reading the dump to its end"):
        text = dump.need_whole(choice.dump)
        if text:
            sizes(text.least / 1e6, largest)
    return text


def _measure(options: argparse.Namespace, choice: Choice, text: Text | None, progress: Progress) -> list[Sample]:
    with progress.step("container engine"):
        engine_setup.ensure()
    with contextlib.closing(engine.connect()) as client:
        lifecycle = Lifecycle(client, Configuration.read(options.config_new or options.config), progress.note)
        with progress.step("size of the dump"):
            baseline = lifecycle.prepared(choice.dump, choice.pair.server, text)
            with lifecycle.baselines.cloned(baseline) as database:
                own = amplify.megabytes(database)
        found = []
        for goal in sizes(own, options.largest):
            for turn in range(options.rounds):
                with progress.step(f"at least {goal:.0f} MB, round {turn + 1}"):
                    found.append(sample(lifecycle, choice, goal))
        return found


def show(console: Console, choice: Choice, samples: Sequence[Sample], made: Forecast) -> None:
    """Print the measurements, the slowest statements, and the forecast."""
    table = Table(title=f"{choice.pair}: upgrades on a server that writes as in production")
    for title in ("database", "upgrade", "tables rebuilt", "free disk needed"):
        table.add_column(title, justify="right")
    for one in samples:
        table.add_row(
            f"{one.measured.megabytes:.0f} MB",
            f"{one.measured.seconds:.1f} s",
            str(len(one.rebuilt)),
            f"{one.room:.0f} MB",
        )
    console.print(table)
    largest = samples[-1]
    names = sorted(largest.rebuilt, key=lambda name: -largest.rebuilt[name])
    console.print(f"Rebuilt: {', '.join(names) or 'none'}")
    slow = sorted(largest.kinds.items(), key=lambda one: -one[1])[:_SHOWN]
    console.print(f"Slowest at {largest.measured.megabytes:.0f} MB:")
    for kind, seconds in slow:
        console.print(f"  {seconds:6.2f} s  {kind}")
    room = downtime.room([(one.measured.megabytes, one.room) for one in samples], made.megabytes)
    console.print(
        f"\nForecast for {made.megabytes:.0f} MB: {made.seconds:.0f} s, at most {made.longest:.0f} s (90 %)"
    )
    console.print(f"Free disk: about {room:.0f} MB, beside the backup.")
    console.print(f"From the smaller sizes, the largest one would have been forecast {made.missed:.0%} wrong.")
    console.print("Only the upgrade itself, on this machine's disk; backup, deploy and checks come on top.")


def parser() -> Parser:
    """Return the command line."""
    made = Parser(
        prog="python -m harness.forecast",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--from",
        dest="origin",
        metavar="RELEASE",
        help="the release that wrote the data (default: the dump's own)",
    )
    made.add_argument(
        "--to", dest="target", metavar="RELEASE", help="the release to upgrade to (default: as the gate's)"
    )
    made.add_argument("--server", help="the database server (default: as the gate's)")
    made.add_argument("--dump", type=Path, metavar="FILE", help="your dump (default: a bundled one)")
    made.add_argument("--config", type=Path, metavar="PATH", help="the site's own configuration")
    made.add_argument("--config-new", type=Path, metavar="PATH", help="for the target, where it differs")
    goal = made.add_mutually_exclusive_group()
    goal.add_argument(
        "--times", type=positive, default=20.0, help="how many times as large as the dump (default: 20)"
    )
    goal.add_argument("--megabytes", type=positive, help="or: how large, in MB of tables and indexes")
    made.add_argument(
        "--largest",
        type=positive,
        default=LARGEST,
        help=f"MB of the largest size measured (default: {LARGEST:.0f})",
    )
    made.add_argument("--rounds", type=count, default=2, help="upgrades of each size (default: 2)")
    made.add_argument("--budget", type=positive, metavar="SECONDS", help="how long the site may be down")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, forecast, print; return the exit code."""
    options = parser().parse_args(arguments)
    return run_command("forecast", lambda: _forecast(options))


def _forecast(options: argparse.Namespace) -> int:
    owner.session()
    choice = choose(options.origin, options.target, options.server, options.dump)
    with Progress(sys.stderr, Step(f"forecast {choice.pair}"), timings=Timings()) as progress:
        text = _read(choice, options.largest, progress)
        try:
            samples = _measure(options, choice, text, progress)
        finally:
            end_of_run.clear("forecast")
    measured = [one.measured for one in samples]
    goal = options.times * measured[0].megabytes if options.megabytes is None else options.megabytes
    made = downtime.forecast(measured, goal)
    report = downtime.check(made, measured, options.budget)
    show(Console(), choice, samples, made)
    if options.json:
        options.json.write_text(json.dumps({"samples": [vars(one.measured) for one in samples], **report.facts}))
    outcome = Outcome(reports=[report])
    print(conclude(outcome, made, options.budget))
    return outcome.verdict().exit_code


def conclude(outcome: Outcome, made: Forecast, budget: float | None) -> str:
    """Return the last lines: the verdict with its reason; without a budget there is none on the downtime."""
    verdict = outcome.verdict()
    if verdict is not Verdict.GO:
        return "\n".join([*map(str, outcome.findings()), *outcome.unproven(), verdict.value])
    if budget is None:
        return f"No verdict: {option('budget')} says for how many seconds the site may be down."
    return f"{verdict.value}: at most {made.longest:.0f} s, and the site may be down for {budget:.0f} s."


if __name__ == "__main__":
    sys.exit(main())
