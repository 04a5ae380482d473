"""What comes of tickets by REST and by mail: what the old release makes of them as well is no finding."""

from __future__ import annotations

from typing import cast

import pytest

from harness.checks import exchanges
from harness.checks.exchanges import Exchanged
from harness.checks.trial_visit import Visit
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import Report

ROUTED = "the ticket is in another queue"
RENAMED = "the subject came back as another text"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    """A report, and attempts that find two things, one of them with a ticket's number."""

    def attempts(report: Report, _: Visit) -> None:
        report.looked_at += 2
        report.find("REST 2", ROUTED)
        report.find("REST 1", "REST 1: reply to ticket 277: RT did not take it")

    monkeypatch.setattr(exchanges, "attempts", attempts)
    return Report("application", "", looked_at=1)


VISIT = Visit(cast(Rt, None), "root", "password")
BOTH = ["REST: REST: reply to ticket: RT did not take it", f"REST: {ROUTED}"]


@pytest.mark.mutants("application")
@pytest.mark.parametrize(
    ("before", "left"),
    [(BOTH, 0), (BOTH[:1], 1), (BOTH[1:], 1), ([f"REST: {RENAMED}", f"mail: {ROUTED}"], 2), ([], 2)],
)
def test_what_the_old_release_makes_of_it_as_well_is_no_finding(
    report: Report, before: list[str], left: int
) -> None:
    """By either REST and of any ticket; another complaint, or the same of mail, covers nothing."""
    report.find("job", "fails")
    exchanges.judge(report, VISIT, lambda: Exchanged("4.4.6", before))
    assert len(report.findings) == 1 + left
    assert report.looked_at == 3
    assert len(report.facts.get("came out so before as well", [])) == 2 - left


def test_who_cannot_be_asked_hides_nothing(report: Report) -> None:
    """Neither the findings nor that the question is open."""

    def nobody() -> Exchanged:
        raise InfrastructureError("The engine's disk has 0.1 GB free.")

    exchanges.judge(report, VISIT, nobody)
    assert len(report.findings) == 2
    assert report.unanswered == ["how tickets by REST and mail fared before: The engine's disk has 0.1 GB free."]


def test_where_all_is_well_the_old_release_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs a copy and a site of its own."""
    monkeypatch.setattr(exchanges, "attempts", lambda *_: None)
    report = Report("application", "", looked_at=1)
    exchanges.judge(report, VISIT, lambda: pytest.fail("the old release was asked"))
    assert report
