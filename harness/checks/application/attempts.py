"""Try several things on a site one after the other, so that a failure of one does not prevent the next."""

from __future__ import annotations

from collections.abc import Callable

import requests

from harness.common import redact
from harness.rt import web
from harness.rt.rest import RestError, SlowError
from harness.rt.web import PageError
from harness.verdict import Finding, Report

REPAIR = (
    "do the same by hand on a trial upgrade, read RT's log beside it, and mend the options or pages that it names"
)
PATIENCE = 4
"""Unanswered requests after which no more are sent over HTTP: each takes a minute."""
SLOW = "no answer within"


def attempt(report: Report, what: str, work: Callable[[], None]) -> Finding | None:
    """Run one attempt and turn an error of the site into a finding; later attempts go on, also after a timeout.

    Return the finding that broke the attempt off, None if it completed or got no answer.
    """
    slow = [one for one in report.unanswered if SLOW in one]
    if len(slow) >= PATIENCE:
        if len(slow) == PATIENCE:
            report.unanswered.append(f"whatever came after {PATIENCE} requests with {SLOW} {web.LIMIT} s each")
        return None
    try:
        work()
    except requests.Timeout:
        report.unanswered.append(f"{what}: {SLOW} {web.LIMIT} s")
    except SlowError as error:
        report.unanswered.append(error.sentence)
    except (PageError, RestError) as error:
        report.find(what, f"{error.where}: {redact.line(error.what)}")
        return report.findings[-1]
    return None


def expect(report: Report, where: str, what: str, *, good: bool) -> None:
    """Check one condition; add a finding if it does not hold."""
    report.looked_at += 1
    if not good:
        report.find(where, what)
