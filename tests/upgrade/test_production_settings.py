"""A real site's configuration must not connect a copy to production, nor prevent a trial of the copy."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from docker import DockerClient

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import ROOT
from fixtures.rt import RtFactory
from harness.checks import log
from harness.checks.preflight import configuration as preflight_configuration
from harness.checks.preflight import identity as preflight_identity
from harness.database import Database
from harness.dump.choice import DEFAULT_SERVER, choose
from harness.errors import UsageError
from harness.rt import Rt, web
from harness.rt.configuration import LAST, Configuration
from harness.stage import Stage, visit_content
from harness.upgrade.guard import WAIT
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
PRODUCTION = Configuration(
    {
        "RT_SiteConfig.pm": b"""
Set($DatabaseType, 'Pg');
Set($DatabaseHost, 'db.example.org');
Set($DatabaseName, 'rt_production');
Set($DatabaseUser, 'rt_user');
Set($DatabasePassword, 'of production');
Set($WebDomain, 'rt.example.org');
Set($WebPort, 443);
Set($WebPath, '/rt');
Set($WebBaseURL, 'https://rt.example.org');
Set($WebSecureCookies, 1);
Set($WebRemoteUserAuth, 1);
Set($WebFallbackToRTLogin, 0);
Set($LogToSTDERR, undef);
Set($LogToSyslog, 'debug');
Set(%ExternalStorage, Type => 'Disk', Path => '/srv/attachments');
Set($ExternalAuthPriority, ['Directory']);
Set($ExternalInfoPriority, ['Directory']);
Set($ExternalSettings, {Directory => {type => 'ldap', server => 'ldap.example.org', base => 'dc=example',
    filter => '(objectClass=*)', attr_match_list => ['Name'], attr_map => {Name => 'uid'}}});
1;
"""
    }
)
ASK = """
use JSON; use RT -init;
print JSON->new->canonical->encode({map { $_ => scalar RT->Config->Get($_) } @ARGV});
"""
BY_DATABASE = """
use RT -init;
my %set = (WebSecureCookies => 1, WebFallbackToRTLogin => 0, ExternalStorage => { Type => 'Disk', Path => '/a' });
for my $name (sort keys %set) {
    my ($id, $said) = RT::Configuration->new(RT->SystemUser)->Create(Name => $name, Content => $set{$name});
    die "$name: $said" unless $id;
}
"""


def options(tools: Rt, *names: str) -> dict[str, object]:
    """Return the values that RT has for these options."""
    done = tools.perl(ASK, *names)
    assert done.code == 0, done.err
    found: dict[str, object] = json.loads(done.out)
    return found


@pytest.mark.parametrize("version", ["4.4.6", "5.0.3"])
def test_a_copy_stays_on_its_own_database_and_can_be_used(
    engine: DockerClient, lifecycle: Lifecycle, clone: CloneFactory, version: str
) -> None:
    """Users must be able to log in, and errors be reported, although production uses TLS, SSO and a directory."""
    database = clone(lifecycle.fresh(version, DEFAULT_SERVER))
    site = Lifecycle(engine, PRODUCTION).site(version, database)
    try:
        said = options(site, "DatabaseHost", "DatabaseName", "DatabaseType", "WebPath", "LogToSTDERR")
        assert (said["DatabaseHost"], said["DatabaseName"]) == (database.host, "rt")
        assert (said["DatabaseType"], said["WebPath"], said["LogToSTDERR"]) == ("mysql", "", "warning")
        web.login(site, *ROOT).close()
        bad, _ = log.complaints(log.records(site.container.logs().splitlines()), log.allowances(), "site")
        assert [one.message for one in bad] == []
    finally:
        site.remove()


def test_nor_by_options_in_the_database(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """In RT 5 options in the database override those in files."""
    database = clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER))
    done = rt_tools("5.0.3", database).perl(BY_DATABASE)
    assert done.code == 0, done.err
    said = options(rt_tools("5.0.3", database), "WebSecureCookies", "WebFallbackToRTLogin", "ExternalStorage")
    assert said == {"WebSecureCookies": 0, "WebFallbackToRTLogin": 1, "ExternalStorage": {}}


def test_the_report_says_which_options_were_not_taken(rt_tools: RtFactory) -> None:
    """The report must explain why a copy answers at another address."""
    report = Report("preflight", "")
    preflight_configuration.judge(report, PRODUCTION, None, rt_tools("5.0.3", None), ("4.4.6", "5.0.3"))
    told = report.facts[preflight_configuration.PINNED]
    assert {
        "DatabaseHost",
        "DatabasePassword",
        "WebPath",
        "LogToSTDERR",
        "ExternalAuthPriority",
        "ExternalStorage",
    } <= {*told}
    assert "ExternalSettings" not in told


LEADS_AWAY = Configuration(
    {
        "site.pm": b"""
{ no warnings 'redefine'; my $get = \\&RT::Config::Get;
  *RT::Config::Get = sub { $_[1] eq 'DatabaseHost' ? 'localhost' : goto &$get }; }
1;
"""
    }
)


@pytest.fixture
def stage(engine: DockerClient, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The usual upgrade with a configuration of its own."""
    made = Stage(Lifecycle(engine, request.param), choose())
    yield made
    made.close()


@pytest.mark.parametrize("stage", [LEADS_AWAY], indirect=True)
def test_an_upgrade_of_another_database_is_not_begun(stage: Stage) -> None:
    """A configuration is a program: code that runs later can override the options of the last file.

    That other database may be the one in production: the copy's server is waited for, no other one.
    """
    tools, started = stage.sides.new(), time.monotonic()
    with pytest.raises(UsageError, match="works on another database than the copy"):
        preflight_identity.guard(tools)
    assert time.monotonic() - started < WAIT
    for question in (stage.preflight, stage.ran):
        with pytest.raises(UsageError, match="works on another database than the copy"):
            question()


LOCAL = b"""
package RT::Handle; use strict; no warnings 'redefine';
my $own = \\&BuildDSN;
*BuildDSN = sub {
    my $self = shift;
    $own->($self, @_);
    $self->{dsn} =~ s/host=[^;]*/host=%s/;
    return $self->{dsn};
};
1;
"""


def test_code_that_builds_its_own_connection_is_found(
    engine: DockerClient, lifecycle: Lifecycle, clone: CloneFactory
) -> None:
    """Sites do so for TLS, or for a fail-over server. The connection may reach production from here."""
    baseline = lifecycle.fresh("5.0.3", DEFAULT_SERVER)
    copy, other = clone(baseline), clone(baseline)
    for host, refused in ((copy.host, False), (other.host, True)):
        own = {"lib/RT/Handle_Local.pm": LOCAL.replace(b"%s", host.encode()), "site.pm": b"1;\n"}
        made = Lifecycle(engine, Configuration(own))
        with pytest.raises(UsageError, match="another database server") if refused else nullcontext():
            made.tools("5.0.3", copy).remove()


def test_what_is_pinned_in_files_is_pinned_in_the_database() -> None:
    """One file holds both lists of pinned options, and in RT 5 options in the database take precedence."""
    text = LAST.read_text(encoding="utf-8")
    pattern = text[text.rindex("=~ /^") + 3 :].partition("\\z/x")[0].removeprefix("/") + r"\Z"
    assert [name for name in Configuration.pinned() if not re.match(pattern, name, re.VERBOSE)] == []


def answers(database: Database, *, notifies_actor: bool = False) -> int:
    """Return the number of events for which the global scrips send mail."""
    return visit_content.expected_answers(database, notifies_actor=notifies_actor)


@pytest.mark.parametrize("version", ["4.4.4", "5.0.10"])
def test_no_mail_is_expected_of_scrips_that_are_switched_off(
    lifecycle: Lifecycle, clone: CloneFactory, version: str
) -> None:
    """Many sites send no acknowledgement, or configure it per queue."""
    database = clone(lifecycle.fresh(version, DEFAULT_SERVER))
    assert answers(database) == 2
    database.execute("UPDATE Scrips SET Disabled = 1 WHERE Description LIKE 'On Create Auto%'")
    assert answers(database) == 1
    database.execute("DELETE FROM ObjectScrips WHERE ObjectId = 0")
    assert answers(database) == 0
    assert visit_content.harmless_words(database, [1]) == frozenset()
    database.execute("INSERT INTO Tickets (Queue, EffectiveId, Subject) VALUES (1, 1, 'Internal Server Error')")
    assert visit_content.harmless_words(database, [1]) == {"Internal Server Error"}


@pytest.mark.parametrize("version", ["4.4.4", "5.0.10"])
def test_no_mail_is_expected_that_rt_does_not_send(
    lifecycle: Lifecycle, clone: CloneFactory, version: str
) -> None:
    """The requestor who opens a ticket is its actor; RT notifies actors of their own actions only if told to."""
    database = clone(lifecycle.fresh(version, DEFAULT_SERVER))
    database.execute(
        "UPDATE Scrips SET ScripAction = (SELECT id FROM ScripActions WHERE Name = 'Notify Requestors')"
        " WHERE Description LIKE 'On Create Auto%'"
    )
    assert (answers(database), answers(database, notifies_actor=True)) == (1, 2)
    argument = "UPDATE ScripActions SET Argument = CONCAT('Requestor,', '{}') WHERE Name = 'Notify Requestors'"
    database.execute(argument.format("AlwaysNotifyActor"))
    assert answers(database) == 2
    database.execute(argument.format("NeverNotifyActor"))
    assert answers(database, notifies_actor=True) == 1
    database.execute("UPDATE Templates SET Queue = 1 WHERE Queue = 0 AND Name LIKE 'Correspondence%'")
    assert answers(database) == 0, "a new queue has no such template"
    database.execute("UPDATE Templates SET Queue = 0 WHERE Queue = 1", "UPDATE Templates SET Content = ''")
    assert answers(database, notifies_actor=True) == 0, "an empty one makes no mail"
