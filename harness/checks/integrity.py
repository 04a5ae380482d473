"""Check that RT's own validator finds no more in the upgraded database than it found in the old one.

Each release's validator knows its own schema, so the old one validates the old database and the new one the new.
Old data is rarely clean: findings that existed before are a fact, new ones are a finding. Later validators check
more, so a finding that the old validator did not have is also looked up in the new validator's output for the
untouched database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.checks.application.startup_log import key
from harness.checks.cached_fact import CachedFact
from harness.checks.in_time import need_in_time
from harness.checks.log import READING, LogAllowance, allowances, complaints, records, shape
from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.rt import Rt
from harness.verdict import MOST_SAMPLES, Report

CHECK = "integrity"
QUESTION = "Does rt-validator find anything that it did not find before?"
REPAIR = "run rt-validator --check on an upgraded copy, and mend on the site what it names, before the upgrade"
TOOL = "rt-validator"
CLEAN, DIRTY = 0, 1
"""The validator's exit codes; any other one means that it failed to do its work."""
LIMIT = 4 * 3600.0
"""Timeout of a validator in seconds; on large sites it takes an hour."""
_FIELD = re.compile(r"^(\w+) => '(\d*)'(?: => (\w+))?$")
_LOGGED = re.compile(
    r"^\[\d+\] \[|^DBD::|^RT::Handle=|^\S+ at \S+ line \d+"
    rf"|^.* at (?:\(eval \d+\)\S*|\S+) line \d+(?:{READING}\d+)?\.$"
)
"""Messages of RT or Perl, not of the validator: Perl warns of a site's own modules before RT handles warnings."""
_NUMBERS = re.compile(r"#\d+")


@dataclass
class Validation(CachedFact):
    """A validator's output: exit code, one line per finding, complaints about its own run by `startup_log.key`."""

    release: str
    code: int
    found: list[str] = field(default_factory=list)
    complaints: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> list[str]:
    """Return the validator's findings, one line each: its sentence, then the ids concerned.

    Fields that are not numbers are left out: they quote user data.
    """
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("\t") or not line.strip():
            match = _FIELD.match(line.strip())
            if match and found:
                found[-1] += f"; {match[1]} {match[2] or 'empty'}" + (f" (a {match[3]})" if match[3] else "")
        elif line.startswith("but ") and found:
            found[-1] += f" {line.strip()}"
        elif not _LOGGED.match(line):
            found.append(redact.line(line.strip()))
    return found


def collect(tools: Rt, allowed: Sequence[LogAllowance] | None = None) -> Validation:
    """Run a release's validator on the database that the release is connected to; it changes nothing.

    Raises InfrastructureError if it was terminated before it completed.
    """
    done = tools.tool(TOOL, "--check", limit=LIMIT)
    need_in_time(done, f"{TOOL} of RT {tools.release} was not done", LIMIT)
    logged = records(done.err.splitlines() + done.out.splitlines())
    bad, _ = complaints(logged, allowances() if allowed is None else allowed, TOOL)
    said = {key(record): redact.line(record.message) for record in bad}
    return Validation(tools.release, done.code, parse(done.err), said)


def check(before: Validation | None, after: Validation, again: Callable[[], Validation] | None = None) -> Report:
    """Compare the findings before and after. before: None if the old release has no image.

    again: runs the target's validator on the untouched database; called only if something seems new. Its findings
    there are old even if it fails to complete on those tables.
    """
    report = Report(CHECK, QUESTION, looked_at=1, unit="validator runs", repair=REPAIR)
    for side, other in ((before, after), (after, before)):
        if side:
            _check_completed(report, side, other)
    # The old validator's own complaints are no effect of the upgrade: findings that it missed because of them
    # would only seem new.
    usual = before.complaints if before else {}
    _complaints(report, usual, after)
    known = set(before.found) if before else set()
    new, unasked = _new_findings(report, known, after, again, compared=before is not None)
    for kind in dict.fromkeys(map(_kind, new)):
        group = [finding for finding in new if _kind(finding) == kind]
        report.find(
            _table(kind),
            f"{kind} ({len(group)} of these are new)",
            samples=tuple(group),
            repair=f"look at them with {TOOL} --check; if they are old, repair them before the upgrade",
        )
    old = [finding for finding in after.found if finding in known]
    report.allowed += _some("found before as well", old)
    report.allowed += _some("found before as well, by the target's validator", unasked)
    report.facts = {
        "before": len(before.found) if before else None,
        "after": len(after.found),
        "new": len(new),
        "gone": len(known - set(after.found)),
        "old": old[:MOST_SAMPLES],
        "not asked before": len(unasked),
        "complained of before": sorted({*usual.values()})[:MOST_SAMPLES],
    }
    return report


def _complaints(report: Report, usual: Mapping[str, str], after: Validation) -> None:
    """Report what the target's validator logged. usual: those of the old release's, which are not reported."""
    complained = sorted({text for digest, text in after.complaints.items() if digest not in usual})
    if complained and after.code in (CLEAN, DIRTY):
        where = f"{TOOL} of RT {after.release}"
        report.find(where, f"it logged {len(complained)} complaints", samples=tuple(complained))


def _new_findings(
    report: Report, known: set[str], after: Validation, again: Callable[[], Validation] | None, *, compared: bool
) -> tuple[list[str], list[str]]:
    """Return the target's findings that are new, and those that only the old release's validator did not look for.

    known: the old release's findings; compared: whether it had a validator. Without that, and without the
    target's answer about the untouched database, it is an open question which of them are new.
    """
    unknown = [finding for finding in after.found if finding not in known]
    untouched = None
    if unknown and again:
        untouched = ask_or_leave_open(report, "what the target's validator finds on the untouched copy", again)
    unasked = [finding for finding in unknown if untouched and finding in untouched.found]
    new = [finding for finding in unknown if finding not in unasked]
    if not compared and new and (untouched is None or untouched.code not in (CLEAN, DIRTY)):
        report.unanswered.append(_unknown(new, untouched))
        new = []
    return new, unasked


def _some(words: str, found: Sequence[str]) -> list[str]:
    more = [f"{words}: {MOST_SAMPLES} of {len(found)} are shown"] if len(found) > MOST_SAMPLES else []
    return [f"{words}: {finding}" for finding in found[:MOST_SAMPLES]] + more


def _unknown(new: Sequence[str], untouched: Validation | None) -> str:
    why = f"could not do its work there (exit code {untouched.code})" if untouched else "was not asked there"
    kinds = ", ".join(dict.fromkeys(map(_kind, new)))
    return (
        f"which of {len(new)} findings of the validator are old: the old release's did not run, and the target's "
        f"{why}: {kinds}"
    )


def _check_completed(report: Report, side: Validation, other: Validation | None) -> None:
    """Report a validator that failed to do its work. other: the validation of the other side."""
    where = f"{TOOL} of RT {side.release}"
    if side.code not in (CLEAN, DIRTY):
        report.find(
            where,
            f"it could not do its work (exit code {side.code})",
            samples=tuple(sorted({*side.complaints.values()})),
            repair=f"run {TOOL} --check there by hand, and mend what it dies of",
        )
    elif not _contradicts(side):
        return
    elif other is None or not _alike(side, other):
        report.find(where, f"it ended with exit code {side.code} and {len(side.found)} findings, which contradict")
    elif not side.found:
        report.unanswered.append(f"what {where} found: it ended with exit code {side.code} and named nothing")


def _contradicts(side: Validation) -> bool:
    return (side.code == DIRTY) != bool(side.found)


def _alike(side: Validation, other: Validation) -> bool:
    """Tell whether both ended with the same code and messages: those of a site's own modules, for example."""
    return side.code == other.code and {*map(shape, side.found)} == {*map(shape, other.found)}


def _kind(finding: str) -> str:
    """Return a finding's sentence without its numbers: the same for all findings of one kind."""
    return _NUMBERS.sub("#N", finding.partition("; ")[0])


def _table(kind: str) -> str:
    match = re.search(r"\bin (?:record #N in )?(\w+)\b", kind)
    return match[1] if match else "database"
