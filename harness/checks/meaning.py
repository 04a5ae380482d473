"""Does RT itself, old and new side by side, say the same about the data?

A Perl program (harness/checks/perl) runs inside the old release on the old database and inside the new one on the
upgraded database. It says what people see: tickets, histories, attachments, values, roles, links, searches with
what they find, homepages, articles, assets, logins, rights. Texts leave RT as digests, everything else as ids.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness import cache as caches
from harness import redact
from harness.checks.log import SQL_COMPLAINTS, LogRecord, allowances
from harness.checks.meaning_allowances import Allowances, Change, Upgrade, read
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import Report

CHECK = "meaning"
QUESTION = "Does RT say the same about the data as the old release did?"
FOLDER = Path(__file__).with_name("perl")
SUBJECTS = ("tickets.pl", "objects.pl", "searches.pl", "rights.pl")
LIMIT_TICKETS = 2000
"""Above this number of tickets only one in so many is looked at, the same ones on both sides."""
HELD = "held"
"""What the program says first: all that follows is about the database as it was at that moment."""
PARTS = 2
"""Lines of JSON that the program says then: of tickets, and of all the rest."""
COMPLAINTS = "complaints"
ESSENTIAL = ("tickets", "transactions", "users", "groups", "queues", "scrips", "templates", "rights", "homepages")
"""Sections without which nothing is proven; others may be empty on a small site."""
_SHOWN = 8
_LOUD = re.compile(r"\[(?:error|critical|alert|emergency)\]")
_NUMBERS = re.compile(r"\d+|0x[0-9a-f]+")
Sections = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Meaning:
    """What one side said. sections: section to key to fields. every: one ticket in so many was looked at."""

    release: str
    every: int
    sections: Sections = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Processor time that each subject took."""
    organization: str = ""
    """By what name RT took links for its own."""

    def to_json(self) -> str:
        """Return it as JSON, to be kept beside a baseline; it holds no text that people wrote."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Meaning:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@cache
def program() -> str:
    """Return the Perl program: the subjects put into the frame."""
    subjects = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SUBJECTS)
    return (FOLDER / "main.pl").read_text(encoding="utf-8").replace("END_OF_SUBJECTS", subjects)


def sampling(database: Database) -> int:
    """Return of how many tickets one is looked at: 1 up to LIMIT_TICKETS. Ask the old side, use it on both."""
    return max(1, math.ceil(int(database.value("SELECT COUNT(*) FROM Tickets")) / LIMIT_TICKETS))


def collect(
    tools: Rt, accounts: Mapping[str, str] | None = None, every: int = 1, *, limit: float = 1800,
    held: Callable[[], None] | None = None, now: int | None = None,
) -> Meaning:  # fmt: skip
    """Let the release that `tools` is say what its database means. accounts: name to password, for logins.

    Nothing is written. held: called once the answer is about the database as it is then, so that from there on
    others may write to it. now: seconds since 1970, the time that RT is to believe it is; searches may ask for the
    last day. Raises InfrastructureError when the program ends without an answer.
    """
    request = {"every": every, "accounts": dict(accounts or {}), "key": caches.secret(), "now": now}

    def hear(line: str) -> None:
        if line == HELD and held:
            held()

    done = tools.perl(program(), json.dumps(request), limit=limit, heard=hear)
    try:
        if done.code:
            raise ValueError(f"exit code {done.code}")
        begin, *told_of = done.out.rstrip("\n").split("\n")
        parts: list[Sections] = [json.loads(line) for line in told_of]
        if begin != HELD or len(parts) != PARTS:
            raise ValueError(f"{len(parts)} parts of {PARTS} after {begin[:20]!r}")
    except ValueError as error:
        lines = "\n".join(redact.line(line) for line in done.err.splitlines()[-15:])
        raise InfrastructureError(
            f"RT {tools.release} did not say what its database means (exit code {done.code}).", [("Errors", lines)]
        ) from error
    told = Meaning(tools.release, every)
    complaints: set[str] = set()
    for sections in parts:
        complaints |= set(sections.pop(COMPLAINTS, {}))
        told.organization = str(sections.pop("organization", {}).get("is") or "")
        told.seconds |= {name: float(str(value)) for name, value in sections.pop("seconds", {}).items()}
        told.sections |= {name: _as_texts(keys) for name, keys in sections.items()}
    told.complaints = sorted(complaints)
    return told


def _as_texts(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the fields of a section with numbers as text: which of them Perl takes for one is chance."""
    return {
        key: {name: str(value) if isinstance(value, int | float) else value for name, value in fields.items()}
        for key, fields in keys.items()
    }


def check(before: Meaning | None, after: Meaning, upgrade: Upgrade, allowed: Allowances | None = None) -> Report:
    """Compare both sides. upgrade: only what its steps and releases are known to change may differ.

    before: None where the old release has no image; then only RT's complaints about the new side are judged.
    """
    allowed = allowed or read()
    report = Report(CHECK, QUESTION, unit="fields")
    _complaints(report, before, after)
    if before is None:
        # Nothing was compared, so unless something was found the report stays empty: that is not proven.
        report.not_checked.append("what the old release said of its data: it has no image here")
        return report
    for name in ESSENTIAL:
        if not before.sections.get(name):
            report.find(name, f"the old release has no {name} to say anything about, which proves nothing")
    if before.every > 1:
        report.not_checked.append(f"tickets but one in {before.every}, with what belongs to them")
    left: dict[tuple[str, str], list[Change]] = defaultdict(list)
    used: set[str] = set()
    for change in changes(before.sections, after.sections):
        if cover := allowed.covering(change, upgrade, before.sections):
            used.update(cover)
        else:
            left[change.section, change.kind].append(change)
    for (section, _), group in left.items():
        _find(report, section, group)
    report.allowed += sorted(used)
    report.looked_at = sum(len(fields) for keys in after.sections.values() for fields in keys.values())
    report.facts["counts"] = {name: len(keys) for name, keys in sorted(after.sections.items())}
    report.facts["seconds"] = after.seconds
    return report


def changes(before: Sections, after: Sections) -> list[Change]:
    """Return every field that differs, and every key that only one side has."""
    found: list[Change] = []
    for section in sorted({*before, *after}):
        old, new = before.get(section, {}), after.get(section, {})
        for key in sorted({*old, *new}, key=lambda one: (len(one), one)):
            if key not in new:
                found.append(Change(section, key, "", "gone", old[key], None))
            elif key not in old:
                found.append(Change(section, key, "", "new", None, new[key]))
            elif old[key] != new[key]:
                found += [
                    Change(section, key, name, "changed", old[key].get(name), new[key].get(name))
                    for name in sorted({*old[key], *new[key]})
                    if old[key].get(name) != new[key].get(name)
                ]
    return found


def _find(report: Report, section: str, group: Sequence[Change]) -> None:
    kind = group[0].kind
    if kind != "changed":
        words = "are gone" if kind == "gone" else "are new, and no step is known to make them"
        report.find(
            section,
            f"{len(group)} {section} {words}",
            samples=tuple(f"{section} {one.key}" for one in group[:_SHOWN]),
        )
        return
    by_field: dict[str, list[Change]] = defaultdict(list)
    for one in group:
        by_field[one.group].append(one)
    for name, same in by_field.items():
        keys = {one.key for one in same}
        report.find(
            section, f"{name!r} differs in {len(same)} places of {len(keys)} {section}",
            samples=tuple(one.words()[:200] for one in same[:_SHOWN]),
        )  # fmt: skip


def _complaints(report: Report, before: Meaning | None, after: Meaning) -> None:
    """Find what the new release complains of and the old one did not; a subject that died is one always."""
    known = set(map(_shape, before.complaints)) if before else set()
    for side in filter(None, (before, after)):
        died = [redact.line(one) for one in side.complaints if one.startswith("[died]")]
        if died:
            report.find(
                f"RT {side.release}", f"{len(died)} subjects could not be told", samples=tuple(died[:_SHOWN])
            )
    outside = [one for one in after.complaints if _of_the_copy(one)]
    if outside:
        report.not_checked.append(
            f"{len(outside)} contents that are not in the database: a copy has no other storage"
        )
    new = [
        one for one in after.complaints
        if one not in outside and _shape(one) not in known and not one.startswith("[died]")
    ]  # fmt: skip
    bad = [one for one in new if any(pattern.search(one) for pattern in SQL_COMPLAINTS) or _LOUD.match(one)]
    if bad:
        samples = tuple(redact.line(one) for one in bad[:_SHOWN])
        report.find(
            f"RT {after.release}", f"RT complains {len(bad)} times while it reads the data", samples=samples
        )
    report.facts["warnings"] = sorted({redact.line(one) for one in new if one not in bad})[:_SHOWN]


def _of_the_copy(complaint: str) -> bool:
    """Tell whether it is one that is known to be harmless, of how a copy is made for example."""
    level, _, text = complaint.removeprefix("[").partition("] ")
    return any(one.covers(LogRecord("", level, text)) for one in allowances())


def _shape(complaint: str) -> str:
    """Return a complaint without numbers and the place in the code: releases differ there."""
    return _NUMBERS.sub("N", complaint.partition(" at /")[0].partition(" (/")[0])
