"""Does the upgraded site work: for people, for programs, for mail, and at night?

Everything here writes: give it a site on a clone of its own. Mail never leaves: the image appends it to a file
in the container, which is read back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from harness.checks import exchanges, jobs, pages
from harness.checks.attempts import REPAIR, attempt
from harness.checks.former_release import Former
from harness.checks.log import LogAllowance, allowances, complaints, records
from harness.checks.mails import Mails
from harness.checks.startup_log import Starts, key
from harness.checks.trial_visit import Visit
from harness.common import redact
from harness.errors import HarnessError
from harness.verdict import Report

CHECK = "application"
QUESTION = "Does the site work for people, programs, mail and jobs?"
_SHOWN = 5


def check(
    visit: Visit,
    allowed: tuple[LogAllowance, ...] | None = None,
    mails: Callable[[Report, Starts], None] | None = None,
    former: Former | None = None,
) -> Report:
    """Use the site as people, programs and cron do; whatever does not work is a finding.

    mails: judges what the scrips send, beside everything else. former: the old release, whose old troubles are no
    findings. What kept a part from being tried is unanswered; where nothing could be tried at all, and for what
    nobody expected, the error itself is raised.
    """
    started = time.monotonic()
    report = Report(CHECK, QUESTION, unit="things tried", repair=REPAIR)
    rules = allowances() if allowed is None else allowed
    former = former or Former()
    starts = Starts(visit.rt, former.start, rules)
    # Programs, which need no turn at the web server; one after the other, for they write to one outbox.
    with ThreadPoolExecutor(1) as pool:
        beside = [pool.submit(mails, report, starts)] if mails else []
        beside += [pool.submit(_jobs, report, visit, rules, starts, former)]
        used = _use(report, visit, former)
        trouble = [error for error in (used, *(one.exception() for one in beside)) if error]
    _log(report, visit, rules, starts, former)
    starts.judge(report)
    report.seconds = round(time.monotonic() - started, 2)
    # What could not be asked must not hide what was found, nor what was tried and is well.
    worse = [one for one in trouble if not isinstance(one, HarnessError | requests.RequestException)]
    if not report.findings and (worse or (trouble and not report.looked_at)):
        raise (worse or trouble)[0]
    report.unanswered += [str(e) if isinstance(e, HarnessError) else redact.line(str(e)) for e in trouble]
    return report


def _jobs(report: Report, visit: Visit, rules: tuple[LogAllowance, ...], starts: Starts, former: Former) -> None:
    report.out_of_scope += visit.jobs_left
    jobs.judge(
        report, visit.programs, rules, thorough=visit.thorough, subscribers=visit.subscribers, more=visit.jobs,
        starts=starts, before=former.jobs, limit=visit.patience,
    )  # fmt: skip


def _use(report: Report, visit: Visit, former: Former) -> Exception | None:
    """Use the site over HTTP and by mail, one thing after the other; return what kept it from going on."""
    try:
        attempt(report, "pages", lambda: pages.look(report, visit))
        attempt(report, "self-service", lambda: pages.self_service(report, visit))
        attempt(report, "homepages", lambda: pages.homepages(report, visit))
        exchanges.judge(report, visit, former.exchanges)
    except (HarnessError, requests.RequestException) as error:
        return error
    return None


def _log(report: Report, visit: Visit, allowed: tuple[LogAllowance, ...], starts: Starts, former: Former) -> None:
    """Find what the site logged meanwhile: a page may look well and have lost a part."""
    bad, used = complaints(records(visit.rt.container.logs().splitlines()), allowed, "site")
    report.allowed += [f"site: {one.reason}" for one in used]
    bad = starts.others(bad)
    if bad and (before := _mails_of(former)):
        # A scrip of the whole site that has failed for years, or one that asks a service that no copy reaches.
        known = {redact.line(one.message) for one in bad if key(one) in before.said}
        bad = [one for one in bad if key(one) not in before.said]
        if known:
            report.facts["logged before as well"] = sorted(known)
    kinds = dict.fromkeys(redact.line(one.message) for one in bad)
    if bad:
        report.find(
            "log", f"the site logged {len(bad)} errors while it was used", samples=tuple(kinds)[:_SHOWN],
            repair="find these lines in the log of a trial upgrade, and mend the page, scrip or option they name",
        )  # fmt: skip


def _mails_of(former: Former) -> Mails | None:
    """Return what the old release said about tickets; that it could not be asked was said by who asked first."""
    with contextlib.suppress(HarnessError):
        return former.mails()
    return None
