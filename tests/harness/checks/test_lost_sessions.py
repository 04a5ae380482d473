"""The death of a server or an instance explains some ended sessions, but not those that end at other times."""

from __future__ import annotations

import pytest

from harness.checks.lost_sessions import judge_sessions
from harness.load import Attempt, Journal, Kind, State
from harness.verdict import Report

DEAD = (("database", "kill", 10.0), ("database", "restart", 12.0))


def tried(person: int, sent: float, state: State, kind: Kind = "reply", took: float = 0.3) -> Attempt:
    """Return an attempt."""
    return Attempt(kind, f"load-ab-{person}-{sent:g}.", sent, sent + took, state)


def judged(*attempts: Attempt, happened: tuple[tuple[str, str, float], ...] = DEAD) -> Report:
    """Return the report on these attempts."""
    journal, report = Journal(run="ab", attempts=list(attempts), ended=200), Report("acknowledged", "?")
    journal.happenings = [{"lane": lane, "kind": kind, "t": when} for lane, kind, when in happened]
    judge_sessions(journal, report)
    return report


@pytest.mark.control("acknowledged")
def test_a_session_that_ends_with_its_server_is_told() -> None:
    """While it is dead, or at the first answer after; the browser's session and that of REST are separate."""
    report = judged(
        tried(1, 5, "acknowledged"),
        tried(1, 10.5, "session lost"),
        tried(2, 5, "acknowledged"),
        tried(2, 11, "unknown"),
        tried(2, 13, "session lost"),
        tried(3, 13, "acknowledged"),
        tried(3, 14, "session lost", "page"),
    )
    assert (report.findings, [one[:16] for one in report.allowed]) == ([], ["3 sessions ended"]), str(report)


@pytest.mark.mutants("acknowledged")
def test_a_server_that_once_died_explains_no_session_that_ends_later() -> None:
    """Five users who had worked again for long are asked for a login a minute and a half later."""
    people = range(5)
    again = [tried(one, 13, "acknowledged") for one in people]
    lost = [tried(one, 100 + one, "session lost") for one in people]
    report = judged(*again, *lost)
    assert [one.what for one in report.findings] == ["5 sessions ended while their people worked."], str(report)
    assert report.allowed == []


@pytest.mark.mutants("acknowledged")
@pytest.mark.parametrize("kind", ["reply", "page"])
def test_a_session_begun_after_the_outage_goes_on(kind: Kind) -> None:
    """After a new login the user has new sessions; their end needs another reason."""
    report = judged(tried(1, 13, "session lost"), tried(1, 14, "session lost", kind))
    assert [one.what for one in report.findings] == ["1 sessions ended while their people worked."], str(report)
    assert [one[:16] for one in report.allowed] == ["1 sessions ended"]


def cut_off(people: int, *kills: float) -> Report:
    """`people` users are cut off at once, and each is asked for a login at the next request."""
    cut = [tried(one, 20, "unknown") for one in range(people)]
    lost = [tried(one, 21, "session lost") for one in range(people)]
    return judged(*cut, *lost, happened=tuple(("instances", "kill", when) for when in kills))


@pytest.mark.mutants("acknowledged")
def test_a_kill_explains_one_session_and_names_it() -> None:
    """One at a time was observed; an image that loses sessions with every instance must not pass by that rule."""
    report = cut_off(3, 20.1)
    assert [one.what for one in report.findings] == ["2 sessions ended while their people worked."], str(report)
    [said] = report.allowed
    assert "ended at 21.00 s" in said
    assert "killed at 20.10 s (1 may end so in 1 kill)" in said
    assert cut_off(1).findings, "and without a kill none is explained"


def lost_at(kills: int, lost: int) -> Report:
    """`kills` instances are killed one after the other; at each of the first `lost` kills one session ends."""
    attempts = []
    for kill in range(lost):
        attempts += [tried(1, 10 * kill, "unknown"), tried(1, 10 * kill + 1, "session lost")]
    return judged(*attempts, happened=tuple(("instances", "kill", 10 * kill + 0.1) for kill in range(kills)))


@pytest.mark.control("acknowledged")
@pytest.mark.parametrize(("kills", "lost"), [(2, 1), (19, 1), (20, 2), (35, 3)])
def test_few_kills_may_end_a_session(kills: int, lost: int) -> None:
    """One in ten was observed at most; each is named."""
    report = lost_at(kills, lost)
    assert (report.findings, len(report.allowed)) == ([], lost), str(report)


@pytest.mark.mutants("acknowledged")
@pytest.mark.parametrize(("kills", "lost"), [(2, 2), (19, 2), (20, 3), (20, 20)])
def test_a_build_that_loses_sessions_with_its_instances_is_found(kills: int, lost: int) -> None:
    """Each kill would explain its own session, and nobody would be told that people log in again and again."""
    report = lost_at(kills, lost)
    [finding] = report.findings
    assert finding.what.startswith(f"{lost} sessions ended with instances that were killed;"), str(report)
    [(_, named)] = finding.blocks
    assert len(named.splitlines()) == lost
    assert report.allowed == []


def cut_off_while_killing(sent: float) -> Report:
    """A kill is ordered at 20 s and confirmed at 20.4 s; a request sent at `sent` is cut off at once."""
    journal, report = Journal(run="ab", ended=200), Report("acknowledged", "?")
    journal.attempts = [tried(1, sent, "unknown", took=0.05), tried(1, 22, "session lost")]
    journal.note("kill", "SIGKILL", "instances", t=20.0, until=20.4)
    judge_sessions(journal, report)
    return report


@pytest.mark.control("acknowledged")
def test_a_kill_lasts_until_it_is_confirmed() -> None:
    """A busy engine kills some tenths of a second after the order; requests that came in between are cut off."""
    assert not cut_off_while_killing(20.3).findings


@pytest.mark.mutants("acknowledged")
@pytest.mark.parametrize("sent", [19.9, 20.5])
def test_a_request_that_ended_before_or_began_after_a_kill_is_not_explained_by_it(sent: float) -> None:
    """The finding then says what the request before came to."""
    [finding] = cut_off_while_killing(sent).findings
    assert f"the request before, from {sent:.2f} s to {sent + 0.05:.2f} s: unknown" in finding.samples[0]


@pytest.mark.mutants("acknowledged")
def test_the_request_of_another_session_explains_nothing() -> None:
    """A page was cut off, which does not affect the session of REST."""
    kill = (("instances", "kill", 20.1),)
    assert judged(tried(1, 20, "unknown", "page"), tried(1, 21, "session lost"), happened=kill).findings
    assert not judged(
        tried(1, 20, "unknown", "page"),
        tried(1, 21, "acknowledged"),
        tried(1, 22, "session lost", "page"),
        happened=kill,
    ).findings
