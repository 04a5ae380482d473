"""The homepages of real people are opened also on a dump whose passwords nobody knows."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import application
from harness.checks.application import pages
from harness.checks.application.trial_visit import Visit
from harness.database import Database
from harness.dump.choice import choose
from harness.rt.configuration import Configuration
from harness.stage import visit_content, visitor
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

RELEASE = "5.0.3"
# Dies on the homepage of whoever has this comment.
PLANTED = {
    "html/Callbacks/Site/autohandler/Default": b"""<%INIT>
die 'planted' if $m->request_comp->path eq '/index.html' && $session{CurrentUser} && $session{CurrentUser}->id
    && ($session{CurrentUser}->UserObj->Comments // '') eq 'planted';
</%INIT>
"""
}


@pytest.fixture
def database(lifecycle: Lifecycle, clone: CloneFactory) -> Database:
    """Return a copy of a site's database."""
    choice = choose(RELEASE)
    return clone(lifecycle.restored(choice.dump, choice.pair.server))


def judged(visit: Visit) -> Report:
    """Return a report of the homepages alone."""
    report = Report(application.CHECK, "")
    pages.open_homepages(report, visit)
    return report


@pytest.mark.engine
@pytest.mark.mutants("application")
def test_a_homepage_that_dies_is_found(database: Database, rt_site: RtFactory) -> None:
    """Each person's homepage is another one; that of the harness's own account has nothing of theirs."""
    people = visit_content.people_with_homepages(database)
    site = rt_site(RELEASE, database, configuration=Configuration(PLANTED), files=[visitor.QUICK_LOGINS])
    visit = visitor.prepare_visit(site, site, database, {})
    assert [*visit.people] == [*people.values()][:2]
    good = judged(visit)
    assert (good.looked_at, good.findings, good.unanswered) == (2, [], [])
    database.execute(f"UPDATE Users SET Comments = 'planted' WHERE id = {next(iter(people))}")
    (found,) = judged(visit).findings
    assert "homepage of account 1" in str(found)


@pytest.mark.engine
def test_only_people_who_can_log_in_are_chosen(database: Database, rt_site: RtFactory) -> None:
    """Nobody is enabled or made privileged for a look, and what was left is said."""
    (first, *others) = visit_content.people_with_homepages(database)
    database.execute(f"UPDATE Principals SET Disabled = 1 WHERE id = {first}")
    assert [*visit_content.people_with_homepages(database)] == others
    site = rt_site(RELEASE, database, files=[visitor.QUICK_LOGINS])
    visit = visitor.prepare_visit(site, site, database, {"somebody": "with a password"})
    assert ([*visit.people], visit.homepages_left) == (["somebody"], len(others))
    said = judged(visit).out_of_scope
    assert said == [f"homepages of others: {len(others)}"]
