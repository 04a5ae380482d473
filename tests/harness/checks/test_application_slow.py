"""A page that takes too long is an open question, and must not discard findings made before or in parallel."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
import requests

from harness.checks import application
from harness.checks.application import attempts, pages
from harness.checks.application.trial_visit import Visit
from harness.engine.commands import CommandResult
from harness.errors import InfrastructureError
from harness.rt import Rt, rest, web
from harness.rt.rest import SlowError
from harness.verdict import Report

BAD_JOB = CommandResult(1, "", "")


@pytest.fixture
def silent() -> Iterator[Rt]:
    """A site that accepts every connection and never answers, and whose jobs fail."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        container = SimpleNamespace(
            run=lambda *_, **__: CommandResult(0, "", ""), logs=lambda: "", ended=lambda: None
        )
        yield cast(
            Rt,
            SimpleNamespace(
                url=f"http://127.0.0.1:{listener.getsockname()[1]}",
                session=requests.Session,
                container=container,
                run=lambda *_, **__: BAD_JOB,
                tool=lambda *_, **__: BAD_JOB,
                perl_alone=lambda *_, **__: CommandResult(0, "", ""),
                of_image=lambda *_: "",
                release="5.0.3",
            ),
        )


def test_findings_stay_where_a_page_is_not_answered(silent: Rt, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs' failures are reported, and pages and REST as unanswered."""
    monkeypatch.setattr(web, "LIMIT", 0.1)
    monkeypatch.setattr(rest, "LIMIT", 0.1)
    report = application.check(Visit(silent, "root", "password"))
    assert {one.where.split()[0] for one in report.findings} == {"job"}
    assert report.unanswered == [
        "pages: no answer within 0.1 s",
        *["REST 1: login: no answer within 0.1 s."] * 2,  # the mail's own as well
    ]


def test_a_connection_that_breaks_hides_no_finding_either(silent: Rt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any finding it must be raised: nothing was proven."""

    def broken(*_: object) -> None:
        raise requests.ConnectionError("Connection aborted.")

    monkeypatch.setattr(pages, "open_pages", broken)
    report = application.check(Visit(silent, "root", "password"))
    assert report.findings
    assert report.unanswered == ["Connection aborted."]
    monkeypatch.setattr(application, "_jobs", lambda *_: None)
    with pytest.raises(requests.ConnectionError):
        application.check(Visit(silent, "root", "password"))


def test_what_was_tried_is_reported_although_a_part_could_not_be(
    silent: Rt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mails could not be judged; pages and jobs are still reported as well."""

    def tried(report: Report, *_: object) -> None:
        report.looked_at += 1

    def nothing(*_: object) -> None:
        raise InfrastructureError("RT 4.4.6 did not get as far as sending mail.")

    for name in ("_use", "_jobs"):
        monkeypatch.setattr(application, name, tried)
    report = application.check(Visit(silent, "root", "password"), mails=nothing)
    assert report.looked_at == 2
    assert report.unanswered == ["RT 4.4.6 did not get as far as sending mail."]

    def wrong(*_: object) -> None:
        raise KeyError("a mistake of the harness's own")

    with pytest.raises(KeyError):
        application.check(Visit(silent, "root", "password"), mails=wrong)


def test_nobody_waits_for_a_site_that_hangs() -> None:
    """Each request takes a minute; the parts left out then are named once."""
    report = Report("application", "")

    def slow() -> None:
        raise SlowError("REST 2: read: no answer within 60 s.")

    def wrong() -> None:
        raise AssertionError("it is not asked any more")

    for _ in range(attempts.PATIENCE):
        attempts.attempt(report, "page", slow)
    for _ in range(3):
        attempts.attempt(report, "page", wrong)
    assert len(report.unanswered) == attempts.PATIENCE + 1
