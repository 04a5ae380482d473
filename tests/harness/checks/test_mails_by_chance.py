"""A scrip that chooses owners at random must cause no finding; a mail that is no longer sent must."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import application
from harness.checks.application import mails, mails_by_chance
from harness.checks.application.mails import Mails
from harness.checks.application.mails_by_chance import Chance, Mail
from harness.database import Database
from harness.engine.commands import CommandResult
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.stage import old_side
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

CUSTOMER, COLLEAGUE, _ = map(mails.hide_addresses, mails.CUSTOMERS)
OWNER, ANSWER = ("given to you", "bulk"), ("thank you", "bulk")
NOTHING: tuple[dict[str, str], dict[str, str]] = ({}, {})


def owned(*people: str) -> list[Mail]:
    """Return mails about a new owner to each of these."""
    return [(one, *OWNER) for one in people]


def between(first: list[Mail], second: list[Mail]) -> Chance:
    """Return the differences between the mails of two runs, if the harness's customer is known."""
    return mails_by_chance.differences_between(first, second, NOTHING, [CUSTOMER, COLLEAGUE])


def left(chance: Chance, before: list[Mail], after: list[Mail]) -> tuple[int, int]:
    """Return the numbers of mails reported as lost and as new."""
    lost, come = chance.unexplained(Counter(before), Counter(after))
    return lost.total(), come.total()


@pytest.mark.control("mails by chance")
def test_recipients_that_differ_each_time_are_left_out() -> None:
    """The third run may have a recipient that neither of the first two had."""
    chance = between(owned("a", "b"), owned("b", "c"))
    assert left(chance, owned("a", "b"), owned("d", "d")) == (0, 0)
    assert left(Chance(), owned("a", "b"), owned("d", "d")) == (2, 2)


@pytest.mark.mutants("application")
def test_a_mail_that_is_lost_beside_them_is_found() -> None:
    """A mail's recipient may be random, but not that it is sent; mails of other kinds are not random at all."""
    chance = between(owned("a", "b"), owned("b", "c"))
    assert left(chance, owned("a", "b"), owned("d")) == (1, 0)
    assert left(chance, owned("a", "b"), owned("c", "d", "e")) == (0, 1)
    assert left(chance, [("a", *ANSWER), *owned("a", "b")], owned("b", "c")) == (1, 0)
    assert left(chance, [("a", *ANSWER)], [("b", *ANSWER)]) == (1, 1)


@pytest.mark.control("mails by chance")
def test_a_mail_that_does_not_always_come_is_left_out() -> None:
    """If the new owner is the actor himself, no mail is sent; other mails are compared as usual."""
    chance = between(owned("a", "b"), owned("c"))
    for after in (owned("a", "b"), owned("d", "e"), owned("d")):
        assert left(chance, owned("a", "b"), after) == (0, 0)
    assert left(chance, [("a", *ANSWER), *owned("a", "b")], owned("c")) == (1, 0)


@pytest.mark.mutants("application")
def test_fewer_or_more_mails_than_both_times_are_found() -> None:
    """A random number of mails explains no other number: all that is lost with the upgrade would be left out."""
    chance = between(owned("a", "b", "c"), owned("a", "b"))
    assert left(chance, owned("a", "b", "c"), owned("d")) == (1, 0)
    assert left(chance, owned("a", "b", "c"), []) == (2, 0)
    assert left(chance, owned("a", "b", "c"), owned("a", "b", "c", "d", "e")) == (0, 2)


@pytest.mark.mutants("application")
def test_a_requestor_who_is_no_longer_told_is_found() -> None:
    """All mails of a ticket have one subject, so the mail to a random owner must explain none but its own loss."""
    first, second = owned("owner 1", CUSTOMER, "admins"), owned("owner 2", CUSTOMER, "admins")
    chance = between(first, second)
    assert left(chance, first, owned("owner 1", "admins", "admins")) == (1, 1)
    assert left(chance, first, owned("owner 3", CUSTOMER, "admins")) == (0, 0)
    chance = between(first, owned("owner 2", "admins", "admins"))
    assert left(chance, first, owned("owner 1", "admins", "admins")) == (1, 0), "not even if it was so once"


@pytest.mark.mutants("application")
def test_a_requestor_lost_from_a_mail_to_a_random_owner_is_found() -> None:
    """One mail may go to both of them; then the owner alone may be another one each time."""
    first, second = owned(f"owner 1, {CUSTOMER}"), owned(f"{CUSTOMER}, owner 2")
    chance = between(first, second)
    assert left(chance, first, owned(f"{CUSTOMER}, owner 3")) == (0, 0)
    assert left(chance, first, owned("owner 3")) == (1, 1)
    assert left(chance, first, owned(f"{COLLEAGUE}, owner 3")) == (1, 1)


@pytest.mark.mutants("application")
def test_a_lost_mail_with_a_random_number_is_found() -> None:
    """A number in the subject must not make a mail one that comes by chance; the number of a queue is no such."""
    of_queue: Mail = ("a", "queue 12, X0002", "bulk")
    before, second, after = ([("a", f"queue 1, X{number}", "bulk"), of_queue] for number in (17, 18, 19))
    chance = between(before, second)
    assert left(chance, before, after) == (0, 0)
    assert left(chance, before, after[1:]) == (1, 0)
    assert left(chance, before, after[:1]) == (1, 0)


LIFE = "create with an owner, answer, status resolved"


def judged(second: Mails, after: Mails) -> list[str]:
    """Return the findings if the old release sends three mails in the first run, and does `second` in another."""
    before = Mails("4.4.6", {"1": LIFE}, [list(one) for one in owned("a", "b", "c")])
    report = Report(application.CHECK, "")
    mails.compare(report, before, after, chance=mails.chance_differences(report, before, lambda: second))
    return [one.what for one in report.findings]


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        ("create, answer", False),
        (LIFE, False),
        ("create", True),
        pytest.param("", True, marks=pytest.mark.mutants("application")),
    ],
)
def test_an_outcome_must_be_one_of_the_two(outcome: str, found: bool) -> None:
    """A scrip that hands out some tickets only must not hide that no ticket can be made there any more."""
    second = Mails("4.4.6", {"1": "create, answer"}, [list(one) for one in owned("a", "b")])
    after = Mails("5.0.3", {"1": outcome}, second.mails if outcome else [])
    now = [f"in queue 1: {LIFE} before, {outcome or 'nothing'} now"] if found else []
    assert judged(second, after) == now + ["2 mails are no longer sent, or changed"] * (not outcome)


def test_a_ticket_that_could_not_be_made_once_explains_nothing() -> None:
    """The old release's second run failed, and proves nothing about tickets that the new one does not make."""
    nothing = Mails("4.4.6", {"1": ""}, [])
    assert judged(nothing, nothing) == [f"in queue 1: {LIFE} before, nothing now"]


MAIL = """From mail-sink@localhost Thu Nov 26 13:00:00 2026
To: a@staff.example.test, inc{0}@staff.example.test
From: INC000{0} <help@example.test>
Reply-To: help-INC{0}@example.test
Subject: [INC000{0}] queue 1234: P{0}X of A911234
RT-Ticket: example.test #{0}

"""


def test_a_tickets_number_is_removed_wherever_it_is() -> None:
    """Letters around a number must not make a mail of each ticket another kind, which comes by chance."""
    kinds = set()
    for number in (1234, 1235):
        out = MAIL.format(number)
        container = SimpleNamespace(run=lambda _, out=out: CommandResult(0, out, ""))
        [mail] = mails.mails_about(cast(Rt, SimpleNamespace(container=container)), "mark", [1233, number])
        kinds.add(mail)
    [mail] = kinds
    assert mail[:2] == ("a@staff.example.test, incN@staff.example.test", "[INCN] queue 1234: PNX of A911234")


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
    before = mails.collect(rt_tools("5.0.3", first), queues=["1"])
    assert any("owner" in action for action in before.actions.values())
    asked: list[Mails] = []

    def again() -> Mails:
        if not asked:
            asked.append(mails.collect(rt_tools("5.0.3", second), queues=["1"]))
        return asked[0]

    report = Report(application.CHECK, "")
    mails.judge(report, before, rt_tools("5.0.3", third), again=again)
    assert asked, "the tickets have other numbers there, so others get them"
    assert report.findings == [], str(report)
    assert any("to whom" in one for one in report.out_of_scope)
    assert found_without_customers(before, again), "which must be the addresses that RT sends to"


def found_without_customers(before: Mails, again: Callable[[], Mails]) -> bool:
    """Tell whether all mails to the harness's customers are found as lost, if others get as many instead."""
    customers = set(map(mails.hide_addresses, mails.CUSTOMERS))
    assert customers <= {one for mail in before.mails for one in mail[0].split(", ")}
    sent = [
        ["somebody", *mail[1:]] if customers.intersection(mail[0].split(", ")) else mail for mail in before.mails
    ]
    lost = sum(mail[0] == "somebody" for mail in sent)
    report = Report(application.CHECK, "")
    chance = mails.chance_differences(report, before, again)
    mails.compare(report, before, Mails("5.0.3", before.actions, sent), chance=chance)
    return report.findings[0].what == f"{lost} mails are no longer sent, or changed"


def test_where_nobody_could_be_asked_again_the_finding_stays() -> None:
    """Without room for one more copy, the finding is reported with that as an open question."""
    report = Report(application.CHECK, "")

    def nobody() -> None:
        raise InfrastructureError("The engine's disk has 0.1 GB free.")

    assert mails.chance_differences(report, mails.Mails("4.4.6", {}, []), nobody) == Chance()
    assert report.unanswered == ["whether mails go to others each time: The engine's disk has 0.1 GB free."]
