"""Somebody to try an upgraded site with: an account of the harness's own, and a queue that takes its mail.

Both are made on the copy, through RT itself, after everything that only reads has been read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from harness.checks.application import Visit
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import SITE_CONFIGURATION, Rt

QUICK_LOGINS = (f"{SITE_CONFIGURATION}/~visitor.pm", b"Set($BcryptCost, 10);\n1;\n")
"""For the site that is tried out: at the usual cost a login takes as long as four pages; REST 2 has one a call."""

_MAKE = """
use strict; use warnings; use RT; RT::LoadConfig(); RT->Config->Set(LogToSTDERR => 'critical'); RT::Init();
RT->Config->Set(BcryptCost => 10);
my ($name, $password, $queue_name) = @ARGV;
my $user = RT::User->new(RT->SystemUser);
my ($good, $message) = $user->Create(
    Name => $name, Password => $password, EmailAddress => "$name\\@harness.example.test", Privileged => 1);
die "no account: $message\\n" unless $good;
($good, $message) = $user->PrincipalObj->GrantRight(Right => 'SuperUser', Object => RT->System);
die "no rights: $message\\n" unless $good;
my $queue = RT::Queue->new(RT->SystemUser);
($good, $message) = $queue->Create(Name => $queue_name, CorrespondAddress => "$queue_name\\@harness.example.test");
die "no queue: $message\\n" unless $good;
my $everyone = RT::Group->new(RT->SystemUser);
$everyone->LoadSystemInternalGroup('Everyone');
for my $right (qw(CreateTicket ReplyToTicket)) {
    ($good, $message) = $everyone->PrincipalObj->GrantRight(Right => $right, Object => $queue);
    die "no right to write: $message\\n" unless $good;
}
"""


def invite(
    tools: Rt, site: Rt, database: Database, accounts: Mapping[str, str], *, thorough: bool = False
) -> Visit:
    """Make the account and the queue, and return the visit that uses them. accounts: to log in with as well."""
    name, password = f"harness-{secrets.token_hex(4)}", secrets.token_hex(12)
    done = tools.perl(_MAKE, name, password, name)
    if done.code:
        raise InfrastructureError(
            f"No account could be made on the copy to try the site with (exit code {done.code}).",
            [("Errors", "\n".join(done.err.splitlines()[-5:]))],
        )
    charset = database.value(
        "SELECT character_set_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND table_name = 'Tickets' AND column_name = 'Subject'"
    )
    tickets = database.rows(
        "SELECT id FROM Tickets WHERE Type = 'ticket' AND Status <> 'deleted' AND EffectiveId = id "
        "ORDER BY id DESC LIMIT %s",
        (3 if thorough else 1,),
    )
    # Those of people are theirs alone; the ones that became somebody's homepage are seen there.
    dashboards = database.rows(
        "SELECT id FROM Attributes WHERE Name = 'Dashboard' AND ObjectType IN ('RT::System', 'RT::Group') "
        "ORDER BY id LIMIT %s",
        (20 if thorough else 1,),
    )
    subscribers = database.rows(
        "SELECT u.Name FROM Attributes a JOIN Users u ON u.id = a.ObjectId "
        "WHERE a.Name = 'Subscription' AND a.ObjectType = 'RT::User' GROUP BY u.Name ORDER BY COUNT(*), MIN(a.id)"
    )
    people = {who: word for who, word in accounts.items() if who not in ("root", "healthcheck")}
    return Visit(
        site, name, password, queue=name, emoji=charset == "utf8mb4",
        tickets=tuple(int(one) for (one,) in tickets), dashboards=tuple(int(one) for (one,) in dashboards),
        people=people if thorough else dict(list(people.items())[:2]), thorough=thorough,
        subscribers=tuple(str(one) for (one,) in subscribers),
    )  # fmt: skip
