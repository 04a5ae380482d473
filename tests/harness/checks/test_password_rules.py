"""A site's rules for passwords are for people: they must not keep the harness from its own accounts on a copy."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks.application import mails
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.rt.health_user import health_user
from harness.stage import visitor
from harness.upgrade.lifecycle import Lifecycle

LONG = Configuration({"site.pm": b"Set($MinimumPasswordLength, 60);\n1;\n"})
OWN_RULE = Configuration(
    {
        "site.pm": b"1;\n",
        "lib/RT/User_Local.pm": b"""package RT::User;
use strict;
no warnings 'redefine';
sub ValidatePassword { return $_[1] =~ /!/ ? 1 : (0, 'Passwords need a special character') }
1;
""",
    }
)
OF_PEOPLE = """use RT -init;
my $user = RT::User->new(RT->SystemUser);
print 0 + ($user->Create(Name => 'of-people', Password => 'a' x 24, Privileged => 1))[0];
"""
OPENS = """use RT -init;
my ($name, $password) = @ARGV;
my $user = RT::User->new(RT->SystemUser);
$user->Load($name);
print $user->IsPassword($password) ? 'opens' : 'refused';
"""
GUEST_OF_MAILS = """use RT -init;
GUEST
my ($host, $queue) = guest('harness-0', 'a' x 40);
print $queue->id ? 'made' : 'none';
"""


def said(tools: Rt, program: str, *arguments: str) -> str:
    """Return what a program prints that runs inside RT."""
    done = tools.perl(program, *arguments)
    assert done.code == 0, done.err
    return done.out.strip()


@pytest.mark.engine
@pytest.mark.control("application")
@pytest.mark.parametrize(
    ("release", "rule"), [("4.4.6", LONG), ("5.0.10", LONG), ("4.4.6", OWN_RULE), ("5.0.10", OWN_RULE)]
)
def test_a_rule_for_passwords_keeps_no_account_of_the_harness_away(
    release: str, rule: Configuration, lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Without accounts the whole check has no answer; for everybody else the rule is in force."""
    database = clone(lifecycle.fresh(release, "mariadb-10.11"))
    tools = rt_tools(release, database, configuration=rule)
    assert said(tools, OF_PEOPLE) == "0", "the rule is not in force"
    visit = visitor.prepare_visit(tools, tools, database, {})
    guest = mails.GUEST.read_text(encoding="utf-8")
    assert said(tools, GUEST_OF_MAILS.replace("GUEST\n", guest)) == "made"
    checked = health_user(tools, {})
    accounts = {
        visit.user: visit.password,
        visit.customer: visit.password,
        checked.environment["RT_HEALTHCHECK_USER"]: checked.password,
    }
    assert [said(tools, OPENS, *one) for one in accounts.items()] == ["opens"] * 3
    assert said(tools, OF_PEOPLE) == "0", "the rule has been lifted for everybody"
