"""Judge which sessions may end and which searches may be empty while people work, given the deaths in a run.

Part of `acknowledged`. The death of an instance must not end a session. When the database server itself dies, RT
begins a new session if it cannot read the old one, and people log in again; and while it is dead, RT answers a
search whose query fails with an empty list. Both were seen once in some eight runs; they are reported as facts and
are no finding.

A session may also end if one of its requests was cut off by the kill of its instance: RT was seen to ask for a
login at the next request (twice in nine runs on a busy machine; the cause is not known), never for two sessions at
one kill. Any other session must go on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.load import Attempt, Journal
from harness.verdict import Report

_KILLED, _BACK = ("database", "kill"), ("database", "restart")


def judge_sessions(journal: Journal, report: Report) -> None:
    """Report sessions that ended by themselves (lost state), and writes that a search leaves out."""
    outages = _outages(journal)
    ended = [one for one in journal.attempts if one.state == "session lost"]
    before = [one for one in ended if not any(_by_outage(one, journal, *times) for times in outages)]
    if len(ended) > len(before):
        report.allowed.append(
            f"{len(ended) - len(before)} sessions ended as the database server died, or at the first request after"
        )
    cut = _cut_off(before, journal)
    for one, when in cut:
        report.allowed.append(
            f"a session ended at {one.sent:.2f} s: its last request was cut off with the instance that was killed "
            f"at {when:.2f} s (one for each kill is allowed)"
        )
    lost = [one for one in before if one not in [known for known, _ in cut]]
    if lost:
        samples = tuple(f"{one.sent:.2f} s: {one.said}" for one in lost[:5])
        report.find("sessions", f"{len(lost)} sessions ended while their people worked.", samples=samples)
    _searches(journal, outages, report)


def _searches(journal: Journal, outages: Iterable[tuple[float, float]], report: Report) -> None:
    empty = [one for one in journal.attempts if one.state == "wrong"]
    wrong = [one for one in empty if not any(one.answered >= begin and one.sent <= end for begin, end in outages)]
    if len(empty) > len(wrong):
        report.allowed.append(f"{len(empty) - len(wrong)} searches were empty while the database server was dead")
    if wrong:
        samples = tuple(f"{one.sent:.2f} s: ticket {one.ticket}" for one in wrong[:5])
        report.find("search", f"{len(wrong)} searches left an acknowledged ticket out.", samples=samples)


def _outages(journal: Journal) -> list[tuple[float, float]]:
    """Return begin and end of each period in which the database server was dead, in the journal's seconds."""
    found: list[tuple[float, float]] = []
    for one in sorted(journal.happenings, key=lambda one: float(one["t"])):
        what = (one["lane"], one["kind"])
        if what == _KILLED:
            found.append((one["t"], math.inf))
        elif what == _BACK and found:
            found[-1] = (found[-1][0], one["t"])
    return found


def _by_outage(lost: Attempt, journal: Journal, begin: float, end: float) -> bool:
    """Tell whether a session may have ended with the server: none of its requests succeeded since that is back.

    After a new login the user has new sessions, over REST and in the browser.
    """
    if lost.answered < begin:
        return False
    since = [one for one in journal.attempts if end < one.answered and one.sent < lost.sent]
    return not any(
        (one.acknowledged and _session(one) == _session(lost))
        or (one.state == "session lost" and one.sent > end and _person(one) == _person(lost))
        for one in since
    )


def _cut_off(ended: Iterable[Attempt], journal: Journal) -> list[tuple[Attempt, float]]:
    """Return the sessions with a request in progress when an instance was killed, and the time of the kill.

    Each kill explains one of them.
    """
    kills = sorted(one["t"] for one in journal.happenings if (one["lane"], one["kind"]) == ("instances", "kill"))
    found = []
    for one in sorted(ended, key=lambda one: one.sent):
        last = _before(one, journal)
        if last is None or last.state != "unknown":
            continue
        when = next((moment for moment in kills if last.sent <= moment <= last.answered), None)
        if when is not None:
            kills.remove(when)
            found.append((one, when))
    return found


def _before(attempt: Attempt, journal: Journal) -> Attempt | None:
    """Return the previous request of the same session."""
    earlier = [one for one in journal.attempts if _session(one) == _session(attempt) and one.sent < attempt.sent]
    return max(earlier, key=lambda one: one.sent, default=None)


def _person(attempt: Attempt) -> str:
    return attempt.mark.rpartition("-")[0]


def _session(attempt: Attempt) -> tuple[str, bool]:
    """Return the user of the session, and whether it is the browser's session; the other one is that of REST."""
    return _person(attempt), attempt.kind == "page"
