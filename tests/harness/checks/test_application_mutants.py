"""The application check must find a site that answers 200 but does not work."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import application, log
from harness.checks.application import attempts, exchanges, jobs, mails, nightly_jobs, pages
from harness.checks.application.mails import Mails
from harness.checks.application.nightly_jobs import Job
from harness.checks.application.startup_log import StartupLogs
from harness.checks.application.trial_visit import Visit
from harness.engine.commands import CommandResult
from harness.rt import Rt, web
from harness.rt.configuration import Configuration
from harness.stage import visitor
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.checks.said_of_a_site import BROKEN, COMPLAINT, MAIL, SENT, compared, logged, ran
from tests.harness.mutants.application import EVERYBODY, MUTANTS, PERSON, ApplicationMutant


def _job(job: Sequence[str], report: Report, visit: Visit) -> None:
    jobs.carry_out(report, visit.rt, log.allowances(), [Job(tuple(job))], StartupLogs(visit.rt))


PARTS: dict[str, Callable[[Report, Visit], None]] = {
    "pages": pages.open_pages,
    "homepages": pages.open_homepages,
    "REST 1": lambda report, visit: exchanges.try_rest(report, visit, 1),
    "REST 2": lambda report, visit: exchanges.try_rest(report, visit, 2),
    "mail": exchanges.try_mail,
    **{job[0]: partial(_job, job) for job in nightly_jobs.JOBS},
}
GOOD = (
    '172.31.0.1 - [25/Nov/2026:14:00:32 +0000] "GET / HTTP/1.1" 200 4686 35221',
    "[15] [Wed Nov 25 14:00:31 2026] [warning]: a portlet was left out (/x.pm:1)",
    "[Wed Nov 25 14:01:09.959132 2026] [mpm_prefork:notice] [pid 1:tid 1] AH00163: Apache/2.4.65 configured",
)


@pytest.mark.mutants("application")
@pytest.mark.parametrize(
    ("job", "done"),
    [
        (0, CommandResult(1, "", "")),
        (0, CommandResult(0, "", COMPLAINT)),
        (1, CommandResult(124, "", COMPLAINT)),
        (2, CommandResult(124, "", "")),
    ],
    ids=["job-failed", "job-complains", "dashboards-complain-and-are-stopped", "job-hangs"],
)
def test_a_job_that_does_not_work_is_found(job: int, done: CommandResult) -> None:
    """Cron's mail about it may reach no one. A job that never ends is no finding, but prevents GO."""
    report = ran(nightly_jobs.JOBS[job], done)
    assert not report
    assert bool(report.findings) != bool(report.unanswered)


@pytest.mark.control("application")
def test_dashboards_that_take_long_are_no_finding() -> None:
    """Their duration grows with the subscriptions; the report must say that not all were sent."""
    report = ran(nightly_jobs.JOBS[1], CommandResult(124, "", ""))
    assert not report.findings
    assert report.out_of_scope == ["what rt-email-dashboards would have sent after its first 60 s"]


@pytest.mark.mutants("application")
@pytest.mark.parametrize("line", BROKEN, ids=["error", "critical", "sql", "perl-error", "perl-critical", "crash"])
def test_what_the_site_logs_is_found(line: str) -> None:
    """RT, Perl within Apache, and Apache itself each have a log format of their own."""
    assert logged("\n".join((*GOOD, line))).findings


@pytest.mark.control("application")
def test_what_every_site_logs_is_no_finding() -> None:
    """Requests, warnings, and Apache's own notices are normal."""
    assert not logged("\n".join(GOOD)).findings


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ('<div class="error">\nCould not load ticket 9\n</div>', "error box: Could not load ticket 9"),
        ("<p>An internal RT error has occurred.</p>", "RT gave up"),
        ("<p>Could not find component for path '/Elements/Gone'</p>", "does not exist in this release"),
        ("<p>Good morning</p>", ""),
    ],
)
def test_what_a_page_says(page: str, complaint: str) -> None:
    """RT answers 200 to nearly everything; only the text of a page shows an error."""
    assert complaint in web.complaint(page)
    assert bool(complaint) == bool(web.complaint(page))


@pytest.mark.mutants("application")
@pytest.mark.parametrize(
    "after",
    [
        Mails("5.0.3", SENT.actions, []),
        Mails("5.0.3", SENT.actions, [MAIL]),
        Mails("5.0.3", SENT.actions, [MAIL] * 3),
        Mails("5.0.3", SENT.actions, [MAIL, [mails.hide_addresses("b@customers.example.test"), *MAIL[1:]]]),
        Mails("5.0.3", SENT.actions, [MAIL, [*MAIL[:2], "Precedence: "]]),
        Mails("5.0.3", {"1": "create"}, SENT.mails),
        Mails("5.0.3", {}, SENT.mails),
    ],
    ids=[
        "no-mail",
        "one-mail-less",
        "one-mail-twice",
        "another-recipient",
        "another-header",
        "no-answer",
        "no-queue",
    ],
)
def test_mails_that_differ_are_found(after: Mails) -> None:
    """A mail that is no longer sent, or goes to another recipient, is a loss that no page shows."""
    assert compared(after).findings


@pytest.mark.control("application")
def test_the_same_mails_are_no_finding() -> None:
    """Two equal mails count as two."""
    assert compared(SENT)


def test_a_mail_is_known_by_its_ticket() -> None:
    """A site's templates may put any text in the subject."""
    assert mails.ticket_numbers({"x-rt-ticket": "rt.example.org #12", "subject": "We received your request"}) == {
        12
    }
    assert mails.ticket_numbers({"rt-ticket": "Help desk #3 of ours #13"}) == {13}
    assert mails.ticket_numbers(
        {"references": "<a@b> <RT-Ticket-14@example.org>", "in-reply-to": "<rt-15@x>"}
    ) == {14}
    assert mails.ticket_numbers({"subject": "RT-Ticket-16@example.org"}) == set()


@pytest.mark.engine
def test_a_subject_of_the_sites_own_is_no_mail_less(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory
) -> None:
    """Many sites answer with a subject that lacks the ticket's own."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    database.execute(
        "UPDATE Templates SET Content = REPLACE(Content, 'Subject: AutoReply: {$Ticket->Subject}',"
        " 'Subject: We received your request')"
    )
    assert database.value("SELECT COUNT(*) FROM Templates WHERE Content LIKE 'Subject: We received%'")
    site = rt_site("5.0.3", database)
    done = site.perl(EVERYBODY, PERSON)
    assert done.code == 0, done.err
    report = Report(application.CHECK, "")
    exchanges.try_mail(report, Visit(site, "root", "password"))
    assert report.findings == []
    said = {mail[1] for mail in mails.collect(site, queues=["1"]).mails}
    assert any("We received your request" in one for one in said)


# Callbacks, which sites add to RT's own pages first; the component that they use existed up to some release.
OF_THE_OLD = {
    f"html/Callbacks/Site/{page}.html/{callback}": b"<& /Elements/Modal &>"
    for page, callback in (
        ("Ticket/Create", "BeforeMessageBox"),
        ("Ticket/Update", "FormStart"),
        ("Ticket/ModifyAll", "FormStart"),
        ("SelfService/Display", "BeforeShowHistory"),
        ("SelfService/Create", "AfterQueue"),
        ("SelfService/Update", "BeforeForm"),
    )
}


@pytest.mark.engine
def test_forms_that_die_are_found(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, tally: Tally
) -> None:
    """Only the forms are broken: no ticket can be written or answered, nor can a customer see one."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    site = rt_site("5.0.3", database, configuration=Configuration(OF_THE_OLD), files=[visitor.QUICK_LOGINS])
    done = site.perl(EVERYBODY, PERSON)
    assert done.code == 0, done.err
    visit = visitor.prepare_visit(site, site, database, {}, thorough=True)
    report = Report(application.CHECK, "")
    pages.open_pages(report, visit)
    pages.open_self_service(report, visit)
    found = {one.where.partition("?")[0] for one in report.findings}
    for name in OF_THE_OLD:
        where = name.removeprefix("html/Callbacks/Site").rpartition("/")[0]
        tally(f"dying{where.replace('/', '-').removesuffix('.html').lower()}", "application", where in found)
    assert len(found) == len(OF_THE_OLD), found


# A plugin for a second factor redirects users without one like this.
ENROLMENT = {
    "html/Callbacks/Site/autohandler/Default": b"""<%INIT>
my $goal = '/Prefs/AboutMe.html';
RT::Interface::Web::Redirect(RT->Config->Get('WebURL') . 'Prefs/AboutMe.html')
    if $session{CurrentUser} && $session{CurrentUser}->id && $m->request_comp->path ne $goal;
</%INIT>
"""
}


@pytest.mark.engine
def test_a_site_that_shows_none_of_its_pages_breaks_the_look_off(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory
) -> None:
    """The only page that it shows is a good one; if the old release does the same, nothing is proven."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    site = rt_site("5.0.3", database, configuration=Configuration(ENROLMENT), files=[visitor.QUICK_LOGINS])
    visit = visitor.prepare_visit(site, site, database, {})
    report = Report(application.CHECK, "")
    broken_off, *_ = pages.try_pages(report, visit)
    assert broken_off
    assert pages.ELSEWHERE in broken_off.what
    assert broken_off in report.findings


def test_a_gate_opens_a_form_of_each_kind_and_what_a_customer_sees() -> None:
    """Each form costs a waiting user a tenth of a second; a thorough visit opens all of them."""
    few, many = (
        Visit(
            cast(Rt, None),
            "",
            "",
            tickets=(9, 8),
            queues=(3,),
            customer="c",
            customer_ticket=12,
            thorough=thorough,
        )
        for thorough in (False, True)
    )
    opened = [path.partition("?")[0] for path in pages.ticket_pages(few) if "Display" not in path]
    assert opened.count("/Ticket/Create.html") == opened.count("/Ticket/Update.html") == 1
    assert pages.self_service_pages(few) == ["/SelfService/Display.html?id=12"]
    assert {*pages.ticket_pages(few), *pages.self_service_pages(few)} < {
        *pages.ticket_pages(many),
        *pages.self_service_pages(many),
    }


def told(site: Rt, mutant: ApplicationMutant) -> str:
    """Return the findings of the part of the check that a defect is for."""
    visit = Visit(site, "root", "password", people={PERSON: PERSON})
    report = Report(application.CHECK, "")
    if mutant.part == "log":
        already = len(site.container.logs())
        attempts.attempt(report, mutant.part, partial(pages.open_pages, report, visit))
        report = logged(site.container.logs()[already:])
    else:
        attempts.attempt(report, mutant.part, partial(PARTS[mutant.part], report, visit))
    return str(report) if report.findings else ""


@pytest.mark.engine
@pytest.mark.slow
def test_a_site_that_does_not_work(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, tally: Tally
) -> None:
    """The whole check must be silent on a good site; each planted defect must be found by its part."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    site = rt_site("5.0.3", database)
    done = site.perl(EVERYBODY, PERSON)
    assert done.code == 0, done.err
    good = application.check(Visit(site, "root", "password", people={PERSON: PERSON}))
    assert good, str(good)
    assert good.facts["subscriptions sent"] == 1
    for mutant in MUTANTS:
        database.execute(*mutant.statements)
        said = told(site, mutant)
        tally(mutant.name, "application", said and re.search(mutant.shows, said))
        database.execute("SET sql_mode = ''", *mutant.undo)
