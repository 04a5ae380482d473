"""An instance of a scratch deploy has production's own files, and touches neither its database nor its mail."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import PASSWORD, ROOT, with_healthcheck_user
from fixtures.rt import RtFactory
from harness.checks import mails
from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.marathon import scratch
from harness.releases import release
from harness.rt import Rt, rest
from harness.rt.configuration import SITE_CONFIGURATION, Configuration
from harness.upgrade.lifecycle import Lifecycle
from tests.smoke.instances import ALIKE

PRODUCTION = b"""
Set($DatabaseHost, '192.0.2.1');
Set($DatabasePassword, 'of production');
Set(%DatabaseExtraDSN, host => '192.0.2.1');
Set($MailCommand, 'sendmailpipe');
Set($SendmailPath, '/bin/false');
Set($BcryptCost, 4);
1;
"""
# The same as RT 5.0.3 stores what its web page "Edit System Configuration" is told. Later ones refuse to store a
# program, and a row from before comes along.
STORED = """
use RT -init;
my %set = (MailCommand => 'sendmailpipe', SendmailPath => '/bin/false');
for my $name (sort keys %set) {
    my ($id, $said) = RT::Configuration->new(RT->SystemUser)->RT::Record::Create(
        Name => $name, Content => $set{$name}, Disabled => 0);
    die "$name: $said" unless $id;
}
"""


class Mounted(Configuration):
    """A site's own files as a deployment mounts them: nothing that pins a copy is read after them."""

    def inside(self) -> list[tuple[str, bytes]]:
        """Return (absolute path in the container, content) of each file, and of no other."""
        return [(f"{SITE_CONFIGURATION}/{name}", content) for name, content in self.files.items()]


@pytest.fixture
def database(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, version: str, server_name: str
) -> Database:
    """A new site with the health check's user, whose stored options send mail where production does."""
    made = clone(with_healthcheck_user(lifecycle, version, server_name))
    if release(version).major > 4:
        done = rt_tools(version, made).perl(STORED)
        assert done.code == 0, done.err
    return made


@ALIKE
def test_the_sites_own_files_choose_neither_database_nor_mail(
    rt_site: RtFactory, database: Database, version: str
) -> None:
    """They are read last and win, so that a trial would work on what people use, and write to them."""
    site = rt_site(
        version, database, configuration=Mounted({"production.pm": PRODUCTION}), healthcheck_password=PASSWORD,
        environment={scratch.PINNED: "1"},
    )  # fmt: skip
    guarded = site.run("/opt/rt/guard")
    assert guarded.code == 0, guarded.err
    checked = site.run("/opt/rt/healthcheck", "127.0.0.1", "80")
    assert checked.code == 0, checked.out
    with rest.client(site, *ROOT) as client:
        client.create("General", "Stays here", "a mail to somebody", Requestor="somebody@example.org")
    assert any("Stays here" in one for one in subjects(site))


def subjects(site: Rt) -> list[str]:
    """Return the subjects of what the sink got, once it got something."""

    def got() -> list[str]:
        found = [str(one["Subject"]) for one in mails.outbox(site)]
        if not found:
            raise Retry("no mail yet")
        return found

    return wait_until("A mail in the sink", got, 20)
