"""A copy of real data must send no mail, whatever the site's configuration says, and wherever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks.application import mails
from harness.dump.choice import DEFAULT_SERVER
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle

OUTSIDE = "/tmp/outside"
PROGRAM = f"-e 'open F, q(>), q({OUTSIDE}); print F <STDIN>' --"
LEAVES = f"""
Set($MailCommand, 'sendmailpipe');
Set($SendmailPath, '/usr/bin/perl');
Set($SendmailArguments, q{{{PROGRAM}}});
Set($SendmailBounceArguments, q{{{PROGRAM}}});
1;
"""
NAMES = ("20-site", "~~z", "~harness~", "\N{LATIN SMALL LETTER U WITH DIAERESIS}", "\U0010fffd~")
# The same through the web page "Edit System Configuration" of RT 5.
LEAVES_IN_DATABASE = f"""
use RT -init;
my %set = (MailCommand => 'sendmailpipe', SendmailPath => '/usr/bin/perl', SendmailArguments => q{{{PROGRAM}}});
for my $name (sort keys %set) {{
    my ($id, $said) = RT::Configuration->new(RT->SystemUser)->Create(Name => $name, Content => $set{{$name}});
    die "$name: $said" unless $id;
}}
"""
SEND = """
use RT -init;
use MIME::Entity;
use RT::Interface::Email;
my $mail = MIME::Entity->build(
    From => 'rt@example.org', To => 'someone@example.org', Subject => 'stays here', Data => ['text']);
print RT::Interface::Email::SendEmail(Entity => $mail);
"""


def went(tools: Rt) -> tuple[list[str], bool]:
    """Send a mail; return the subjects that the sink got, and whether the other program was run."""
    done = tools.perl(SEND)
    assert (done.code, done.out) == (0, "1"), done.err
    left = tools.run("test", "-e", OUTSIDE).code == 0
    return [str(one["Subject"]) for one in mails.read_outbox(tools)], left


@pytest.mark.parametrize("number", range(len(NAMES) + 1))
def test_ours_is_read_last(number: int) -> None:
    """The harness's file must be read last.

    An image sorts by bytes and passes hidden files over; folders have an order of their own.
    """
    site = Configuration({f"{name}.pm": b"1;" for name in [*NAMES[:number], ".\U0010ffff", "\U0010ffff/in"]})
    read = [name for name in [*site.files, site.last()] if name[0] != "." and "/" not in name]
    assert sorted(read, key=os.fsencode)[-1] == site.last()
    assert site.last() not in site.files


@pytest.mark.engine
@pytest.mark.parametrize("version", ["4.4.6", "5.0.3"])
def test_the_sites_configuration_cannot_send(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tmp_path: Path, version: str
) -> None:
    """The site chooses the names of its files, and any of them may configure how to send."""
    for name in NAMES:
        (tmp_path / f"{name}.pm").write_text(LEAVES)
    database = clone(lifecycle.fresh(version, DEFAULT_SERVER))
    tools = rt_tools(version, database, configuration=Configuration.read(tmp_path))
    assert went(tools) == (["stays here"], False)


@pytest.mark.engine
@pytest.mark.parametrize("guarded", [True, False])
def test_options_in_the_database_cannot_send(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, *, guarded: bool
) -> None:
    """They override every file, and come with the dump; without the harness's file they do send."""
    tools = rt_tools("5.0.3", clone(lifecycle.fresh("5.0.3", DEFAULT_SERVER)))
    done = tools.perl(LEAVES_IN_DATABASE)
    assert done.code == 0, done.err
    if not guarded:
        tools.need("sh", "-c", "rm /opt/rt/site.d/*.pm")
    assert went(tools) == ((["stays here"], False) if guarded else ([], True))
