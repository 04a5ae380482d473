"""Messages, failures and missing mails of the old release are not the upgrade's fault; new ones are."""

from __future__ import annotations

from typing import cast

import pymysql
import pytest
from docker.errors import DockerException

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import application, log
from harness.checks.application import exchanges, jobs, mails, nightly_jobs, startup_log
from harness.checks.application.exchanges import SiteOutcomes
from harness.checks.application.mails import Mails
from harness.checks.application.old_release_answers import OldReleaseAnswers
from harness.engine.commands import CommandResult
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.stage import visit_content, visitor
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.checks.said_of_a_site import BROKEN, COMPLAINT, SENT, compared, logged, ran


def keys(text: str) -> list[str]:
    """Return the key of each line of a log."""
    return [startup_log.key(one) for one in log.records(text.splitlines())]


@pytest.mark.parametrize("said", ["the same", "nothing", "unknown"])
@pytest.mark.parametrize("level", ["warning", "error"])
def test_what_a_job_of_the_old_release_said_as_well_is_no_finding(said: str, level: str) -> None:
    """A new warning is a finding, because cron mails it. If the old output is unknown, only an error is."""
    complaint = COMPLAINT.replace("warning", level)
    job = nightly_jobs.Job(nightly_jobs.JOBS[0])
    results = {
        "the same": jobs.JobResults(
            "4.4.6", {job.name: keys(complaint.replace("/x.pm:1", "/y.pm:71"))}, {job.name: 0}
        ),
        "nothing": jobs.JobResults("4.4.6", {job.name: []}, {job.name: 0}),
        "unknown": None,
    }
    report = ran(job.command, CommandResult(0, "", complaint), lambda _: results[said])
    assert bool(report.findings) == (said == "nothing" or (said, level) == ("unknown", "error"))
    assert bool(report.facts) != bool(report.findings)


@pytest.mark.parametrize(("before", "found"), [(0, True), (1, False), (None, True)])
def test_a_job_that_failed_before_is_no_finding(before: int | None, found: bool) -> None:
    """The failure of a job that the old release lacks is a finding."""
    job = nightly_jobs.Job(nightly_jobs.JOBS[0])
    old = jobs.JobResults("4.4.6", {}, {} if before is None else {job.name: before})
    report = ran(job.command, CommandResult(1, "", ""), lambda _: old)
    assert bool(report.findings) == found
    assert ("known from the old release: failed jobs" in report.facts) != found


def test_nobodys_name_is_told_with_a_job() -> None:
    """A gate renders the dashboards of one user; the cached facts must not name that user."""
    command = (*nightly_jobs.JOBS[1], "--user=anna")
    report = ran(command, CommandResult(1, "", ""))
    assert [one.where for one in report.findings] == ["job rt-email-dashboards --all"]
    name = nightly_jobs.Job(command).name
    assert "anna" not in jobs.JobResults("4.4.6", {name: []}, {name: 1}).to_json()


def test_a_job_that_was_not_done_in_time_before_is_known_of_by_nobody() -> None:
    """How far it came is arbitrary, so a warning may be as old as the site; an error is reported."""
    warning, error = (COMPLAINT, COMPLAINT.replace("warning", "error"))
    for complaint, found in ((warning, False), (error, True)):
        report = ran(nightly_jobs.JOBS[0], CommandResult(0, "", complaint), lambda _: jobs.JobResults("4.4.6"))
        assert bool(report.findings) == found


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InfrastructureError("The engine's disk has 0.1 GB free."), "The engine's disk has 0.1 GB free."),
        (DockerException("no such container"), "The container engine gave way in the middle."),
        (pymysql.OperationalError(2013, "Lost connection"), "A container stopped answering in the middle."),
    ],
    ids=lambda one: type(one).__name__,
)
def test_who_cannot_be_asked_hides_nothing(error: Exception, sentence: str) -> None:
    """Whatever keeps the old release from its jobs, the failure is reported, with the open question."""

    def nobody(_: object) -> None:
        raise error

    report = ran(nightly_jobs.JOBS[0], CommandResult(255, "", ""), nobody)
    assert len(report.findings) == 1
    assert report.unanswered == [f"what jobs said before: {sentence}"]


def test_who_says_the_same_is_known_by_it() -> None:
    """From one release to the next Perl lists its search path differently."""
    head = "[1] [Wed Nov 25 14:00:31 2026] [error]: Scrip 3 Commit failed: Can't locate A/B.pm in @INC "
    old = (
        f"{head}(you may need to install the A::B module) (@INC contains: /etc/perl CODE(0x5a) /lib/perl/5.36) "
        "at (eval 71) line 1, "
        "<STDIN> line 2. (/opt/rt/share/lib/RT/Action/UserDefined.pm:81)"
    )
    new = (
        f"{head}(you may need to install the A::B module) (@INC entries checked: /etc/perl /usr/lib/perl/5.42) "
        "at (eval 9) line 1. (/opt/rt/share/lib/RT/Action/UserDefined.pm:82)"
    )
    assert keys(old) == keys(new)
    assert keys(old) != keys(old.replace("A/B.pm", "A/C.pm"))
    assert keys(old) != keys(old.replace("error", "warning"))


def test_what_the_old_release_logged_about_tickets_as_well_is_no_finding() -> None:
    """A global scrip that uses a service which no copy reaches logs an error at every ticket, on both sides."""
    said, errors = startup_log.parse_log(BROKEN[0].replace("attribute 13", "attribute 71"))
    old = Mails("4.4.6", {}, [], said, errors)
    report = logged("\n".join(BROKEN[:2]), OldReleaseAnswers(mails=lambda: old))
    assert [one.what for one in report.findings] == ["the site logged 1 errors while it was used"]
    assert "principal" in str(report.findings[0]).lower()
    assert len(report.facts["known from the old release: log"]) == 1


ANSWERED = '172.31.0.1 - [25/Nov/2026:14:00:32 +0000] "GET {} HTTP/1.1" 200 4686 35221'


@pytest.mark.parametrize(
    ("page", "failing", "findings"),
    [
        ("/Ticket/Display.html", "/Ticket/Display.html?id=105", 1),
        ("/Ticket/Display.html", "/Ticket/History.html?id=105", 0),
        ("/Ticket/Display.html", "", 0),
    ],
)
def test_what_is_logged_of_a_page_that_fails_is_its_cause(page: str, failing: str, findings: int) -> None:
    """The old release logs the same kind of message on another page, which does not explain this failure."""
    report = Report("application", "")
    if failing:
        report.find(failing, f"GET {failing}: a part of the page does not exist in this release")
    log = "\n".join((ANSWERED.format("/"), BROKEN[0], ANSWERED.format(page), ANSWERED.format("/Admin/")))
    old = OldReleaseAnswers(exchanges=lambda: SiteOutcomes("4.4.6", [], keys(BROKEN[0])))
    logged(log, old, report)
    told = [one for one in report.findings if one.where == "log"]
    assert len(told) == findings, told
    assert ("known from the old release: log" in report.facts) == (not findings)


def test_what_the_old_site_logged_while_it_was_used_as_well_is_no_finding() -> None:
    """A page that shows a broken search logs this whenever it is opened. Asked if mails do not explain all."""
    asked: list[str] = []

    def used() -> SiteOutcomes:
        asked.append("used")
        return SiteOutcomes("4.4.6", [], keys(BROKEN[0].replace("attribute 13", "attribute 71")))

    report = logged("\n".join(BROKEN[:2]), OldReleaseAnswers(exchanges=used))
    assert [one.what for one in report.findings] == ["the site logged 1 errors while it was used"]
    assert "principal" in str(report.findings[0]).lower()
    assert len(report.facts["known from the old release: log"]) == 1
    said, errors = startup_log.parse_log(BROKEN[0])
    assert (
        logged(
            BROKEN[0], OldReleaseAnswers(mails=lambda: Mails("4.4.6", {}, [], said, errors), exchanges=used)
        ).findings
        == []
    )
    assert len(asked) == 1


def test_where_the_old_site_could_not_be_tried_the_log_is_a_finding_and_the_question_open() -> None:
    """Without room for one more copy, the log is reported all the same."""

    def nobody() -> None:
        raise InfrastructureError("The engine's disk has 0.1 GB free.")

    report = logged(BROKEN[0], OldReleaseAnswers(exchanges=nobody))
    assert len(report.findings) == 1
    assert report.unanswered == ["what the site logged before: The engine's disk has 0.1 GB free."]


@pytest.mark.mutants("application")
def test_an_error_about_tickets_that_is_new_is_found() -> None:
    """A scrip of one queue may fail without a missing mail."""
    _, errors = startup_log.parse_log(BROKEN[0])
    assert compared(Mails("5.0.3", SENT.actions, SENT.mails, errors=errors)).findings
    old = Mails("4.4.6", SENT.actions, SENT.mails, said=errors)
    report = Report(application.CHECK, "")
    mails.compare(report, old, Mails("5.0.3", SENT.actions, SENT.mails, errors=errors))
    assert report.findings == []


def test_where_no_ticket_could_be_made_nothing_is_proven() -> None:
    """The report must say so, and keep the results of all other attempts."""
    report = Report(application.CHECK, "")
    actions = {"1": "", "2": "", mails.OWN: "create, answer"}  # the harness's own queue proves nothing here
    mails.judge(report, Mails("4.4.6", actions, []), cast(Rt, None))
    assert report.unanswered == ["what scrips send: RT 4.4.6 made no ticket in 2 queues"]


QUIET = """
use strict; use warnings; use RT; RT::LoadConfig(); RT::Init();
sub must { my ($good, $message) = @_; die "$message\\n" unless $good; return $good }
must(RT::Template->new(RT->SystemUser)->Create(
    Queue => 0, Name => 'says nothing', Type => 'Perl', Content => ' '));
$RT::Handle->dbh->do("UPDATE Templates SET Content = '' WHERE Name = 'says nothing'");
$RT::Handle->dbh->do('UPDATE Scrips SET Disabled = 1');
for my $number (1 .. 5) {
    my $queue = RT::Queue->new(RT->SystemUser);
    must($queue->Create(Name => "queue $number"));
    RT::Ticket->new(RT->SystemUser)->Create(Queue => $queue->id, Subject => 'x') for $number .. 6;
    must(RT::Scrip->new(RT->SystemUser)->Create(
        Queue => $queue->id, Description => "of $number", ScripCondition => 'On Create',
        ScripAction => 'Autoreply To Requestors', Template => $number < 4 ? 'says nothing' : 'Autoreply in HTML'));
}
"""


@pytest.mark.engine
def test_a_quiet_site_is_asked_for_more_and_may_be_quiet(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """The queues with most tickets may send nothing; if none sends, that must be so before and afterwards."""
    baseline = lifecycle.fresh("5.0.3", "mariadb-10.11")
    first, second = clone(baseline), clone(baseline)
    for database in (first, second):
        done = rt_tools("5.0.3", database).perl(QUIET)
        assert done.code == 0, done.err
    loud = mails.collect(rt_tools("5.0.3", first), few=3)
    named = {str(number): name for number, name in first.rows("SELECT id, Name FROM Queues")}
    assert [named.get(one, one) for one in sorted(loud.actions)] == [*(f"queue {n}" for n in range(1, 5)), "own"]
    assert loud.mails
    second.execute("UPDATE Scrips SET Disabled = 1")
    quiet = mails.collect(rt_tools("5.0.3", second), few=3)
    assert (quiet.mails, len(quiet.actions)) == ([], 6)
    second.execute(
        *(f"UPDATE {table} SET Name = 'earlier' WHERE Name = 'harness-0'" for table in ("Users", "Queues"))
    )
    second.execute("UPDATE Users SET EmailAddress = '' WHERE Name = 'earlier'")
    report = Report(application.CHECK, "")
    mails.judge(report, quiet, rt_tools("5.0.3", second))
    assert report, str(report)
    assert any("sent no mail for tickets in 5 queues" in one for one in report.out_of_scope)
    mails.compare(report, quiet, loud)
    assert any("new, or changed" in one.what for one in report.findings)


@pytest.mark.engine
def test_a_notice_that_its_sender_does_not_get_is_none_less(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory
) -> None:
    """The real RT does not notify the requestor of their own ticket, and no such mail may be expected."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    database.execute(
        "UPDATE Scrips SET ScripAction = (SELECT id FROM ScripActions WHERE Name = 'Notify Requestors')"
        " WHERE Description LIKE 'On Create Auto%'"
    )
    expected = visit_content.expected_answers(database, notifies_actor=False)
    silent = Configuration({"site.pm": b"Set($NotifyActor, 0);\n1;\n"})
    site = rt_site("5.0.3", database, configuration=silent)
    visit = visitor.prepare_visit(site, site, database, {})
    assert (expected, visit.answers) == (1, 1)
    report = Report(application.CHECK, "")
    exchanges.try_mail(report, visit)
    assert report.findings == []
    mails_to_sender = [one for one in mails.mails_about(site, visit.mark) if "new-customer" in one[0]]
    assert len(mails_to_sender) == 1
