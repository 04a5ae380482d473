"""Check that the upgraded site works over HTTP, for command-line programs, for mail, and for the nightly jobs.

All of it writes: use a site on a clone of its own. Mail never leaves: the image appends it to a file in the
container, from which it is read back.

A `trial_visit` is one such copy with its site. `attempts` asks it things, `pages` as a browser, `exchanges` as
programs and people do; `mails` compares what scrips send (`mails_by_chance`: what one release does not send twice
alike). `jobs` runs the nightly ones, which `nightly_jobs` and `optional_jobs` choose; `dashboard_mails` reads what
one of them sends. `startup_log` holds what each release logs at every start, `old_release_answers` what the old
one answers to all of this.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

import requests

from harness.checks.application import exchanges, jobs
from harness.checks.application.attempts import REPAIR
from harness.checks.application.exchanges import SiteOutcomes
from harness.checks.application.mails import Mails
from harness.checks.application.old_release_answers import OldReleaseAnswers
from harness.checks.application.startup_log import StartupLogs, key
from harness.checks.application.trial_visit import Visit
from harness.checks.log import LogAllowance, allowances, complaints, records
from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.errors import HarnessError
from harness.verdict import Report

CHECK = "application"
QUESTION = "Does the site work for people, programs, mail and jobs?"
_REQUEST = re.compile(r'^[^\[\s]\S* .*?\[[^\]]*\] "(\w+ .*?) HTTP/[\d.]+" \d+ ')
"""An answered request in the site's log, with its method and path."""
_PAGE = re.compile(r"^(\w+ /[^\s?]*)\S*: ")
"""Begin of a finding about a page."""


def check(
    visit: Visit,
    allowed: tuple[LogAllowance, ...] | None = None,
    mails: Callable[[Report, StartupLogs], None] | None = None,
    old_release: OldReleaseAnswers | None = None,
) -> Report:
    """Use the site as people, programs and cron do; report everything that does not work.

    mails: judges the mails that the scrips send, in parallel to the rest. old_release: its answers; trouble that
    it had too is no finding. A part that could not be tried is an open question. If nothing could be tried at all,
    or the error is an unexpected one, the error itself is raised.
    """
    started = time.monotonic()
    report = Report(CHECK, QUESTION, unit="things tried", repair=REPAIR)
    rules = allowances() if allowed is None else allowed
    old_release = old_release or OldReleaseAnswers()
    starts = StartupLogs(visit.rt, old_release.start, rules)
    # Programs need no turn at the web server. They run one after the other, because they write to one outbox.
    with ThreadPoolExecutor(1) as pool:
        tasks = [pool.submit(mails, report, starts)] if mails else []
        tasks += [pool.submit(_jobs, report, visit, rules, starts, old_release)]
        used = _use(report, visit, old_release)
        trouble = [error for error in (used, *(task.exception() for task in tasks)) if error]
    judge_log(report, visit, rules, starts, old_release)
    starts.judge(report)
    report.seconds = round(time.monotonic() - started, 2)
    # A part that could not be tried must not hide findings, nor the parts that were tried and are well.
    worse = [error for error in trouble if not isinstance(error, HarnessError | requests.RequestException)]
    if not report.findings and (worse or (trouble and not report.looked_at)):
        raise (worse or trouble)[0]
    report.unanswered += [str(e) if isinstance(e, HarnessError) else redact.line(str(e)) for e in trouble]
    return report


def _jobs(
    report: Report,
    visit: Visit,
    rules: tuple[LogAllowance, ...],
    starts: StartupLogs,
    old_release: OldReleaseAnswers,
) -> None:
    report.out_of_scope += visit.jobs_left
    jobs.judge(report, visit, rules, starts=starts, before=old_release.jobs)


def _use(report: Report, visit: Visit, old_release: OldReleaseAnswers) -> Exception | None:
    """Use the site over HTTP and by mail, sequentially; return the error that stopped it, if any."""
    try:
        exchanges.judge(report, visit, old_release.exchanges)
    except (HarnessError, requests.RequestException) as error:
        return error
    return None


def judge_log(
    report: Report,
    visit: Visit,
    allowed: tuple[LogAllowance, ...],
    starts: StartupLogs,
    old_release: OldReleaseAnswers,
) -> None:
    """Report errors that the site logged meanwhile: a page may look well although a part of it is missing."""
    lines = visit.rt.container.logs().splitlines()
    bad, used = complaints(records(lines), allowed, "site")
    report.allowed += [f"site: {allowance.reason}" for allowance in used]
    bad = starts.others(bad)
    known: set[str] = set()
    causes = _said_by_failing_pages(lines, report)
    # The old release may log the same: a scrip that has failed for years, or uses a service that no copy can
    # reach; a page that shows a broken search.
    for before in (old_release.mails, old_release.exchanges):
        said = {*_said_by(before, report)} - causes if bad else set()
        known |= {redact.line(record.message) for record in bad if key(record) in said}
        bad = [record for record in bad if key(record) not in said]
    if known:
        report.facts["known from the old release: log"] = sorted(known)
    kinds = dict.fromkeys(redact.line(record.message) for record in bad)
    if bad:
        report.find(
            "log",
            f"the site logged {len(bad)} errors while it was used",
            samples=tuple(kinds),
            repair="find these lines in the log of a trial upgrade, and mend the page, scrip or option they name",
        )


def _said_by_failing_pages(lines: Iterable[str], report: Report) -> set[str]:
    """Return by `key` what was logged while pages were requested that are findings: it is their cause.

    A message of the same kind from another page, in the old release, does not explain it. The server logs a
    request after its answer, and the visit waits for each answer.
    """
    failing = {page[1] for one in report.findings if (page := _PAGE.match(one.what))}
    said: set[str] = set()
    meanwhile: list[str] = []
    for line in lines:
        if not (request := _REQUEST.match(line)):
            meanwhile.append(line)
            continue
        if request[1] in failing:
            said |= set(map(key, records(meanwhile)))
        meanwhile.clear()
    return said


def _said_by(before: Callable[[], Mails | SiteOutcomes | None], report: Report) -> Collection[str]:
    """Return the old release's log messages for the same actions; an open question if it could not be asked."""
    # It may have been asked for something else.
    old = ask_or_leave_open(report, "what the site logged before", before, said_once=True)
    return old.said if old else ()
