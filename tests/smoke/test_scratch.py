"""An instance of a scratch deploy must read production's own files but not reach its database or its mail."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import PASSWORD, ROOT, with_healthcheck_user
from fixtures.rt import RtFactory
from harness.checks.application import mails
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
# The row that RT 5.0.3 stores for an option set on its web page "Edit System Configuration". Later releases refuse
# to store a program, but keep such a row from before.
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
    """A site's own files as a deployment mounts them: the file that pins a copy is not read after them."""

    def inside(self) -> list[tuple[str, bytes]]:
        """Return (absolute path in the container, content) of each file, and of no other."""
        return [(f"{SITE_CONFIGURATION}/{name}", content) for name, content in self.files.items()]


@pytest.fixture
def database(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, version: str, server_name: str
) -> Database:
    """A new site with the health check's user, whose stored options send mail as production does."""
    made = clone(with_healthcheck_user(lifecycle, version, server_name))
    if release(version).major > 4:
        done = rt_tools(version, made).perl(STORED)
        assert done.code == 0, done.err
    return made


@ALIKE
def test_the_sites_own_files_choose_neither_database_nor_mail(
    rt_site: RtFactory, database: Database, version: str
) -> None:
    """Site files are read last and override others, so a trial would write to production's database."""
    site = rt_site(
        version,
        database,
        configuration=Mounted({"production.pm": PRODUCTION}),
        healthcheck_password=PASSWORD,
        environment={scratch.PINNED: "1"},
    )
    guarded = site.run("/opt/rt/guard")
    assert guarded.code == 0, guarded.err
    checked = site.run("/opt/rt/healthcheck", "127.0.0.1", "80")
    assert checked.code == 0, checked.out
    with rest.client(site, *ROOT) as client:
        client.create("General", "Stays here", "a mail to somebody", Requestor="somebody@example.org")
    assert any("Stays here" in one for one in subjects(site))


def subjects(site: Rt) -> list[str]:
    """Return the subjects of the mails in the sink, once there are any."""

    def got() -> list[str]:
        found = [str(one["Subject"]) for one in mails.read_outbox(site)]
        if not found:
            raise Retry("no mail yet")
        return found

    return wait_until("A mail in the sink", got, 20)
