"""Apply acceptances: findings signed off by a person, with a reason, until a day after which they count again.

The file is TOML, with one table per finding:

    [[accept]]
    check = "schema"                       # name of the check, exactly
    where = "Attachments*"                 # glob over the finding's place
    what = "index Attachments3 is missing" # part of its sentence, with whole numbers;
                                           # /between slashes/ it is a regular expression
    who = "J. Example, service owner"
    why = "dropped on purpose in 2019, recreated by the nightly job"
    until = 2027-03-31                     # the last day on which it holds
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import UsageError
from harness.verdict import Accepted, Finding, Outcome

_TEXTS = ("check", "where", "what", "who", "why")
_KEYS = (*_TEXTS, "until")
_HEADER = re.compile(r"^\s*\[\[\s*accept\s*\]\]")
_UNRELATED = "Quick zephyrs blow, vexing daft hymn_K: 4096 (17%) / 'Five' \"dozen\"; jugs - `L`."
"""A sentence of no finding, with every letter: an expression that fits in it is too short or too general."""
_SHORTEST = 6
"""Least number of characters of a plain `what`, blanks not counted: shorter ones are a part of any sentence."""
_EXAMPLE = "an entry needs check, where, what, who, why (texts) and until (a date such as 2027-03-31, no quotes)"


@dataclass(frozen=True)
class Acceptance:
    """A signed-off entry. place: "file:line", for messages. until: the last day on which it holds."""

    check: str
    where: str
    what: str
    who: str
    why: str
    until: date
    place: str = ""

    def matches(self, finding: Finding) -> bool:
        """Tell whether this entry matches the finding, expired or not."""
        if finding.check != self.check or not fnmatchcase(finding.where, self.where):
            return False
        return re.search(_expression(self.what) or _whole_numbers(self.what), finding.what) is not None

    def expired(self, today: date) -> bool:
        """Tell whether its last day has passed."""
        return today > self.until


def _expression(what: str) -> str | None:
    return what[1:-1] if len(what) > 2 and what.startswith("/") and what.endswith("/") else None


def _whole_numbers(what: str) -> str:
    """Return an expression for a text whose numbers match only whole numbers: signing off 1 leaves 1001.

    A part of "1,001" or "1.001" is no whole number either.
    """
    before = r"(?<!\d)(?<!\d[.,])" if what[0].isdigit() else ""
    after = r"(?!\d)(?![.,]\d)" if what[-1].isdigit() else ""
    return before + re.escape(what) + after


def load(path: Path, checks: Collection[str] = ()) -> list[Acceptance]:
    """Read the file. Raises UsageError, with the line, for anything missing, empty, or unknown.

    checks: names of the checks whose findings can be signed off; any name if there are none.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise UsageError(
            f"The accepted findings {path} cannot be read: {error.strerror}.", repair=f"name a file; {_EXAMPLE}"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}.", repair=_EXAMPLE) from error
    entries = data.pop("accept", [])
    lines = _Lines(path, text)
    if data:
        lines.refuse(-1, next(iter(data)), f"has {next(iter(data))!r}, which is not an [[accept]] table")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        lines.refuse(-1, "accept", "must write each entry as an [[accept]] table")
    lines.entries = len(entries)
    made = [_entry(entry, index, lines) for index, entry in enumerate(entries)]
    known = f"choose one of: {', '.join(checks)}"
    for index, entry in enumerate(made):
        if checks and entry.check not in checks:
            lines.refuse(index, "check", f"names the check {entry.check!r}, which there is not", known)
    return made


def _entry(entry: dict[str, Any], index: int, lines: _Lines) -> Acceptance:
    for key in entry:
        if key not in _KEYS:
            lines.refuse(index, key, f"has {key!r}, which means nothing here")
    for key in _KEYS:
        if key not in entry:
            lines.refuse(index, "", f"has an entry without {key!r}")
    for key in _TEXTS:
        if not isinstance(entry[key], str) or not entry[key].strip():
            lines.refuse(index, key, f"has an entry whose {key!r} is not a text or is empty")
    until = entry["until"]
    if not isinstance(until, date) or isinstance(until, datetime):
        lines.refuse(index, "until", "has an entry whose 'until' is not a date")
    pattern = _expression(entry["what"])
    if pattern is None and len("".join(entry["what"].split())) < _SHORTEST:
        lines.refuse(index, "what", f"has an entry whose 'what' is too short (under {_SHORTEST} characters)")
    if pattern is not None:
        try:
            wide = any(re.search(pattern, one) for one in ("", _UNRELATED))
        except re.error as error:
            lines.refuse(index, "what", f"has a regular expression that is none ({error})")
        if wide:
            lines.refuse(index, "what", "has a regular expression that is too short or too general")
    return Acceptance(**entry, place=lines.place(index))


@dataclass
class _Lines:
    """Finds the line of an entry or of one of its keys; the TOML parser does not report it."""

    path: Path
    text: str
    entries: int = 0
    headers: list[int] = field(init=False)

    def __post_init__(self) -> None:
        lines = self.text.splitlines()
        self.headers = [at for at, line in enumerate(lines, 1) if _HEADER.match(line)]

    def place(self, index: int, key: str = "") -> str:
        lines = self.text.splitlines()
        first, last = 1, len(lines)
        if index >= 0:
            # not written as [[accept]] tables: name the entry's number instead
            if len(self.headers) != self.entries:
                return f"{self.path}, entry {index + 1}"
            first = self.headers[index]
            last = self.headers[index + 1] - 1 if index + 1 < self.entries else last
        wanted = re.compile(rf"""^\s*(\[+\s*)?["']?{re.escape(key)}["']?\s*[=\].]""")
        found = [at for at in range(first, last + 1) if key and wanted.match(lines[at - 1])]
        return f"{self.path}:{found[0] if found else first}"

    def refuse(self, index: int, key: str, why: str, repair: str = _EXAMPLE) -> NoReturn:
        raise UsageError(f"{self.place(index, key)} {why}.", repair=repair)


def holds(acceptances: Sequence[Acceptance], finding: Finding, today: date | None = None) -> bool:
    """Tell whether a finding is signed off by an entry that has not expired."""
    return any(entry.matches(finding) and not entry.expired(today or date.today()) for entry in acceptances)


def apply(outcome: Outcome, acceptances: Sequence[Acceptance], today: date | None = None) -> Outcome:
    """Return the outcome with signed-off findings moved from the reports to `accepted`.

    A finding with only expired acceptances stays, and says so. An entry that matches no finding becomes a remark,
    because it may be obsolete. Unanswered questions can never be accepted.
    """
    today = today or date.today()
    accepted = list(outcome.accepted)
    used: set[Acceptance] = set()
    reports = []
    for report in outcome.reports:
        kept = []
        for finding in report.findings:
            entries = [entry for entry in acceptances if entry.matches(finding)]
            used.update(entries)
            valid = next((entry for entry in entries if not entry.expired(today)), None)
            if valid:
                accepted.append(Accepted(finding, valid.who, valid.why, valid.until))
            else:
                kept.append(_lapsed(finding, entries[-1]) if entries else finding)
        reports.append(replace(report, findings=kept))
    remarks = [
        f"The acceptance at {entry.place} fits no finding of this run: [{entry.check}] {entry.where}: {entry.what}"
        for entry in acceptances
        if entry not in used
    ]
    return replace(outcome, reports=reports, accepted=accepted, remarks=[*outcome.remarks, *remarks])


def _lapsed(finding: Finding, entry: Acceptance) -> Finding:
    return replace(
        finding,
        what=f"{finding.what} (acceptance by {entry.who} expired on {entry.until})",
        blocks=(*finding.blocks, ("Expired acceptance", f"{entry.place}: {entry.why}")),
    )
