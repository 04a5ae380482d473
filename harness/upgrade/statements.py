"""Measure an upgrade's progress by the number of statements that change the database.

A percentage of time would be another place in every run. Statement 106 of 211 is the same one each time, so an
upgrade that was stopped there can be stopped there again. The statements are counted inside the upgrade's own
process, which can wait before a chosen statement until it is released or killed. Updates of time stamps are not
counted: RT writes one only if the second has changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from harness import upgrade
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.upgrade import UpgradeRun
from harness.upgrade.lifecycle import Lifecycle

PROGRAM = Path(__file__).parents[1] / "perl" / "Statements.pm"
MOST = 400_000_000
"""Maximum bytes of output. Each changing statement adds a line of about 60; a step may touch every user."""
_INSIDE, _GO, _PID = "/opt/statements", "/tmp/statements.go", "/tmp/statements.pid"
_STATEMENT = re.compile(r"^@statement (\d+) ([\d.]+) (.*)$")
_HOLD = re.compile(r"^@hold (\d+) (.*)$")
_STEP = re.compile(r"^Processing (\d+\.\d+\.\d+)$")


@dataclass(frozen=True)
class Statement:
    """A statement that changed the database. kind: its verb and table, no values. seconds: its duration.

    step: the upgrade step that it belongs to, "" before the first.
    """

    number: int
    seconds: float
    kind: str
    step: str

    def __str__(self) -> str:
        """Return its position in the upgrade."""
        return f"statement {self.number} ({self.kind}{f' in step {self.step}' if self.step else ''})"


@dataclass(frozen=True)
class CountedRun:
    """A run with its statements. The run's lines are its own output, without the counter's."""

    run: UpgradeRun
    statements: tuple[Statement, ...]

    def at_percent(self, percent: float) -> Statement:
        """Return the statement before which `percent` of the work is done.

        Raises InfrastructureError if the run changed nothing, so that there is no such statement.
        """
        if not self.statements:
            raise InfrastructureError("The undisturbed upgrade sent no statement that changes anything.")
        number = max(1, min(len(self.statements), ceil(len(self.statements) * percent / 100)))
        return self.statements[number - 1]

    def boundaries(self) -> list[Statement]:
        """Return the first statement of each step: earlier steps are complete, this one has not begun."""
        found: dict[str, Statement] = {}
        for one in self.statements:
            if one.step:
                found.setdefault(one.step, one)
        return list(found.values())


def start_counting(lifecycle: Lifecycle, version: str, database: Database, hold: int = 0) -> Rt:
    """Return tools whose upgrade counts its statements and waits before number `hold`. The caller removes them."""
    return lifecycle.new_side.tools(
        version,
        database,
        files=[(f"{_INSIDE}/{PROGRAM.name}", PROGRAM.read_bytes())],
        environment={"PERL5OPT": f"-I{_INSIDE} -M{PROGRAM.stem}", "STATEMENTS_HOLD": str(hold)},
    )


def run(
    tools: Rt, origin: str, target: str, *, limit: float = 3600, held: Callable[[], None] | None = None
) -> CountedRun:
    """Upgrade with tools that count. held: called once while the upgrade waits at its statement; may kill it."""

    def heard(line: str) -> None:
        if held and _HOLD.match(line):
            held()

    killing = held is not None
    return separate_statements(
        upgrade.run(tools, origin, target, limit=limit, heard=heard, most=MOST, may_be_killed=killing)
    )


def release(tools: Rt) -> None:
    """Let a waiting upgrade continue."""
    tools.need("touch", _GO)


def kill(tools: Rt) -> None:
    """Kill a waiting upgrade with SIGKILL, without warning."""
    tools.need("sh", "-c", f'kill -KILL "$(cat {_PID})"')


def separate_statements(made: UpgradeRun) -> CountedRun:
    """Separate a run's own lines from the counter's."""
    lines: list[tuple[float, str]] = []
    statements: list[Statement] = []
    step = ""
    for at, text in made.lines:
        if match := _STATEMENT.match(text):
            statements.append(Statement(int(match[1]), float(match[2]), match[3], step))
        elif not _HOLD.match(text):
            if match := _STEP.match(text):
                step = match[1]
            lines.append((at, text))
    return CountedRun(replace(made, lines=lines), tuple(statements))
