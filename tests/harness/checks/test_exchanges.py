"""Outcomes of tickets by REST and by mail: an outcome that the old release has as well is no finding."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pymysql
import pytest
import requests

from harness.checks.application import exchanges
from harness.checks.application.exchanges import SiteOutcomes
from harness.checks.application.trial_visit import Visit
from harness.errors import InfrastructureError, RefusedError, UsageError
from harness.rt import Rt
from harness.verdict import Finding, Report

ROUTED = "the ticket is in another queue"
RENAMED = "the subject came back as another text"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    """Return a report; the visit is replaced by one that makes two findings, one with a ticket's number."""

    def try_site(report: Report, _: Visit) -> list[Finding]:
        report.looked_at += 2
        report.find("REST 2", ROUTED)
        report.find("REST 1", "REST 1: reply to ticket 277: RT did not take it")
        return report.findings[1:]

    monkeypatch.setattr(exchanges, "try_site", try_site)
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
    """It matches over any REST version and ticket; another complaint, or the same about mail, matches nothing."""
    report.find("job", "fails")
    exchanges.judge(report, VISIT, lambda: SiteOutcomes("4.4.6", before))
    assert len(report.findings) == 1 + left
    assert report.looked_at == 3
    assert len(report.facts.get("known from the old release: pages and tickets", [])) == 2 - left


@pytest.mark.parametrize(("before", "open_questions"), [(BOTH, 1), (BOTH[1:], 0), (BOTH[:1], 1), ([], 0)])
def test_what_broke_off_on_both_sides_was_not_asked_to_its_end(
    report: Report, before: list[str], open_questions: int
) -> None:
    """A reply that the old release refuses as well proves nothing about the search that was to follow it."""
    exchanges.judge(report, VISIT, lambda: SiteOutcomes("4.4.6", before))
    assert len(report.unanswered) == open_questions
    assert not report


def test_a_page_is_known_by_what_is_asked_and_what_is_shown() -> None:
    """The names of the harness's own ticket, queue and account must not matter, nor the status."""

    def said(where: str, what: str) -> str:
        return exchanges.normalized(Finding("application", where, f"GET {where}: {what}"))

    gave_up = "RT gave up on the page"
    for one, other in (
        (("/SelfService/Display.html?id=7", gave_up), ("/SelfService/Display.html?id=31", gave_up)),
        (
            ("/SelfService/Create.html?Queue=harness-1", gave_up),
            ("/SelfService/Create.html?Queue=harness-2", gave_up),
        ),
        (("/Ticket/Create.html?Queue=1", gave_up), ("/Ticket/Create.html?Queue=1", f"HTTP status 500, {gave_up}")),
    ):
        assert said(*one) == said(*other)
    for one, other in (
        (("/SelfService/Display.html?id=7", gave_up), ("/SelfService/Update.html?id=7", gave_up)),
        (("/Ticket/Create.html?Queue=1", gave_up), ("/Ticket/Create.html?Queue=2", gave_up)),
        (("/Ticket/Display.html?id=1", gave_up), ("/Ticket/Display.html?id=2", gave_up)),
        (("/", gave_up), ("/", "the page does not hold 'titlebox'")),
        (("/", "HTTP status 404"), ("/", "HTTP status 500")),
    ):
        assert said(*one) != said(*other)


@pytest.mark.parametrize(
    "error",
    [
        InfrastructureError("The engine's disk has 0.1 GB free."),
        requests.ConnectionError("Connection refused"),
        pymysql.OperationalError(2013, "Lost connection"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_who_cannot_be_asked_hides_nothing(report: Report, error: Exception) -> None:
    """Neither the findings nor the open question may be lost."""

    def nobody() -> SiteOutcomes:
        raise error

    exchanges.judge(report, VISIT, nobody)
    assert len(report.findings) == 2
    [said] = report.unanswered
    assert said.startswith("how pages, and tickets by REST and mail, fared before: ")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("complaints"),
        UsageError("With this configuration RT 4.4.6 works on another database server than the copy's."),
        RefusedError("The upgrade was not carried out."),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_defect_of_the_harness_or_of_its_use_hides_no_finding(report: Report, error: Exception) -> None:
    """It is raised, for no later run could answer either, and earlier findings are kept."""

    def broken() -> SiteOutcomes:
        raise error

    with pytest.raises(type(error)):
        exchanges.judge(report, VISIT, broken)
    assert (len(report.findings), report.unanswered) == (2, [])


def test_where_all_is_well_the_old_release_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs a copy and a site of its own."""
    monkeypatch.setattr(exchanges, "try_site", lambda *_: [])
    report = Report("application", "", looked_at=1)
    exchanges.judge(report, VISIT, lambda: pytest.fail("the old release was asked"))
    assert report


HOMEPAGE = "homepage of account 1: no answer within 60 s"


@pytest.mark.parametrize(("before", "open_questions"), [([HOMEPAGE], 0), ([], 1)], ids=["also before", "only now"])
def test_a_homepage_that_was_as_slow_before_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch, before: list[str], open_questions: int
) -> None:
    """A person may have searches that take minutes, in any release."""

    def try_site(report: Report, _: Visit) -> list[Finding]:
        report.unanswered.append(HOMEPAGE)
        return []

    monkeypatch.setattr(exchanges, "try_site", try_site)
    report = Report("application", "", looked_at=1)
    exchanges.judge(report, VISIT, lambda: SiteOutcomes("4.4.6", [], [], before))
    assert len(report.unanswered) == open_questions
    assert report.out_of_scope == [f"{HOMEPAGE}, before the upgrade neither"] * (1 - open_questions)


def test_a_slow_homepage_does_not_keep_the_old_release_from_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise all that it is known for would count as findings."""
    visit = Visit(
        cast(Rt, SimpleNamespace(release="4.4.6", container=SimpleNamespace(logs=str))), "root", "password"
    )
    said = [HOMEPAGE]
    monkeypatch.setattr(exchanges, "try_site", lambda report, _: report.unanswered.extend(said))
    assert exchanges.collect(visit).slow == [HOMEPAGE]
    said.append("/Search/Build.html: no answer within 60 s")
    with pytest.raises(InfrastructureError, match="was slow: /Search"):
        exchanges.collect(visit)
