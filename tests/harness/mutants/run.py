"""Define defects of an upgrade's run: its output and its end. Each is made from a good run's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.upgrade import UpgradeRun, command

Lines = list[tuple[float, str]]
_LOG = "[11] [Mon Jan  1 10:00:00 2024] "


@dataclass(frozen=True)
class RunMutant:
    """A defect of a run. `damage` makes a bad run from a good one."""

    name: str
    reason: str
    damage: Callable[[UpgradeRun], UpgradeRun]
    check: str = "run"


def good_run(origin: str, target: str, steps: Sequence[str]) -> UpgradeRun:
    """Return the output of a good run of these steps, line by line as rt-setup-database prints it."""
    planned = ["Going to apply following upgrades:", *(f"* {name}" for name in steps)]
    done = [line for name in steps for line in (f"Processing {name}", "Now populating database schema.")]
    lines = [
        "Working with:",
        "Type:\tmysql",
        "Name:\trt",
        "Enter RT version you're upgrading from: ",
        *planned,
        "",
        "Enter RT version if you want to stop upgrade at some point,",
        "  or leave it blank if you want apply above upgrades: ",
        *planned,
        *done,
        "Done.",
    ]
    if not steps:
        lines = [*lines[:4], f"No DB changes since {origin}.", "Done."]
    timed = [(number / 100, line) for number, line in enumerate(lines)]
    return UpgradeRun(origin, target, 0, len(lines) / 100, command=command(origin, target), lines=timed)


def _after(text: str, *new: str) -> Callable[[UpgradeRun], UpgradeRun]:
    """Return a damage that inserts lines after the last line that begins with `text`."""

    def damage(run: UpgradeRun) -> UpgradeRun:
        at = max(number for number, (_, line) in enumerate(run.lines) if line.startswith(text))
        moment = run.lines[at][0]
        return replace(run, lines=[*run.lines[: at + 1], *((moment, line) for line in new), *run.lines[at + 1 :]])

    return damage


def _lines(change: Callable[[Lines], Lines], **rest: object) -> Callable[[UpgradeRun], UpgradeRun]:
    def damage(run: UpgradeRun) -> UpgradeRun:
        return replace(run, lines=change(list(run.lines)), **rest)  # type: ignore[arg-type]

    return damage


def _without_last_step(lines: Lines) -> Lines:
    at = max(number for number, (_, line) in enumerate(lines) if line.startswith("Processing "))
    return [*lines[:at], lines[-1]]


def _without(text: str) -> Callable[[Lines], Lines]:
    return lambda lines: [one for one in lines if one[1] != text]


def _second_to_last(lines: Lines) -> Lines:
    """Return the lines with the last two steps swapped."""
    marks = [number for number, (_, line) in enumerate(lines) if line.startswith("Processing ")]
    first, second = marks[-2:]
    return [*lines[:first], *lines[second:-1], *lines[first:second], lines[-1]]


MUTANTS = (
    RunMutant("exit-code-11", "an SQL error in a step ends it with the errno", lambda run: replace(run, code=11)),
    RunMutant(
        "timed-out", "a prompt or a lock waits for ever", lambda run: replace(run, code=124, timed_out=True)
    ),
    RunMutant("silent", "a container without the program says nothing", _lines(lambda _: [])),
    RunMutant(
        "error-logged",
        "an object that exists already is only logged, the exit code stays 0",
        _after("Processing ", f"{_LOG}[error]: Couldn't create ACL: Name in use (/x:1)"),
    ),
    RunMutant(
        "critical-logged",
        "a failed last action is only logged",
        _after("Processing ", f"{_LOG}[critical]: Failed to run one of final actions (/x:1)"),
    ),
    RunMutant(
        "sql-as-warning",
        "SQL errors within RT's start come as warnings",
        _after(
            "Processing ", f"{_LOG}[warning]: DBD::mysql::st execute failed: Unknown column 'a' in 'SELECT' (/x:1)"
        ),
    ),
    RunMutant(
        "sql-in-second-line",
        "the query stands below the message",
        _after(
            "Processing ",
            f"{_LOG}[warning]: something went wrong (/x:1)",
            "\tcouldn't execute the query 'SELECT 1'",
        ),
    ),
    RunMutant(
        "failure-without-level",
        "what rt-setup-database itself writes has no level",
        _after("Processing ", "Failed to load backcompat /opt/rt/upgrade/1.2.3/backcompat: syntax error"),
    ),
    RunMutant(
        "unknown-option",
        "a misspelt --upgrade-to is only warned of: everything is applied",
        _after("Working with:", "Unknown option: upgrade-too"),
    ),
    RunMutant("step-not-begun", "an upgrade that stops early with exit code 0", _lines(_without_last_step)),
    RunMutant(
        "nothing-to-do",
        "the wrong --upgrade-from: nothing is applied",
        lambda run: good_run(run.origin, run.target, ()),
    ),
    RunMutant("steps-swapped", "steps build on each other", _lines(_second_to_last)),
    RunMutant(
        "step-too-many",
        "without --upgrade-to later steps are applied as well",
        lambda run: good_run(run.origin, run.target, [*(step.name for step in run.steps), "99.0.0"]),
    ),
    RunMutant(
        "idle-step",
        "a step directory whose files are not found",
        _lines(_without("Now populating database schema.")),
    ),
    RunMutant("not-done", "a program that exits with 0 in the middle", _lines(_without("Done."))),
    RunMutant(
        "asked-again",
        "an answer that it does not understand makes it ask for ever",
        _after("Enter RT version you're", "Doesn't match #.#.#: "),
    ),
    RunMutant(
        "asked-to-proceed",
        "without --force it wants to be told to go on",
        _after("Working with:", "Proceed [y/N]:"),
    ),
)
