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
from harness.checks import code
from harness.checks.log import SQL_COMPLAINTS, LogRecord, allowances
from harness.checks.meaning_allowances import RIGHTS, Allowances, Change, Upgrade, read
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import Report

CHECK = "meaning"
QUESTION = "Does RT say the same about the data as the old release did?"
FOLDER = Path(__file__).with_name("perl")
SUBJECTS = ("tickets.pl", "objects.pl", "searches.pl", "rights.pl", "code.pl")
LIMIT = 2000
"""Above this number of a kind only one in so many is looked at, the same ones on both sides."""
SAMPLED = {"tickets": "Tickets", "users": "Users", "articles": "Articles", "assets": "Assets"}
"""Kinds of which there may be any number, and their tables. Of users, privileged ones are always looked at."""
HELD = "held"
"""What the program says first: all that follows is about the database as it was at that moment."""
PATIENCE = 2 * 3600.0
"""Seconds. What is asked of some thousand people, on each object that rights can be given on, takes a while."""
PARTS = 2
"""Lines of JSON that the program says then: of tickets, and of all the rest."""
COMPLAINTS = "complaints"
HOLDERS = "holders"
"""Field of an entry that is told once for all of these, in the section of rights: ids of users."""
ESSENTIAL = ("tickets", "transactions", "users", "groups", "queues", "scrips", "templates", "rights", "homepages")
"""Sections without which nothing is proven; others may be empty on a small site."""
_SHOWN = 8
_OTHERS = "{kind} but one in {}, with what belongs to them"
_LOUD = re.compile(r"\[(?:error|critical|alert|emergency)\]")
_NUMBERS = re.compile(r"\d+|0x[0-9a-f]+")
Sections = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Meaning:
    """What one side said. sections: section to key to fields. every: kind to N, where one in N was looked at.

    Rights are told once for all who have the same: see `by_holder`.
    """

    release: str
    every: dict[str, int]
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


def sampling(database: Database) -> dict[str, int]:
    """Return of how many of a kind one is looked at, where not every one is. Ask the old side, use it on both."""
    there = set(database.tables())
    counts = {
        kind: int(database.value(f"SELECT COUNT(*) FROM `{table}`"))
        for kind, table in SAMPLED.items()
        if table in there
    }
    return {kind: math.ceil(count / LIMIT) for kind, count in counts.items() if count > LIMIT}


def collect(
    tools: Rt, accounts: Mapping[str, str] | None = None, every: Mapping[str, int] | None = None, *,
    limit: float = PATIENCE, held: Callable[[], None] | None = None, now: int | None = None,
) -> Meaning:  # fmt: skip
    """Let the release that `tools` is say what its database means. accounts: name to password, for logins.

    Nothing is written. held: called once the answer is about the database as it is then, so that from there on
    others may write to it. now: seconds since 1970, the time that RT is to believe it is; searches may ask for the
    last day. Raises InfrastructureError when the program ends without an answer.
    """
    request = {"every": dict(every or {}), "accounts": dict(accounts or {}), "key": caches.secret(), "now": now}

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
    told = Meaning(tools.release, dict(every or {}))
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
    for kind, count in before.every.items():
        left_out = "unprivileged users but one in {}, but for their rights" if kind == "users" else _OTHERS
        report.not_checked.append(left_out.format(count, kind=kind))
    left: dict[tuple[str, str], list[Change]] = defaultdict(list)
    used: set[str] = set()
    code.judge(report, before.sections, after.sections)
    for change in changes(before.sections, after.sections):
        if change.section == code.SECTION:
            continue
        if cover := allowed.covering(change, upgrade, before.sections):
            used.update(cover)
        else:
            left[change.section, change.kind].append(change)
    for (section, _), group in left.items():
        _find(report, section, group)
    report.allowed += sorted(used)
    told = {name: by_holder(keys) for name, keys in after.sections.items()}
    report.looked_at = sum(len(fields) for keys in told.values() for fields in keys.values())
    report.facts["counts"] = {name: len(keys) for name, keys in sorted(told.items())}
    report.facts["seconds"] = after.seconds
    return report


def by_holder(section: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the section of rights by user, the same object for all who have the same; others as they are."""
    found: dict[str, dict[str, Any]] = {}
    for key, fields in section.items():
        if HOLDERS in fields:
            same = {name: value for name, value in fields.items() if name != HOLDERS}
            found.update(dict.fromkeys(fields[HOLDERS].split(), same))
        else:
            found[key] = fields
    return found


def changes(before: Sections, after: Sections) -> list[Change]:
    """Return every field that differs, and every key that only one side has.

    Of users whose rights differ in the same way there is one change, of the first of them, that names the others.
    """
    found: list[Change] = []
    for section in sorted({*before, *after}):
        old, new = (by_holder(side.get(section, {})) for side in (before, after))
        alike: dict[Any, list[str]] = defaultdict(list)
        for key in sorted({*old, *new}, key=lambda one: (len(one), one)):
            if key not in new:
                found.append(Change(section, key, "", "gone", old[key], None))
            elif key not in old:
                found.append(Change(section, key, "", "new", None, new[key]))
            else:  # allowances for rights know of a user whether he is privileged, and nothing else
                kind = before.get("users", {}).get(key, {}).get("privileged", "")
                alike[(id(old[key]), id(new[key]), kind) if section == RIGHTS[0] else key].append(key)
        for key, *others in alike.values():
            if old[key] != new[key]:
                found += [
                    Change(section, key, name, "changed", old[key].get(name), new[key].get(name), tuple(others))
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
        places = sum(1 + len(one.alike) for one in same)
        keys = {key for one in same for key in (one.key, *one.alike)}
        report.find(
            section, f"{name!r} differs in {places} places of {len(keys)} {section}",
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
