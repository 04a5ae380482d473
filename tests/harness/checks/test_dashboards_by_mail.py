"""Dashboards are mailed to a user who gets some; if none are sent any more, that must not pass unnoticed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import log
from harness.checks.application import jobs, nightly_jobs
from harness.checks.application.jobs import JobResults
from harness.checks.application.nightly_jobs import Job
from harness.checks.application.trial_visit import Visit
from harness.database import Database
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.stage import visit_content
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.mutants.application import EVERYBODY, PERSON

pytestmark = pytest.mark.engine
RELEASE = "5.0.3"
HER = f"WHERE Name = '{PERSON}'"
BEFORE_HER = """
use RT -init;
for my $who (['left', 1], ['a customer', 0]) {
    my $user = RT::User->new(RT->SystemUser);
    $user->Create(Name => $who->[0], Privileged => $who->[1]) or die;
    RT::Attribute->new(RT->SystemUser)->Create(Name => 'Subscription', ContentType => 'storable', Object => $user,
        Content => { DashboardId => 1, Frequency => 'daily', Hour => '06:00', Recipients => {} }) or die;
    $user->SetDisabled(1) if $who->[1];
}
"""
"""Two subscribers who get nothing: one is disabled, the other not privileged (any more)."""


@pytest.fixture
def site(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> Database:
    """A new site with one dashboard that is mailed, and with other, older subscriptions."""
    database = clone(lifecycle.fresh(RELEASE, "mariadb-10.11"))
    tools = rt_tools(RELEASE, database)
    for program in (BEFORE_HER, EVERYBODY):
        done = tools.perl(program, PERSON)
        assert done.code == 0, done.err
    return database


LISTING = Configuration(
    {
        "site.pm": b"1;\n",
        "lib/Listing.pm": b"1;\n",
        "zz.pm": b"""
open my $seen, '>>', '/tmp/processes' or die;
for (glob '/proc/[0-9]*/cmdline') { open my $line, '<', $_ or next; print {$seen} <$line> =~ tr/\\0/ /r, "\\n" }
1;
""",
    }
)
"""A site with modules of its own, for which RT is loaded anew each time; it notes what all can list."""


def judged(tools: Rt, subscribers: Sequence[str], before: jobs.Before) -> Report:
    """Return the report on a release's jobs."""
    report = Report("application", "")
    visit = Visit(tools, "root", "", subscribers=tuple(subscribers))
    jobs.judge(report, visit, log.allowances(), before=before)
    return report


def test_they_are_made_for_somebody_who_gets_any(site: Database, rt_tools: RtFactory) -> None:
    """RT skips the other users without a message, so their dashboards would prove nothing."""
    names = visit_content.subscribers(site)
    assert names == (PERSON,)
    report = judged(rt_tools(RELEASE, site), [*names, "another"], lambda _: None)
    assert report.facts["subscriptions sent"] == 1
    assert (report.findings, report.unanswered) == ([], [])


def test_what_is_mailed_no_longer_is_found(site: Database, rt_tools: RtFactory, tally: Tally) -> None:
    """No message tells of it: the job succeeds, as it also does if nothing was sent before either."""
    asked = "SELECT id FROM Attributes WHERE Name = 'Subscription' ORDER BY id DESC LIMIT 1"
    expected, results = str(site.value(asked)), list[JobResults]()
    silent = rt_tools(RELEASE, site)

    def before(chosen: Sequence[Job]) -> JobResults:
        """Run the same release's jobs while all is well."""
        site.execute(f"UPDATE Users SET EmailAddress = 'x@example.test' {HER}")
        results.append(jobs.collect(rt_tools(RELEASE, site), chosen))
        site.execute(f"UPDATE Users SET EmailAddress = '' {HER}")
        return results[-1]

    site.execute(f"UPDATE Users SET EmailAddress = '' {HER}")
    lost = judged(silent, [PERSON], before)
    [old] = results
    assert list(old.sent.values()) == [[expected]]
    found = [one.samples for one in lost.findings] == [(f"Attributes {expected}",)]
    tally("dashboards-not-mailed", "application", found)
    never = JobResults(RELEASE, old.said, old.codes, {job: [] for job in old.sent})
    as_ever = judged(silent, [PERSON], lambda _: never)
    assert (as_ever.findings, as_ever.unanswered) == ([], [])
    assert "dashboards by mail: none was sent to anybody" in as_ever.out_of_scope
    unknown = judged(silent, [PERSON], lambda _: None)
    assert (unknown.findings, len(unknown.unanswered)) == ([], 1)
    nobody = judged(silent, [], lambda _: None)
    assert (nobody.findings, nobody.unanswered) == ([], [])


def test_no_list_of_processes_names_whoever_gets_them(site: Database, rt_tools: RtFactory) -> None:
    """The names of a site's users are personal data, and everybody on the machine can list its processes."""
    tools = rt_tools(RELEASE, site, configuration=LISTING)
    assert tools.warm is None, "else RT is loaded already, and nothing new is listed"
    limited = Job((*nightly_jobs.JOBS[1], f"--user={PERSON}"))
    results = jobs.collect(tools, [limited])
    assert (results.codes, len(results.sent[limited.name])) == ({limited.name: 0}, 1)
    listed = tools.need("cat", "/tmp/processes")
    assert "perl" in listed
    assert PERSON not in listed
