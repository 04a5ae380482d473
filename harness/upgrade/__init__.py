"""Run RT's own upgrade in a safe way, and record its output with the time of each line.

`rt-setup-database` loops without end if it must prompt without a terminal, and exits with 0 although steps failed.
So every answer is given in advance, it gets no input and a time limit, and its exit code is only one of the facts
that the checks look at.

`lifecycle` has all stages on one engine, `guard` asks an image how it judges a database,
`promised_steps` knows which steps a release has, `statements` counts the progress of an upgrade.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.common import redact
from harness.engine.commands import EXIT_KILLED, TooMuchError
from harness.errors import InfrastructureError
from harness.releases import parse
from harness.rt import Rt

_PROCESSING = re.compile(r"^Processing (\d+\.\d+\.\d+)$")
_PLANNED = re.compile(r"^\* (\d+\.\d+\.\d+)$")
_ACTIONS = {
    "Now populating database schema.": "schema",
    "Now inserting database ACLs.": "acl",
    "Now inserting database indexes.": "indexes",
    "Now inserting data.": "content",
}
LIMIT = 6 * 3600.0
"""Time limit in seconds for the upgrade of a small database.

It cannot prompt, so only a hanging server reaches it.
"""
MAXIMUM_OUTPUT = 20_000_000
"""Maximum bytes of output. A prompt that loops fills a disk in minutes; no real upgrade writes this much."""
LONGEST = 100_000
"""Characters kept of a line: a prompt that loops is one endless line."""


@dataclass(frozen=True)
class StepRun:
    """An upgrade step that ran: its name, the kinds of work it did, and its duration in seconds.

    failed: the upgrade ended in it, with an exit code other than 0.
    """

    name: str
    actions: tuple[str, ...]
    seconds: float
    failed: bool = False


@dataclass
class UpgradeRun:
    """The result of an upgrade. lines: (seconds since the start, text).

    endless: bytes of output after which it was ended, more than an upgrade can write; 0 if it was not.
    """

    origin: str
    target: str
    code: int = -1
    seconds: float = 0.0
    timed_out: bool = False
    command: tuple[str, ...] = ()
    lines: list[tuple[float, str]] = field(default_factory=list)
    errors: str = ""
    endless: int = 0

    @property
    def text(self) -> str:
        """Return its whole output, standard output and standard error as they arrived."""
        return "\n".join(text for _, text in self.lines)

    @property
    def announced(self) -> list[str]:
        """Return the steps that it announced, from its last announcement."""
        steps: list[str] = []
        for _, text in self.lines:
            if text.startswith("Going to apply"):
                steps = []
            if match := _PLANNED.match(text):
                steps.append(match[1])
        return steps

    @property
    def steps(self) -> list[StepRun]:
        """Return the steps that it began, in order, with their durations."""
        marks: list[tuple[float, str, list[str]]] = []
        for at, text in self.lines:
            if match := _PROCESSING.match(text):
                marks.append((at, match[1], []))
            elif marks and text in _ACTIONS:
                marks[-1][2].append(_ACTIONS[text])
        ends = [*(mark[0] for mark in marks[1:]), self.seconds][: len(marks)]
        return [
            StepRun(name, tuple(actions), round(end - at, 3), failed=self.code != 0 and number == len(marks))
            for number, ((at, name, actions), end) in enumerate(zip(marks, ends, strict=True), 1)
        ]

    def facts(self) -> dict[str, Any]:
        """Return the run without its lines, for reports."""
        whole = asdict(self)
        del whole["lines"], whole["errors"]
        return {**whole, "steps": [asdict(step) for step in self.steps]}


def expected_steps(available: Iterable[str], origin: str, target: str) -> list[str]:
    """Return the steps that lead from `origin` (excluded) to `target` (included), oldest first."""
    low, high = parse(origin), parse(target)
    return sorted((name for name in available if low < parse(name) <= high), key=parse)


def command(origin: str, target: str) -> tuple[str, ...]:
    """Return the command line that never prompts.

    `--skip-create` makes RT use its own account as the administrator, which is right in a container.
    """
    return (
        "rt-setup-database",
        "--action",
        "upgrade",
        "--force",
        "--skip-create",
        "--upgrade-from",
        origin,
        "--upgrade-to",
        target,
    )


def run(
    tools: Rt,
    origin: str,
    target: str,
    *,
    limit: float = LIMIT,
    heard: Callable[[str], None] | None = None,
    most: int = MAXIMUM_OUTPUT,
    may_be_killed: bool = False,
) -> UpgradeRun:
    """Upgrade the database that `tools`, a container of the target release, is connected to.

    limit: seconds until the upgrade is ended. most: maximum bytes of output. heard: called with each line, for
    progress. A failed upgrade raises nothing: the checks report it.
    Raises InfrastructureError if the upgrade was killed by something else than the limit, unless the caller kills
    it (may_be_killed).
    """
    result = UpgradeRun(origin, target, command=command(origin, target))
    start = time.monotonic()

    def note(line: str) -> None:
        result.lines.append((round(time.monotonic() - start, 3), line[:LONGEST]))
        if heard:
            heard(line)

    try:
        done = tools.run(*result.command, limit=limit, heard=note, most=most)
    except TooMuchError as error:
        done, result.endless = error.done, most
    result.seconds = round(time.monotonic() - start, 3)
    killed = done.code == EXIT_KILLED and result.seconds < limit
    if killed and not (may_be_killed or result.endless):
        raise _killed_error(result)
    result.code, result.errors = done.code, done.err
    result.timed_out = done.timed_out and not killed and not result.endless
    return result


def _killed_error(killed: UpgradeRun) -> InfrastructureError:
    """Return the error for an upgrade that was killed: nothing in the site can cause that."""
    end = "\n".join(redact.line(text) for _, text in killed.lines[-12:])
    return InfrastructureError(
        f"The upgrade to {killed.target} was killed after {killed.seconds:.0f} s, and not by its time limit.",
        [("End of the output", end)],
        repair="see whether the machine ran out of memory (dmesg, journalctl -k), give it more, and run it again",
    )
