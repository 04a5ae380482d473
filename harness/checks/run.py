"""Check the upgrade's run: exit code, log, steps, prompts, closing line.

An exit code of 0 proves little: see harness.checks.log.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from harness.checks import broken_attributes
from harness.checks.application.startup_log import Start, key
from harness.checks.history import OTHER_STEPS
from harness.checks.log import LogAllowance, LogRecord, allowances, complaints, records
from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.errors import Block
from harness.upgrade import StepRun, UpgradeRun
from harness.verdict import Report

CHECK = "run"
QUESTION = "Did the upgrade end well, with the steps expected, a clean log and no prompt?"
REPAIR = "mend on the site what the output names, and upgrade a fresh copy; never go on with this one"
NOTHING_TO_DO = re.compile(r"(?:^|: )(?:No DB changes (?:since|between) .*|The version .*up to date)\.$")
CLOSING = "Done."
# Each prompt is printed once even if the answer was given beforehand; a second time means that it was asked again.
_ANSWERED = (
    re.compile(r"Enter \S+ version you're upgrading from:"),
    re.compile(r"Enter \S+ version if you want to stop upgrade"),
)
_ASKED = (
    re.compile(r"Doesn't match #\.#\.#:"),
    re.compile(r"Proceed \[y/N\]"),
    re.compile(r"^Password: *$"),
    re.compile(r"specify that user's database password"),
)
_RECORDS = 5
"""Maximum number of records of a complaint that its finding quotes."""
_WARNINGS = 20
"""Maximum number of different warnings in a report: a step may warn of every homepage of a large site."""


def check(
    run: UpgradeRun,
    expected: Sequence[str],
    allowed: Sequence[LogAllowance] | None = None,
    before: Callable[[], Start | None] = lambda: None,
    broken: broken_attributes.Before = lambda _: None,
) -> Report:
    """Judge a run of the upgrade. expected: the steps it must apply, oldest first; () for none.

    before: the old release's log at every start, so that messages which it made before the upgrade are known.
    broken: lets it read attributes that the upgrade cannot read.
    """
    report = Report(CHECK, QUESTION, looked_at=len(run.lines), unit="lines of output", repair=REPAIR)
    lines = [text for _, text in run.lines]
    report.facts = {"code": run.code, "seconds": run.seconds, "steps": [step.name for step in _begun(run)]}
    _end(report, run, lines, expected)
    _steps(report, run, lines, expected)
    _prompts(report, lines)
    found = records(lines)
    bad, used = complaints(found, allowances() if allowed is None else allowed)
    report.allowed += [f"{allowance.pattern.pattern}: {allowance.reason}" for allowance in used]
    if bad:
        bad = broken_attributes.others(report, _unknown(report, bad, before), broken)
    _complaints(report, bad)
    quiet = [record for record in found if record.level == "warning" and not record.complaint]
    said = sorted({redact.line(record.message) for record in quiet})
    more = [f"{_WARNINGS} of {len(said)} are shown"] if len(said) > _WARNINGS else []
    report.facts["warnings"] = said[:_WARNINGS] + more
    return report


def _unknown(report: Report, bad: list[LogRecord], before: Callable[[], Start | None]) -> list[LogRecord]:
    """Return the complaints that the old release does not make at every start; all if it cannot be asked."""
    old = ask_or_leave_open(report, "whether the old release says so at every start", before)
    if old is None:
        return bad
    known = [record for record in bad if key(record) in old.said]
    said = {f"RT {old.release} says so at every start: {redact.line(record.message)}" for record in known}
    report.allowed += sorted(said)
    return [record for record in bad if record not in known]


def _begun(run: UpgradeRun) -> list[StepRun]:
    """Return the steps that the run began; () if it began none."""
    return run.steps if any(text.startswith("Processing ") for _, text in run.lines) else []


def _tail(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (("End of the output", "\n".join(redact.line(line) for line in lines[-12:])),)


def _end(report: Report, run: UpgradeRun, lines: Sequence[str], expected: Sequence[str]) -> None:
    if not lines:
        report.find(
            "output",
            "the upgrade said nothing at all, so it never ran",
            repair="start rt-setup-database --action upgrade by hand on a copy, and see what keeps it",
        )
        return
    if run.endless:
        report.find("output", f"it wrote more than {run.endless} bytes, and was ended", blocks=_tail(lines))
    elif run.timed_out:
        report.find(
            _last_step(run),
            f"it was still running after {run.seconds:.0f} s and was ended",
            blocks=_tail(lines),
            repair="see in the server's process list on a copy which statement takes so long",
        )
    elif run.code:
        report.find(_last_step(run), f"the upgrade ended with exit code {run.code}", blocks=_tail(lines))
    last = next((line for line in reversed(lines) if line.strip()), "")
    if last != CLOSING and not run.code:
        report.find("output", f"its last line is not {CLOSING!r}", blocks=_tail(lines))
    if not expected and not any(NOTHING_TO_DO.search(line) for line in lines):
        report.find("output", "no step was expected, but it never says: nothing to do", blocks=_tail(lines))


def _last_step(run: UpgradeRun) -> str:
    return f"step {_begun(run)[-1].name}" if _begun(run) else "before the first step"


def _steps(report: Report, run: UpgradeRun, lines: Sequence[str], expected: Sequence[str]) -> None:
    begun = [step.name for step in _begun(run)]
    if expected and not begun:
        why = next((redact.line(line) for line in lines if NOTHING_TO_DO.search(line)), "it did not say why")
        report.find("steps", f"none of the {len(expected)} steps was begun ({why})", blocks=_listed(expected))
        return
    _compare(report, "announced", run.announced, expected)
    # A failed run is already reported; of its steps only unexpected ones are reported in addition.
    reached = expected[: len(begun)] if run.code else expected
    _compare(report, "began", begun, reached)
    report.facts["not reached"] = [name for name in expected if name not in begun]
    idle = [step.name for step in _begun(run) if not step.actions]
    if idle:
        report.find(
            "steps", f"{len(idle)} steps were begun and did nothing", blocks=_listed(idle), repair=OTHER_STEPS
        )


def _compare(report: Report, what: str, names: Sequence[str], expected: Sequence[str]) -> None:
    missing = [name for name in expected if name not in names]
    strange = [name for name in names if name not in expected]
    twice = sorted({name for name in names if names.count(name) > 1})
    if missing:
        what_lacks = f"it never {what} {len(missing)} of {len(expected)} steps"
        report.find("steps", what_lacks, blocks=_listed(missing), repair=OTHER_STEPS)
    if strange:
        what_more = f"it {what} {len(strange)} steps that were not expected"
        report.find("steps", what_more, blocks=_listed(strange), repair=OTHER_STEPS)
    if twice:
        report.find("steps", f"it {what} {len(twice)} steps more than once", blocks=_listed(twice))
    if not (missing or strange or twice) and list(names) != list(expected):
        orders = (*_listed(names, "Its order"), *_listed(expected, "Expected order"))
        report.find("steps", f"it {what} the steps in another order", blocks=orders)


def _listed(names: Sequence[str], title: str = "Steps") -> tuple[Block, ...]:
    """Return a block with all names: of samples only the first are kept, and no SQL could show the others."""
    return ((title, "\n".join(names)),)


def _prompts(report: Report, lines: Sequence[str]) -> None:
    asked = [line for line in lines if any(pattern.search(line) for pattern in _ASKED)]
    for pattern in _ANSWERED:
        # The prompt has no line end, so a loop shows as one long line.
        times = sum(len(pattern.findall(line)) for line in lines)
        asked += [pattern.pattern] * (times > 1)
    if asked:
        report.find(
            "output",
            f"the upgrade prompted {len(asked)} times, which without a terminal never ends well",
            samples=tuple(redact.line(line, 120) for line in asked),
            repair="give --upgrade-from and --upgrade-to as three numbers, and --force",
        )


def _complaints(report: Report, bad: Sequence[LogRecord]) -> None:
    grouped: dict[tuple[str, str, str], list[LogRecord]] = defaultdict(list)
    for record in bad:
        grouped[record.step, record.complaint, redact.line(record.message, 100)].append(record)
    for (step, complaint, message), group in grouped.items():
        kind = {"SQL": "an SQL error was logged", "failure": "a failure was printed"}
        text = "\n".join(redact.line(line) for record in group[:_RECORDS] for line in record.text.splitlines()[:6])
        report.find(
            f"step {step}" if step[0].isdigit() else step,
            f"{kind.get(complaint, f'a message of level {complaint} was logged')}"
            + (f" {len(group)} times" if len(group) > 1 else "")
            + (f" at level {group[0].level}" if complaint == "SQL" and group[0].level else "")
            + f": {message}",
            blocks=(("Log", text),),
            repair="read the line in full where you upgrade a copy by hand, and mend on the site what it says",
        )
