"""Does the upgraded site work: for people, for programs, for mail, and at night?

Everything here writes: give it a site on a clone of its own. Mail never leaves: the image appends it to a file
in the container, which is read back.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import requests

from harness.checks import jobs
from harness.checks.former_release import Former
from harness.checks.log import LogAllowance, allowances, complaints, records
from harness.checks.mails import Mails, mails_about
from harness.checks.startup_log import Starts, key
from harness.checks.trial_visit import Visit
from harness.common import redact
from harness.errors import HarnessError
from harness.rt import rest, web
from harness.rt.rest import Client, File, RestError, SlowError
from harness.rt.web import PageError
from harness.verdict import Report

CHECK = "application"
QUESTION = "Does the site work for people, programs, mail and jobs?"
REPAIR = (
    "do the same by hand on a trial upgrade, read RT's log beside it, and mend the options or pages that it names"
)
ASCII = "Printer on fire"
_SENDER = "new-customer@customers.example.test"
_SHOWN = 5
PATIENCE = 4
"""Requests that may go without an answer until nothing more is asked over HTTP: each takes a minute."""
_SLOW = "no answer within"
_REST_TWO = "/opt/rt/share/lib/RT/REST2.pm"

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
    versions = (1, 2) if visit.rt.run("test", "-e", _REST_TWO).code == 0 else (1,)
    rules = allowances() if allowed is None else allowed
    former = former or Former()
    starts = Starts(visit.rt, former.start, rules)
    # Programs, which need no turn at the web server; one after the other, for they write to one outbox.
    with ThreadPoolExecutor(1) as pool:
        beside = [pool.submit(mails, report, starts)] if mails else []
        beside += [pool.submit(_jobs, report, visit, rules, starts, former)]
        used = _use(report, visit, versions)
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


def _use(report: Report, visit: Visit, versions: Sequence[int]) -> Exception | None:
    """Use the site over HTTP and by mail, one thing after the other; return what kept it from going on."""
    try:
        _try(report, "pages", lambda: _pages(report, visit))
        _try(report, "homepages", lambda: _homepages(report, visit))
        for version in versions:
            _try(report, f"REST {version}", partial(_rest, report, visit, version))
        _try(report, "mail", lambda: _mail(report, visit))
    except (HarnessError, requests.RequestException) as error:
        return error
    return None


def _try(report: Report, what: str, work: Callable[[], None]) -> None:
    """Turn what the site gets wrong into a finding; go on with the next thing, also where one is not answered."""
    slow = [one for one in report.unanswered if _SLOW in one]
    if len(slow) >= PATIENCE:
        if len(slow) == PATIENCE:
            report.unanswered.append(f"whatever came after {PATIENCE} requests with {_SLOW} {web.LIMIT} s each")
        return
    try:
        work()
    except requests.Timeout:
        report.unanswered.append(f"{what}: {_SLOW} {web.LIMIT} s")
    except SlowError as error:
        report.unanswered.append(error.sentence)
    except (PageError, RestError) as error:
        report.find(what, f"{error.where}: {redact.line(error.what)}", blocks=error.blocks[:0])


def _expect(report: Report, where: str, what: str, *, good: bool) -> None:
    report.looked_at += 1
    if not good:
        report.find(where, what)


def _page(session: requests.Session, visit: Visit, path: str, expect: str = "") -> None:
    web.page(session, visit.rt, path, expect=expect, said=visit.said)


def _pages(report: Report, visit: Visit) -> None:
    """Log in with the form, and look at every kind of page, tickets and dashboards included."""
    session = web.login(visit.rt, visit.user, visit.password)
    report.looked_at += 1
    # A homepage that has lost its parts is a good page to RT; each part stands in a box of this class.
    _try(report, "/", partial(_page, session, visit, "/", "titlebox"))
    paths = [
        *FIRST_PAGES,
        *(PAGES if visit.thorough else ()),
        *(f"/Ticket/Display.html?id={ticket}" for ticket in visit.tickets),
    ]
    paths += [f"/Ticket/History.html?id={ticket}" for ticket in visit.tickets]
    paths += [f"/Dashboards/{number}/" for number in visit.dashboards]
    for path in paths:
        report.looked_at += 1
        _try(report, path, partial(_page, session, visit, path))
    session.close()


def _homepages(report: Report, visit: Visit) -> None:
    """Let each account log in with its old password and see its homepage."""
    for name, password in visit.people.items():
        report.looked_at += 1

        def home(name: str = name, password: str = password) -> None:
            with web.login(visit.rt, name, password) as session:
                web.page(session, visit.rt, "/", expect="Logout", said=visit.said)

        _try(report, f"homepage of account {list(visit.people).index(name) + 1}", home)


def _rest(report: Report, visit: Visit, version: int) -> None:
    """Create, read, reply, search, and get attachments back byte for byte."""
    where = f"REST {version}"
    blob = File("bytes.bin", bytes(range(256)) * 16 + b"\n\r\n\0\n\n", "application/octet-stream")
    note = File("Notiz ü.txt", f"{visit.text}\r\n\n".encode(), "text/plain; charset=utf-8")
    subject = f"{visit.text} {visit.mark} {version}"
    with rest.client(visit.rt, visit.user, visit.password, version) as client:
        ticket = client.create(visit.queue, subject, f"{visit.text}\nline two", [blob, note], Requestor=_SENDER)
        read = client.read(ticket)
        _expect(report, where, "the subject came back as another text", good=read.get("Subject") == subject)
        _expect(report, where, "the ticket is in another queue", good=read.get("Queue") == visit.queue)
        _expect(report, where, "the requestor is not the one given", good=_SENDER in read.get("Requestor", []))
        client.reply(ticket, f"Answer {visit.text}")
        client.comment(ticket, f"Remark {visit.text}")
        found = client.search(f"Subject LIKE '{visit.mark} {version}'")
        _expect(report, where, f"the search finds {len(found)} tickets instead of one", good=found == [ticket])
        _attachments(report, where, client, ticket, (blob, note))


def _attachments(report: Report, where: str, client: Client, ticket: int, files: tuple[File, ...]) -> None:
    held = client.attachments(ticket)
    for one in files:
        number = next((number for number, name in held.items() if name == one.name), None)
        _expect(report, where, f"the file {one.name!r} is not among the attachments", good=number is not None)
        if number is not None:
            content = client.attachment(ticket, number)
            size = f"{len(content)} bytes instead of {len(one.content)}"
            _expect(report, where, f"{one.name!r} came back changed, {size}", good=content == one.content)


def _mail(report: Report, visit: Visit) -> None:
    """Send a mail in as the mail server would, and look at what goes out."""
    subject = f"{ASCII} {visit.mark} by mail"
    message = (
        f"From: {_SENDER}\nTo: rt@example.org\nSubject: {subject}\n"
        f"Message-ID: <{visit.mark}@customers.example.test>\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        f"{visit.text}\n"
    )
    sent = visit.rt.container.run(
        ["rt-mailgate", "--queue", visit.queue, "--action", "correspond", "--url", "http://127.0.0.1/", "--debug"],
        stdin=[message.encode()], limit=60,
    )  # fmt: skip
    if sent.timed_out:
        report.unanswered.append(f"mail gateway: {_SLOW} 60 s")
        return
    refused = sent.code != 0 or "not ok" in sent.out + sent.err
    _expect(report, "mail gateway", f"the mail is refused (exit code {sent.code})", good=not refused)
    with rest.client(visit.rt, visit.user, visit.password) as client:
        found = client.search(f"Subject LIKE '{visit.mark} by mail'")
        _expect(report, "mail gateway", f"the mail made {len(found)} tickets instead of one", good=len(found) == 1)
        for ticket in found:
            client.reply(ticket, f"Answer {visit.text}")
    mails = mails_about(visit.rt, visit.mark, found)
    answered = [mail[1] for mail in mails if _SENDER in mail[0]]
    report.facts["mails that scrips send to a requestor"] = visit.answers
    _expect(
        report, "outgoing mail",
        f"the sender got {len(answered)} mails where the site's scrips send {visit.answers}",
        good=len(answered) >= visit.answers,
    )  # fmt: skip
    tagged = all(re.search(r"\[[^\]]+ #N\]", subject) for subject in answered)
    _expect(report, "outgoing mail", "a mail lacks the ticket's number in its subject", good=tagged)


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
