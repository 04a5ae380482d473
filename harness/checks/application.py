"""Does the upgraded site work: for people, for programs, for mail, and at night?

Everything here writes: give it a site on a clone of its own. Mail never leaves: the image appends it to a file
in the container, which is read back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import requests

from harness.checks import exchanges, jobs
from harness.checks.attempts import REPAIR, attempt
from harness.checks.former_release import Former
from harness.checks.log import LogAllowance, allowances, complaints, records
from harness.checks.mails import Mails
from harness.checks.startup_log import Starts, key
from harness.checks.trial_visit import Visit
from harness.common import redact
from harness.errors import HarnessError
from harness.rt import web
from harness.verdict import Report

CHECK = "application"
QUESTION = "Does the site work for people, programs, mail and jobs?"
_SHOWN = 5

PAGES = (
    "/Search/Build.html", "/Prefs/Other.html", "/Prefs/MyRT.html", "/User/Prefs.html", "/Tools/MyDay.html",
    "/Approvals/", "/Articles/", "/Asset/", "/Admin/", "/Admin/Users/", "/Admin/Groups/", "/Admin/CustomFields/",
    "/Admin/Scrips/", "/Admin/Global/Templates.html", "/Admin/Tools/Configuration.html",
    "/Search/Chart.html?Query=id%20%3E%200",
)  # fmt: skip
"""Pages that every release has, as an administrator sees them; a thorough visit sees them too."""
FIRST_PAGES = ("/Search/Results.html?Query=id%20%3E%200", "/Dashboards/index.html", "/Admin/Queues/")


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
        attempt(report, "pages", lambda: _pages(report, visit))
        attempt(report, "homepages", lambda: _homepages(report, visit))
        exchanges.judge(report, visit, former.exchanges)
    except (HarnessError, requests.RequestException) as error:
        return error
    return None


def _page(session: requests.Session, visit: Visit, path: str, expect: str = "") -> None:
    web.page(session, visit.rt, path, expect=expect, said=visit.said)


def _pages(report: Report, visit: Visit) -> None:
    """Log in with the form, and look at every kind of page, tickets and dashboards included."""
    session = web.login(visit.rt, visit.user, visit.password)
    report.looked_at += 1
    # A homepage that has lost its parts is a good page to RT; each part stands in a box of this class.
    attempt(report, "/", partial(_page, session, visit, "/", "titlebox"))
    paths = [
        *FIRST_PAGES,
        *(PAGES if visit.thorough else ()),
        *(f"/Ticket/Display.html?id={ticket}" for ticket in visit.tickets),
    ]
    paths += [f"/Ticket/History.html?id={ticket}" for ticket in visit.tickets]
    paths += [f"/Dashboards/{number}/" for number in visit.dashboards]
    for path in paths:
        report.looked_at += 1
        attempt(report, path, partial(_page, session, visit, path))
    session.close()


def _homepages(report: Report, visit: Visit) -> None:
    """Let each account log in with its old password and see its homepage."""
    for name, password in visit.people.items():
        report.looked_at += 1

        def home(name: str = name, password: str = password) -> None:
            with web.login(visit.rt, name, password) as session:
                web.page(session, visit.rt, "/", expect="Logout", said=visit.said)

        attempt(report, f"homepage of account {list(visit.people).index(name) + 1}", home)


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
