"""The application check must find a site that answers 200 and does not work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import web
from harness.checks import application, mails
from harness.checks.application import Visit
from harness.checks.mails import Mails
from harness.lifecycle import Lifecycle
from harness.mutants.application import MUTANTS
from harness.verdict import Report

PARTS: dict[str, Callable[[Report, Visit], None]] = {
    "pages": application._pages,
    "rest": lambda report, visit: application._rest(report, visit, 1),
    "mail": application._mail,
}
EVERYBODY = """
use RT; RT::LoadConfig(); RT::Init();
my $group = RT::Group->new(RT->SystemUser);
$group->LoadSystemInternalGroup('Everyone');
for my $right (qw(CreateTicket ReplyToTicket)) {
    my ($good, $message) = $group->PrincipalObj->GrantRight(Object => RT->System, Right => $right);
    die $message unless $good;
}
my $ticket = RT::Ticket->new(RT->SystemUser);
$ticket->Create(Queue => 'General', Subject => 'Hello World');
"""


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
    """RT answers 200 to nearly everything; its words tell."""
    assert complaint in web.complaint(page)
    assert bool(complaint) == bool(web.complaint(page))


MAIL = [mails.hidden("a@customers.example.test"), "[rt.example.org #N] Hello", "Precedence: bulk"]
SENT = Mails("4.4.6", {"1": "create, answer"}, [MAIL, MAIL])


def compared(after: Mails) -> Report:
    """Return what is said when the old release sent two mails and the new one these."""
    report = Report(application.CHECK, "")
    mails.compare(report, SENT, after)
    return report


@pytest.mark.mutants("application")
@pytest.mark.parametrize(
    "after",
    [
        Mails("5.0.3", SENT.actions, []),
        Mails("5.0.3", SENT.actions, [MAIL]),
        Mails("5.0.3", SENT.actions, [MAIL] * 3),
        Mails("5.0.3", SENT.actions, [MAIL, [mails.hidden("b@customers.example.test"), *MAIL[1:]]]),
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
    """A mail that is no longer sent, or goes to somebody else, is a loss that no page shows."""
    assert compared(after).findings


@pytest.mark.control("application")
def test_the_same_mails_are_no_finding() -> None:
    """And two that look the same are two."""
    assert compared(SENT)


@pytest.mark.engine
@pytest.mark.slow
def test_a_site_that_does_not_work(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, tally: Tally
) -> None:
    """The whole check is silent on a good site; each defect planted under it is found by its part."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    site = rt_site("5.0.3", database)
    done = site.perl(EVERYBODY)
    assert done.code == 0, done.err
    good = application.check(Visit(site, "root", "password"))
    assert good
    for mutant in MUTANTS:
        database.execute(*mutant.statements)
        report = Report(application.CHECK, "")
        visit = Visit(site, "root", "password")
        application._try(report, mutant.part, partial(PARTS[mutant.part], report, visit))
        tally(mutant.name, "application", report.findings)
        database.execute("SET sql_mode = ''", *mutant.undo)
