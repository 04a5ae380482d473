"""Start the target on the database as it is.

The upgrade starts it as well, with old data in old tables, before the last of the steps has been applied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.checks.application.startup_log import Start, key
from harness.checks.log import BAD_LEVELS, allowances, records
from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import Report

PROBE = Path(__file__).parents[1] / "perl" / "probe.pl"
SAID = "what the target says at its start"
"""Its warnings and errors, SQL errors apart: of the values of options, most often."""
THEMES = "themes that the target lacks"
_UNKNOWN = re.compile(r"Unknown column '(?:\w+\.)?(\w+)'")
_AGAIN = re.compile(r"couldn't execute the query")
"""RT's own line about a query that failed, after the line of the driver, which has the reason."""
_ASIDE = re.compile(r"/\*.*?\*/|(?:#|--\s)[^\n]*|'(?:[^'\\]|''|\\.)*'", re.DOTALL)
"""Comments and strings of SQL: they hold no names of columns."""
_NO_COLUMN = "COLUMN|IF|INDEX|KEY|UNIQUE|PRIMARY|FOREIGN|CONSTRAINT|FULLTEXT|SPATIAL|CHECK|PARTITION|PERIOD|SYSTEM"
_NAME = rf"(?!(?:{_NO_COLUMN})\b)`?(\w+)"
_ADD = r"\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?"
_NAMED = re.compile(
    rf"{_ADD}{_NAME}|\bRENAME\s+COLUMN\s+(?:IF\s+EXISTS\s+)?\S+\s+TO\s+`?(\w+)"
    r"|\bCHANGE\s+(?:COLUMN\s+)?(?:IF\s+EXISTS\s+)?(?:`[^`]*`|\w+)\s+`?(\w+)",
    re.IGNORECASE,
)
_LIST = re.compile(rf"{_ADD}\(((?:[^()]|\([^()]*\))*)\)", re.IGNORECASE)
_COMMA = re.compile(r",(?![^()]*\))")
_FIRST = re.compile(rf"\s*{_NAME}", re.IGNORECASE)


def probe(target: Rt, steps: Sequence[str]) -> dict[str, Any]:
    """Start the target on the database, and return what it found; "configuration" has its error if it could not.

    The keys are those of perl/probe.pl; "complaints": the SQL errors that it logged; "said": other records of its
    log that are warnings or worse, and no known ones.
    Raises InfrastructureError if it was ended before it could tell.
    """
    done = target.perl_alone(PROBE.read_text(encoding="utf-8"), *steps)
    if done.timed_out:
        raise InfrastructureError(
            f"RT {target.release} was ended as it started on the database (exit code {done.code}).",
            [("Errors", redact.lines(done.err))],
            "see whether this machine ran out of memory, or CONFIG waits for something, and run it again",
        )
    try:
        probed: dict[str, Any] = json.loads(done.out.strip("\n").split("\n")[-1])
    except (json.JSONDecodeError, IndexError):
        return {
            "configuration": done.err.strip().splitlines()[-1] if done.err.strip() else f"exit code {done.code}"
        }
    logged = records(done.err.splitlines())
    probed["complaints"] = [record.message for record in logged if record.complaint == "SQL"]
    probed["said"] = [
        record
        for record in logged
        if (record.level in ("warning", *BAD_LEVELS) or record.complaint)
        and record.complaint != "SQL"
        and not any(one.covers(record) for one in allowances())
    ]
    return probed


def judge(report: Report, target: Rt, probed: Mapping[str, Any], steps: Sequence[str]) -> None:
    """Judge the target's start, as `probe` found it."""
    report.looked_at += 1
    complaints = list(probed.get("complaints", []))
    if died := str(probed.get("start") or ""):
        report.find(
            "start",
            "the target's code dies as it starts on the database as it is",
            samples=(redact.line(died),),
            repair="upgrade to a later release, or to an earlier one first",
        )
    elif complaints and _added_in_time(target, complaints, steps):
        report.facts["start"] = "the target misses columns now that the steps add before they start it"
    elif complaints:
        report.find(
            "start",
            f"the target's code logs {len(complaints)} SQL errors as it starts on the database as it is",
            samples=tuple(dict.fromkeys(redact.line(one) for one in complaints)),
            repair="upgrade to a later release, or to an earlier one first",
        )


def told(report: Report, probed: Mapping[str, Any], before: Callable[[], Start | None]) -> None:
    """Add the facts about what the target says at its start, and of the themes that users have chosen.

    before: the old release's log at every start, None if it cannot be asked. It is asked only if the target logged
    anything, and only so that this fact is short: nothing that is judged stays open if it fails to answer.
    """
    if count := int(probed.get("themes") or 0):
        report.facts[THEMES] = (
            f"{count} users have chosen a theme (WebDefaultStylesheet) that the target has no folder for, and "
            "will see the site's own"
        )
    said = probed.get("said") or []
    if not said:
        return
    question = "what the target alone says at its start"
    aside = Report(report.check, report.question, repair=report.repair)
    old = ask_or_leave_open(aside, question, before)
    lines = (redact.line(record.message) for record in said if not old or key(record) not in old.said)
    report.facts[SAID] = list(dict.fromkeys(lines))
    if old is None:
        report.out_of_scope += aside.unanswered or [f"{question}: the old release cannot be asked"]


def _added_in_time(target: Rt, complaints: Sequence[str], steps: Sequence[str]) -> bool:
    """Tell whether all complaints miss columns, and those exist by the time that a step first starts RT.

    Steps start RT for their content only, and a step's own schema comes before its content.
    """
    missed = [_UNKNOWN.findall(one) for one in complaints if not _AGAIN.search(one)]
    if not missed or not all(missed):  # something else fails as well
        return False
    listing = 'cd /opt/rt/upgrade; for step; do [ ! -e "$step/content" ] || { echo "$step"; break; }; done'
    first = target.of_image("sh", "-c", listing, "sh", *steps).strip()
    early = steps[: steps.index(first) + 1] if first else steps
    files = [f"/opt/rt/upgrade/{step}/schema.mysql" for step in early]
    sql = target.of_image("sh", "-c", 'cat "$@" 2>/dev/null || true', "cat", *files)
    added = added_columns(sql)
    return all(name.lower() in added for names in missed for name in names)


def added_columns(sql: str) -> set[str]:
    """Return the names, in lower case, of the columns that statements add, or that others become."""
    text = _ASIDE.sub(" ", sql)
    names = [name for found in _NAMED.findall(text) for name in found if name]
    for items in _LIST.findall(text):
        names += [found[1] for item in _COMMA.split(items) if (found := _FIRST.match(item))]
    return {name.lower() for name in names}
