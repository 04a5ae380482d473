"""Check that every write that RT acknowledged is there exactly as it was sent, and only once.

Tickets, texts and file names are read from the database: it is the only place where an instance may keep state.
The bytes of a file are read through RT itself, because their place is set by RT's configuration: on an instance's
own disk they would be lost with the instance. A write without an answer may be there once or not at all.
"""

from __future__ import annotations

import base64
import itertools
import quopri
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.checks.lost_sessions import judge_sessions
from harness.database import Database
from harness.errors import HarnessError
from harness.load import WRITES, Attempt, Journal
from harness.verdict import Report

CHECK = "acknowledged"
QUESTION = "Is every acknowledged write there exactly as sent, and none twice?"
REPAIR = "see in the timeline what happened then, and mend the image or the app definition before you deploy so"
TICKETS = "SELECT id, Subject FROM Tickets WHERE Subject LIKE %s"
PARTS = (
    "SELECT a.id, t.ObjectId, a.Filename, a.ContentEncoding, a.Content FROM Attachments a "
    "JOIN Transactions t ON t.id = a.TransactionId WHERE t.ObjectType = 'RT::Ticket' "
    "AND t.Type IN ('Create', 'Correspond', 'Comment') AND t.ObjectId IN "
    "(SELECT id FROM Tickets WHERE Subject LIKE %s) AND a.ContentType NOT LIKE 'multipart/%%'"
)
Fetch = Callable[[int, int], bytes]
"""Takes ticket and attachment ids; returns the attachment's bytes as RT serves them. Raises HarnessError."""


@dataclass
class Kept:
    """The site's data from a run, by mark: tickets (id, subject), texts (ticket, text), files (ticket, id)."""

    tickets: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    texts: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))


def check(journal: Journal, database: Database, fetch: Fetch, *, longest_gap: float) -> Report:
    """Compare a journal with the site's data. longest_gap: seconds that may pass without any success."""
    report = Report(CHECK, QUESTION, unit="acknowledged writes", repair=REPAIR)
    kept = _kept(journal, database)
    wrong = [(attempt, _judged(attempt, kept, fetch, report)) for attempt in journal.writes]
    report.looked_at = sum(attempt.acknowledged for attempt in journal.writes)
    judge_sessions(journal, report)
    gap = _gap(journal)
    if gap[1] - gap[0] > longest_gap:
        what = f"From {gap[0]:.1f} s on nobody was served for {gap[1] - gap[0]:.1f} s"
        report.find("site", f"{what}; {longest_gap:g} s are allowed.")
    report.facts |= _counted(journal, report, gap)
    report.facts |= {what: sum(what in found for _, found in wrong) for what in ("lost", "changed", "duplicated")}
    report.facts["timeline"] = _timeline(journal, gap, [attempt for attempt, found in wrong if "lost" in found])
    return report


def _kept(journal: Journal, database: Database) -> Kept:
    kept, run = Kept(), f"load-{journal.run}-%"
    for number, subject in database.rows(TICKETS, (run,)):
        kept.tickets[_mark(_text(subject))].append((int(number), _text(subject)))
    for number, ticket, name, encoding, content in database.rows(PARTS, (run,)):
        if name:
            kept.files[_mark(_text(name))].append((int(ticket), int(number)))
        else:
            text = _text(_decoded(encoding, content))
            kept.texts[_mark(text)].append((int(ticket), text))
    return kept


def _mark(text: str) -> str:
    return text.partition(".")[0] + "."


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _decoded(encoding: str | None, content: Any) -> bytes:
    raw = content.encode() if isinstance(content, str) else bytes(content or b"")
    if encoding == "base64":
        return base64.b64decode(raw)
    return quopri.decodestring(raw) if encoding == "quoted-printable" else raw


def _judged(attempt: Attempt, kept: Kept, fetch: Fetch, report: Report) -> set[str]:
    """Judge one write; return its defects: lost, changed, duplicated."""
    wrong = set()
    if attempt.kind == "create":
        wrong.add(
            _once(report, attempt, "ticket", kept.tickets.get(attempt.mark, []), (attempt.ticket, attempt.subject))
        )
    wrong.add(_once(report, attempt, "text", kept.texts.get(attempt.mark, []), (attempt.ticket, attempt.text)))
    if attempt.file:
        found = kept.files.get(attempt.mark, [])
        wrong.add(_once(report, attempt, "file", [(ticket, "") for ticket, _ in found], (attempt.ticket, "")))
        if attempt.acknowledged and len(found) == 1:
            wrong.add(_bytes(report, attempt, found[0], fetch))
    return wrong - {""}


def _once(
    report: Report, attempt: Attempt, what: str, found: Sequence[tuple[int, str]], wanted: tuple[int, str]
) -> str:
    """Report a part of a write that is missing, there more than once, on another ticket, or not as sent."""
    its = f"The {what} of {'an acknowledged' if attempt.acknowledged else 'an unanswered'} {attempt.kind}"
    if len(found) > 1:
        wrong, said = "duplicated", f"{its} is there {len(found)} times, and nobody sent it again."
    elif not attempt.acknowledged or list(found) == [wanted]:
        return ""
    elif not found:
        wrong, said = "lost", f"{its} is lost."
    elif found[0][0] != wanted[0]:
        wrong, said = "changed", f"{its} is on ticket {found[0][0]}."
    else:
        wrong, said = "changed", f"{its} is not as it was sent."
    sample = f"{attempt.mark} sent at {attempt.sent:.2f} s"
    sql = (
        f"SELECT id, Subject FROM Tickets WHERE Subject LIKE '{attempt.mark}%'" if attempt.kind == "create" else ""
    )
    report.find(f"ticket {attempt.ticket}", said, samples=(sample,), sql=sql)
    return wrong


def _bytes(report: Report, attempt: Attempt, found: tuple[int, int], fetch: Fetch) -> str:
    where = f"attachment {found[1]} of ticket {attempt.ticket}"
    assert attempt.file is not None
    wanted = attempt.file.content
    try:
        content = fetch(*found)
    except HarnessError as error:
        report.find(where, f"The file of an acknowledged {attempt.kind} cannot be read any more: {error.sentence}")
        return "lost"
    if content == wanted:
        return ""
    what = (
        f"has {len(content)} bytes instead of {len(wanted)}" if len(content) != len(wanted) else "has other bytes"
    )
    report.find(where, f"The file of an acknowledged {attempt.kind} {what}.", samples=(attempt.mark,))
    return "changed" if content else "lost"


def _gap(journal: Journal) -> tuple[float, float]:
    """Return begin and end of the longest period in which no attempt succeeded."""
    answered = sorted(attempt.answered for attempt in journal.attempts if attempt.acknowledged)
    moments = [0.0, *answered, max(journal.ended, *answered, 0.0)]
    return max(itertools.pairwise(moments), key=lambda pair: pair[1] - pair[0])


def _counted(journal: Journal, report: Report, gap: tuple[float, float]) -> dict[str, Any]:
    writes = journal.writes
    return {
        "sent": len(writes),
        "acknowledged": report.looked_at,
        "without an answer": len(writes) - report.looked_at,
        "reads": len(journal.attempts) - len(writes),
        "sessions lost": sum(attempt.state == "session lost" for attempt in journal.attempts),
        "longest gap": round(gap[1] - gap[0], 2),
    }


def _timeline(journal: Journal, gap: tuple[float, float], lost: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Return the events of the run in the form that harness.report.timeline draws."""

    def event(attempt: Attempt, kind: str, label: str, lane: str) -> dict[str, Any]:
        return {"t": round(attempt.answered, 3), "kind": kind, "label": label, "lane": lane}

    events = list(journal.happenings)
    for attempt in journal.attempts:
        if attempt.acknowledged:
            events.append(event(attempt, "write", attempt.kind, "writes" if attempt.kind in WRITES else "reads"))
        else:
            events.append(event(attempt, "unhealthy", f"{attempt.kind}: {attempt.state}", "without success"))
    events += [event(attempt, "lost", f"{attempt.mark} lost", "writes") for attempt in lost]
    span = {"t": round(gap[0], 3), "until": round(gap[1], 3), "kind": "gap", "label": "longest gap"}
    return sorted([*events, {**span, "lane": "writes"}], key=lambda found: float(found["t"]))
