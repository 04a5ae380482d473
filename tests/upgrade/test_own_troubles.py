"""Defects that a site had before: the checks must tell those that the upgrade causes from the others.

All of them are in one site, and one upgrade serves all tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from docker import DockerClient

from harness.checks.schema import absorbed
from harness.common import cache
from harness.database import Database, schema
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.rt.configuration import Configuration
from harness.stage import Scope, Stage
from harness.stage.copies import Preparation
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("own-troubles")]  # one worker: one upgrade serves all
ORIGIN, TARGET, SERVER = "4.4.6", "5.0.10", "mariadb-10.11"
# A module that is in the older image and not in the later one, like extensions and their modules that come and go.
ONLY_THERE = "UNIVERSAL::require"
# Quicksearch is a component of the older release that the later one lacks; each side allows those it names here.
USUAL = "QuickCreate QueueList MyReminders RefreshHomepage Dashboards Quicksearch OwnBox"
OWN_BOX = {"html/Elements/OwnBox": b"<p>a box of the site's own</p>"}
# The site's own first page, without any of RT's boxes, and with a search for a deleted field.
PORTAL = {
    "html/index.html": b"""<& /Elements/Header, Title => 'Portal' &>
<& /Elements/Tabs &>
<p>Welcome. You have <% $count %> of these.</p>
<%INIT>
my $tickets = RT::Tickets->new($session{CurrentUser});
my ($good) = $tickets->FromSQL("CustomerGroup = 'VIP'");
my $count = $good ? $tickets->CountAll : 'none';
</%INIT>
"""
}


def configured(components: str, files: Mapping[str, bytes]) -> Configuration:
    """Return a site's configuration that allows these components on homepages."""
    return Configuration(
        {"site.pm": f"Set($HomepageComponents, [qw({components})]);\nPlugin('Site::Own');\n1;\n".encode(), **files}
    )


# Modules that nothing in the database names: a job's action, one that loads on both sides, one on neither.
MODULES = {
    "lib/RT/Action/SiteEscalate.pm": f"package RT::Action::SiteEscalate;\nuse {ONLY_THERE};\n1;\n".encode(),
    "plugins/Site-Own/lib/Site/Own.pm": b"package Site::Own;\n1;\n",
    "plugins/Site-Own/lib/Site/Own/Rotation.pm": b"package Site::Own::Rotation;\nuse Service::FromNowhere;\n1;\n",
    "plugins/Not-Loaded/lib/Not/Loaded.pm": f"package Not::Loaded;\nuse {ONLY_THERE};\n1;\n".encode(),
    "lib/RT/Queue_Local.pm": b"package RT::Queue;\n1;\n",
}
OLD = configured(USUAL, {**PORTAL, **OWN_BOX, **MODULES})
NEW = configured(f"{USUAL} FindUser", {**PORTAL, **MODULES})
_TIMES = "Creator INT, Created DATETIME, LastUpdatedBy INT, LastUpdated DATETIME"
BY_SQL = (
    f"CREATE TABLE RTxAuthTokens (id INT PRIMARY KEY, Owner INT, Token VARCHAR(255), Description VARCHAR(255),"
    f" LastUsed DATETIME, {_TIMES}) CHARACTER SET utf8mb4",
    "INSERT INTO RTxAuthTokens VALUES (1, 12, 'x', 'of a program', NULL, 1, NOW(), 1, NOW()),"
    " (2, 12, 'y', 'of another', NULL, 1, NOW(), 1, NOW())",
    f"CREATE TABLE RTxDatabaseSettings (id INT PRIMARY KEY, Name VARCHAR(255), Content LONGTEXT,"
    f" ContentType VARCHAR(80), Disabled SMALLINT, {_TIMES}) CHARACTER SET utf8mb4",
    # From an upgrade long ago; the rows copied then have been deleted since.
    "CREATE TABLE FM_Topics (id INT PRIMARY KEY, Parent INT, Name VARCHAR(255)) CHARACTER SET utf8mb4",
    "INSERT INTO FM_Topics VALUES (900, 0, 'gone since')",
    # Loading these prints, and ends the process.
    "INSERT INTO Templates (Queue, Name, Description, Type, Content) VALUES"
    " (0, 'prints', '', 'Perl', '{ BEGIN { print STDOUT q(noise) } 1 }'),"
    " (0, 'ends', '', 'Perl', '{ BEGIN { exit 3 } 1 }')",
    "UPDATE Attributes SET Content = '' WHERE Description = 'emptied'",
    f"UPDATE CustomFields SET CanonicalizeClass = '{ONLY_THERE}' WHERE Name = 'loads only there'",
)
THROUGH_RT = f"""
use RT -init;
sub need {{ my ($good, $message) = @_; die "$message\\n" unless $good; return $good }}
sub scrip {{ need(RT::Scrip->new(RT->SystemUser)->Create(Queue => 0, Template => 'Blank', @_)) }}

# Code that loads on the old side alone; the scrip is for what nobody does here.
my $use = 'use {ONLY_THERE}; 1;';
scrip(Description => 'loads only there', ScripCondition => 'On Forward', ScripAction => 'User Defined',
    CustomPrepareCode => $use, CustomCommitCode => '1');
need(RT::Template->new(RT->SystemUser)->Create(
    Queue => 0, Name => 'loads only there', Type => 'Perl', Content => "Subject: x\\n\\n{{ $use }}"));
need(RT::CustomField->new(RT->SystemUser)->Create(
    Name => 'loads only there', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket'));

# Broken for years: a module that is nowhere, named and in code, and a list of queues that lacks the new ones.
need(RT::ScripAction->new(RT->SystemUser)->Create(
    Name => 'of nowhere', ExecModule => 'FromNowhere', Argument => ''));
scrip(Description => 'of nowhere', ScripCondition => 'On Create', ScripAction => 'of nowhere');
scrip(Description => 'posts', ScripCondition => 'On Create', ScripAction => 'User Defined',
    CustomPrepareCode => '1', CustomCommitCode => 'require Service::FromNowhere; 1');

# What every site may do with a ticket: name it its own way.
scrip(Description => 'renames', ScripCondition => 'On Create', ScripAction => 'User Defined',
    CustomPrepareCode => '1',
    CustomCommitCode => '$self->TicketObj->SetSubject("[IT] " . $self->TicketObj->Subject)');
# Tickets are handed out by their number, which is another on each copy.
for my $name (qw(first second)) {{
    my $user = RT::User->new(RT->SystemUser);
    need($user->Create(Name => $name, Privileged => 1, EmailAddress => "$name\\@staff.example.test"));
    need($user->PrincipalObj->GrantRight(Right => $_, Object => RT->System)) for qw(OwnTicket ShowTicket SeeQueue);
}}
scrip(Description => 'hands out', ScripCondition => 'On Create', ScripAction => 'User Defined',
    CustomPrepareCode => '1', CustomCommitCode => 'my $ticket = $self->TicketObj;
        $ticket->SetOwner($ticket->id % 2 ? "first" : "second"); 1');
scrip(Description => 'by queue', ScripCondition => 'On Correspond', ScripAction => 'User Defined',
    CustomPrepareCode => '1',
    CustomCommitCode => 'die "nobody for " . $self->TicketObj->QueueObj->Name . "\\\\n"');

# Homepages as people have put them together over the years, and a dashboard.
sub homepage {{
    my ($name, @components) = @_;
    my $user = RT::User->new(RT->SystemUser);
    need($user->Create(Name => $name, Privileged => 1));
    need($user->SetPreferences(HomepageSettings => {{
        sidebar => [], body => [map {{ {{ type => 'component', name => $_ }} }} @components] }}));
}}
homepage('kept', qw(QueueList MyReminders));
homepage('loses', qw(Quicksearch QueueList));
homepage('never had', qw(Nowhere FindUser QueueList));
my $board = RT::Dashboard->new(RT->SystemUser);
need($board->Save(Name => 'own box', Privacy => 'RT::System-1', Panes => {{ sidebar => [], body => [{{
    pane => 'body', portlet_type => 'component', component => 'OwnBox', description => 'OwnBox',
    path => '/Elements/OwnBox' }}] }}));

# Emptied by SQL below.
need(RT->System->AddAttribute(Name => 'SavedSearch', Description => 'emptied', Content => {{
    SearchType => 'Ticket', Query => 'id > 0', Format => "'__id__'" }}));

# Never sent, but with --all; and its dashboard is gone. The only one: a gate renders those of one person.
$RT::Handle->dbh->do("DELETE FROM Attributes WHERE Name = 'Subscription'");
my $root = RT::User->new(RT->SystemUser);
$root->Load('root');
need($root->AddAttribute(Name => 'Subscription', Content => {{ DashboardId => 987654, Frequency => 'never',
    Hour => '06:00', Rows => 20, Recipients => {{ Users => [$root->id], Groups => [] }} }}));
"""


@pytest.fixture(scope="module")
def site(engine: DockerClient) -> Iterator[Stage]:
    """One upgrade of the site, run in the same way as by a gate."""
    lifecycle = Lifecycle(engine, OLD, new_configuration=NEW)

    def trouble(database: Database) -> None:
        with lifecycle.tools(ORIGIN, database) as tools:
            done = tools.perl(THROUGH_RT)
        assert done.code == 0, done.err
        database.execute(*BY_SQL)

    stage = Stage(
        lifecycle,
        choose(ORIGIN, TARGET, SERVER, FOLDER / f"rt-{ORIGIN}-plain.sql.zst"),
        scope=Scope(thorough=False, validates=False),
        preparation=Preparation(
            ("troubles", cache.digest(*BY_SQL, THROUGH_RT)), "making the dump a site with troubles", trouble
        ),
    )
    yield stage
    stage.close()


@pytest.mark.mutants("schema")
def test_what_an_extension_leaves_behind_is_found(site: Stage) -> None:
    """All API tokens are dead after the steps, and their table looks like one of the site's own."""
    report = site.schema()
    assert [one.where for one in report.findings] == ["RTxAuthTokens"]
    assert "2 rows" in report.findings[0].what
    assert "upgrade-authtokens" in report.findings[0].repair
    assert any("1 rows of FM_Topics that are not in Topics" in one for one in report.out_of_scope)


def test_what_the_releases_scripts_copy_is_read(site: Stage) -> None:
    """A script in another form would be ignored silently."""
    assert {(one.script, one.source, one.goal) for one in absorbed.read(site.sides.new())} >= {
        ("upgrade-authtokens", "RTxAuthTokens", "AuthTokens"),
        ("upgrade-configurations", "RTxDatabaseSettings", "Configurations"),
        ("upgrade-assets", "RTxAssets", "Assets"),
        ("upgrade-articles", "FM_Topics", "Topics"),
    }


@pytest.mark.mutants("meaning")
def test_code_that_no_longer_loads_is_found(site: Stage) -> None:
    """Its only other sign is a line in the log, on the day when it is needed."""
    report = site.meaning()
    found = [one for one in report.findings if one.where == "code"]
    assert sorted(one.what.partition(" loaded")[0] for one in found) == [
        "the Perl in 1 modules",
        "the Perl in 1 scrips",
        "the Perl in 1 templates",
        "the canonicalizer of 1 custom fields",
    ]
    assert ("module RT/Action/SiteEscalate.pm",) in [one.samples for one in found]
    assert "SiteEscalate.pm" in str(report)


@pytest.mark.mutants("meaning")
def test_a_homepage_that_dies_is_found(site: Stage) -> None:
    """Its content is unchanged; but a component that does not exist breaks the whole page, for this user only."""
    found = [one for one in site.meaning().findings if one.where != "code"]
    assert [(one.where, one.what.partition(" in ")[0], len(one.samples)) for one in found] == [
        ("dashboards", "'component OwnBox' differs", 1),
        ("homepages", "'component Quicksearch' differs", 1),
    ]
    assert all("HomepageComponents" in one.repair for one in found)
    assert any("was not shown before is shown now" in one for one in site.meaning().allowed)


def test_code_that_never_loaded_is_a_fact(site: Stage) -> None:
    """The same holds for code from a CONFIG that was not given: neither side can load it here."""
    module, scrip, template = site.meaning().facts["code that did not load before either"]
    assert module == "module Site/Own/Rotation.pm, code"
    assert scrip.endswith(", action")
    assert template.endswith(", code"), "the one that ends whoever loads it; the one that prints does load"


def test_nothing_of_the_code_itself_is_told(site: Stage) -> None:
    """Scrips contain passwords of the services that they use."""
    report = site.meaning()
    text = "\n".join((str(report), str(report.facts), report.to_json()))
    assert ONLY_THERE not in text
    assert "FromNowhere" not in text


@pytest.mark.control("run")
def test_a_search_that_was_emptied_years_ago_is_no_finding(site: Stage) -> None:
    """The steps read every saved search and complain of this one, which the old release cannot read either."""
    number = site.sides.before().value("SELECT id FROM Attributes WHERE Description = 'emptied'")
    report = site.ran()
    assert report, str(report)
    assert f"RT {ORIGIN} cannot read the content of attribute {number} either" in report.allowed
    [line] = [one for one in site.meaning().out_of_scope if "saved searches" in one]
    assert line.startswith("1 of ")
    assert line.endswith(f"which both releases cannot read: {number}")


@pytest.mark.control("application")
def test_what_the_old_release_complained_of_as_well_is_no_finding(site: Stage) -> None:
    """Examples: scrips that fail at every ticket or rename it, subscriptions to deleted objects, an own page."""
    report = site.application()
    assert report, str(report)
    assert len(report.facts["known from the old release: log"]) >= 4
    assert any("Unknown field" in one for one in report.facts["known from the old release: log"])
    assert any("rt-email-dashboards" in one for one in report.facts["known from the old release: jobs"])
    assert report.facts["known from the old release: pages and tickets"] == [
        "/: GET /: the page does not hold '...'",
        "REST: the subject came back as another text",
    ]


def test_what_was_copied_is_no_finding_any_more(site: Stage) -> None:
    """Copied by the release's own script, after the steps of a plan; other rows of the same ids do not count."""
    site.schema()  # other tests must not see the rows written here, in any order
    site.meaning()
    script = "/opt/rt/upgrade/upgrade-authtokens"
    done = site.sides.new().run("perl", script, "--dba-password", "not asked for")
    assert done.code == 0, done.err
    assert left(site) == []
    site.sides.after().execute("UPDATE AuthTokens SET Created = Created + INTERVAL 1 DAY WHERE id = 2")
    assert left(site) == ["RTxAuthTokens: 1 rows"]


def left(site: Stage) -> list[str]:
    """Return the check's findings about the extensions' tables in their current state."""
    report = Report("schema", "")
    before, after = (schema.read(one) for one in (site.sides.before(), site.sides.after()))
    absorbed.judge(report, absorbed.read(site.sides.new()), before, after, site.sides.after())
    return [f"{one.where}: {one.what.partition(' of ')[0]}" for one in report.findings]
