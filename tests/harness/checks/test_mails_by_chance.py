"""A scrip that chooses owners at random must cause no finding; a mail that is no longer sent must."""

from __future__ import annotations

from collections import Counter

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import application, mails
from harness.checks.mails_by_chance import Chance, Mail, between
from harness.database import Database
from harness.errors import InfrastructureError
from harness.stage import old_side
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

OWNER, ANSWER = ("given to you", "bulk"), ("thank you", "bulk")
NOTHING: tuple[dict[str, str], dict[str, str]] = ({}, {})


def owned(*people: str) -> list[Mail]:
    """Return mails about a new owner to each of these."""
    return [(one, *OWNER) for one in people]


def left(chance: Chance, before: list[Mail], after: list[Mail]) -> tuple[int, int]:
    """Return the numbers of mails reported as lost and as new."""
    old, new = Counter(before), Counter(after)
    lost, come = chance.left(old - new, new - old)
    return lost.total(), come.total()


@pytest.mark.control("mails by chance")
def test_recipients_that_differ_each_time_are_left_out() -> None:
    """The third run may have a recipient that neither of the first two had."""
    chance = between(owned("a", "b"), owned("b", "c"), NOTHING)
    assert left(chance, owned("a", "b"), owned("d", "d")) == (0, 0)
    assert left(Chance(), owned("a", "b"), owned("d", "d")) == (2, 2)


@pytest.mark.mutants("application")
def test_a_mail_that_is_lost_beside_them_is_found() -> None:
    """A mail's recipient may be random, but not that it is sent; mails of other kinds are not random at all."""
    chance = between(owned("a", "b"), owned("b", "c"), NOTHING)
    assert left(chance, owned("a", "b"), owned("d")) == (1, 0)
    assert left(chance, owned("a"), owned("d", "e")) == (0, 1)
    assert left(chance, [("a", *ANSWER), *owned("a")], owned("b")) == (1, 0)
    assert left(chance, [("a", *ANSWER)], [("b", *ANSWER)]) == (1, 1)


def test_a_mail_that_does_not_always_come_is_left_out() -> None:
    """If the new owner is the actor himself, no mail is sent; other mails are compared as usual."""
    chance = between(owned("a"), [], NOTHING)
    assert left(chance, owned("a", "b"), []) == (0, 0)
    assert left(chance, [("a", *ANSWER)], []) == (1, 0)


def test_what_becomes_of_a_ticket_by_chance_is_left_out_of_that_queue() -> None:
    """The other queues are compared."""
    chance = between([], [], ({"1": "create", "2": "create"}, {"1": "create with an owner", "2": "create"}))
    assert chance.queues == {"1"}


LOT = """
use RT -init;
sub need { my ($good, $message) = @_; die "$message\\n" unless $good; return $good }
for my $name (qw(one two)) {
    my $user = RT::User->new(RT->SystemUser);
    need($user->Create(Name => $name, Privileged => 1, EmailAddress => "$name\\@staff.example.test"));
    need($user->PrincipalObj->GrantRight(Right => $_, Object => RT->System)) for qw(OwnTicket ShowTicket SeeQueue);
}
need(RT::Scrip->new(RT->SystemUser)->Create(Queue => 0, Template => 'Blank', Description => 'hands out',
    ScripCondition => 'On Create', ScripAction => 'User Defined', CustomPrepareCode => '1',
    CustomCommitCode => 'my $ticket = $self->TicketObj; $ticket->SetOwner($ticket->id % 2 ? "one" : "two"); 1'));
"""


@pytest.mark.engine
def test_owners_by_lot(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """The owner depends on the ticket's number, different on each copy: the old release's second run shows it."""
    fresh = lifecycle.fresh("5.0.3", "mariadb-10.11")

    def work(database: Database) -> None:
        done = rt_tools("5.0.3", database).perl(LOT)
        assert done.code == 0, done.err

    made = lifecycle.baselines.of_clone(fresh, ["owners by lot", LOT], "making a scrip that hands out", work)
    first, second, third = (clone(made) for _ in range(3))
    old_side.renumber(second)
    third.execute("ALTER TABLE Tickets AUTO_INCREMENT = 1002")
    before = mails.sent(rt_tools("5.0.3", first), queues=["1"])
    assert any("owner" in action for action in before.actions.values())
    asked: list[mails.Mails] = []

    def again() -> mails.Mails:
        asked.append(mails.sent(rt_tools("5.0.3", second), queues=["1"]))
        return asked[-1]

    report = Report(application.CHECK, "")
    mails.judge(report, before, rt_tools("5.0.3", third), again=again)
    assert asked, "the tickets have other numbers there, so others get them"
    assert report.findings == [], str(report)
    assert any("to whom" in one for one in report.out_of_scope)


def test_where_nobody_could_be_asked_again_the_finding_stays() -> None:
    """Without room for one more copy, the finding is reported with that as an open question."""
    report = Report(application.CHECK, "")

    def nobody() -> None:
        raise InfrastructureError("The engine's disk has 0.1 GB free.")

    assert mails._chance(report, mails.Mails("4.4.6", {}, []), nobody) == Chance()
    assert report.unanswered == ["whether mails go to others each time: The engine's disk has 0.1 GB free."]
