"""Judge which sessions may end while people work, given the deaths in a run, and that no search is empty.

Part of `acknowledged`. The death of an instance must not end a session. When the database server itself dies, RT
begins a new session if it cannot read the old one, and people log in again: seen once in some eight runs, reported
as a fact and no finding. A search whose query fails then must be an error: RT as it ships answers with an empty
list, the image's rt.psgi does not.

A session may also end if one of its requests was cut off by the kill of its instance: RT was seen to ask for a
login at the next request (twice in nine runs on a busy machine; the cause is not known), never for two sessions at
one kill. So few are allowed in a whole run that a build which loses sessions with its instances is found. Any
other session must go on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness.common.wording import amount
from harness.load import Attempt, Journal
from harness.verdict import Report

_KILLED, _BACK = ("database", "kill"), ("database", "restart")
KILLS_FOR_ONE = 10
"""Kills of instances of which one may end a session; in a run with fewer kills one may end as well."""


def judge_sessions(journal: Journal, report: Report) -> None:
    """Report sessions that ended by themselves (lost state), and writes that a search leaves out."""
    outages = _outages(journal)
    ended = [attempt for attempt in journal.attempts if attempt.state == "session lost"]
    before = [attempt for attempt in ended if not any(_by_outage(attempt, journal, *times) for times in outages)]
    if len(ended) > len(before):
        report.allowed.append(
            f"{len(ended) - len(before)} sessions ended as the database server died, or at the first request after"
        )
    cut = _cut_off(before, journal)
    _judge_cut_off(cut, len(_kills(journal)), report)
    lost = [attempt for attempt in before if attempt not in [known for known, _ in cut]]
    if lost:
        samples = tuple(f"{attempt.sent:.2f} s: {attempt.said}{_preceding(attempt, journal)}" for attempt in lost)
        report.find("sessions", f"{len(lost)} sessions ended while their people worked.", samples=samples)
    _judge_searches(journal, report)


def _judge_cut_off(cut: Sequence[tuple[Attempt, float]], kills: int, report: Report) -> None:
    """Report sessions that were cut off with their instances: as allowed if they are few, else as a finding."""
    most = max(1, kills // KILLS_FOR_ONE)
    named = [
        f"a session ended at {attempt.sent:.2f} s: its last request was cut off with the instance that was killed "
        f"at {when:.2f} s"
        for attempt, when in cut
    ]
    if len(cut) > most:
        what = f"{len(cut)} sessions ended with instances that were killed; {most} may in {kills} kills."
        report.find("sessions", what, blocks=(("Sessions", "\n".join(named)),))
    else:
        report.allowed += [f"{one} ({most} may end so in {amount(kills, 'kills')})" for one in named]


def _judge_searches(journal: Journal, report: Report) -> None:
    wrong = [attempt for attempt in journal.attempts if attempt.state == "wrong"]
    if wrong:
        samples = tuple(f"{attempt.sent:.2f} s: ticket {attempt.ticket}" for attempt in wrong)
        report.find("search", f"{len(wrong)} searches left an acknowledged ticket out.", samples=samples)


def _outages(journal: Journal) -> list[tuple[float, float]]:
    """Return begin and end of each period in which the database server was dead, in the journal's seconds."""
    found: list[tuple[float, float]] = []
    for happening in sorted(journal.happenings, key=lambda happening: float(happening["t"])):
        what = (happening["lane"], happening["kind"])
        if what == _KILLED:
            found.append((happening["t"], math.inf))
        elif what == _BACK and found:
            found[-1] = (found[-1][0], happening["t"])
    return found


def _by_outage(lost: Attempt, journal: Journal, begin: float, end: float) -> bool:
    """Tell whether a session may have ended with the server: none of its requests succeeded since that is back.

    After a new login the user has new sessions, over REST and in the browser.
    """
    if lost.answered < begin:
        return False
    since = [attempt for attempt in journal.attempts if end < attempt.answered and attempt.sent < lost.sent]
    return not any(
        (attempt.acknowledged and _session(attempt) == _session(lost))
        or (attempt.state == "session lost" and attempt.sent > end and _person(attempt) == _person(lost))
        for attempt in since
    )


def _cut_off(ended: Iterable[Attempt], journal: Journal) -> list[tuple[Attempt, float]]:
    """Return the sessions with a request in progress when an instance was killed, each with the time of the kill.

    Each kill explains one of them. A kill lasts from its order until the engine confirms it, up to half a second
    on a busy machine: the instance dies at some moment in between.
    """
    kills = _kills(journal)
    found = []
    for attempt in sorted(ended, key=lambda attempt: attempt.sent):
        last = _before(attempt, journal)
        if last is None or last.state != "unknown":
            continue
        kill = next((kill for kill in kills if last.sent <= kill[1] and kill[0] <= last.answered), None)
        if kill is not None:
            kills.remove(kill)
            found.append((attempt, kill[0]))
    return found


def _kills(journal: Journal) -> list[tuple[float, float]]:
    """Return begin and end of each kill of an instance, in the journal's seconds."""
    return sorted(
        (float(happening["t"]), float(happening.get("until", happening["t"])))
        for happening in journal.happenings
        if (happening["lane"], happening["kind"]) == ("instances", "kill")
    )


def _preceding(attempt: Attempt, journal: Journal) -> str:
    """Return what the previous request of the same session came to, for a reader who looks for the cause."""
    last = _before(attempt, journal)
    if last is None:
        return "; it was the session's first request"
    said = f" ({last.said})" if last.said else ""
    return f"; the request before, from {last.sent:.2f} s to {last.answered:.2f} s: {last.state}{said}"


def _before(attempt: Attempt, journal: Journal) -> Attempt | None:
    """Return the previous request of the same session."""
    session = [other for other in journal.attempts if _session(other) == _session(attempt)]
    earlier = [other for other in session if other.sent < attempt.sent]
    return max(earlier, key=lambda other: other.sent, default=None)


def _person(attempt: Attempt) -> str:
    return attempt.mark.rpartition("-")[0]


def _session(attempt: Attempt) -> tuple[str, bool]:
    """Return the user of the session, and whether it is the browser's session; the other one is that of REST."""
    return _person(attempt), attempt.kind == "page"
