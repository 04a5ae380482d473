"""Does the upgraded site work: for people, for programs, for mail, and at night?

Everything here writes: give it a site on a clone of its own. Mail never leaves: the image appends it to a file
in the container, which is read back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

import requests

from harness.checks import exchanges, jobs
from harness.checks.attempts import REPAIR
from harness.checks.exchanges import Exchanged
from harness.checks.former_release import Former
from harness.checks.log import LogAllowance, allowances, complaints, records
from harness.checks.mails import Mails
from harness.checks.startup_log import Starts, key
from harness.checks.trial_visit import Visit
from harness.common import redact
from harness.engine.faults import explained
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
        exchanges.judge(report, visit, former.exchanges)
    except (HarnessError, requests.RequestException) as error:
        return error
    return None


def _log(report: Report, visit: Visit, allowed: tuple[LogAllowance, ...], starts: Starts, former: Former) -> None:
    """Find what the site logged meanwhile: a page may look well and have lost a part."""
    bad, used = complaints(records(visit.rt.container.logs().splitlines()), allowed, "site")
    report.allowed += [f"site: {one.reason}" for one in used]
    bad = starts.others(bad)
    known: set[str] = set()
    # A scrip that has failed for years, or asks a service that no copy reaches; a page that shows a broken search.
    for before in (former.mails, former.exchanges):
        said = _said_by(before, report) if bad else ()
        known |= {redact.line(one.message) for one in bad if key(one) in said}
        bad = [one for one in bad if key(one) not in said]
    if known:
        report.facts["logged before as well"] = sorted(known)
    kinds = dict.fromkeys(redact.line(one.message) for one in bad)
    if bad:
        report.find(
            "log", f"the site logged {len(bad)} errors while it was used", samples=tuple(kinds)[:_SHOWN],
            repair="find these lines in the log of a trial upgrade, and mend the page, scrip or option they name",
        )  # fmt: skip


def _said_by(before: Callable[[], Mails | Exchanged | None], report: Report) -> Collection[str]:
    """Return what the old release said at the same; where it could not be asked, that is an open question."""
    try:
        old = before()
    except Exception as error:
        if (known := explained(error)) is None:
            raise
        if not any(
            known.sentence in one for one in report.unanswered
        ):  # it may have been asked for something else
            report.unanswered.append(f"what the site logged before: {known.sentence}")
        return ()
    return old.said if old else ()
