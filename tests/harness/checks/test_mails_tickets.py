"""Effects of scrips and options on a ticket besides mail must be compared: nothing else shows their loss."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import application
from harness.checks.application import mails
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
SITE = Configuration(
    {
        "site.pm": b"Set(%ServiceAgreements, Default => 'two hours', Levels => {'two hours' => {"
        b"Response => {RealMinutes => 120}, Resolve => {RealMinutes => 240}}});\n1;\n"
    }
)
SCRIP = """
use RT -init;
my $field = RT::CustomField->new(RT->SystemUser);
$field->Create(Name => 'Floor', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket') or die;
$field->AddToObject(RT::Queue->new(RT->SystemUser)) or die;
RT::Scrip->new(RT->SystemUser)->Create(Queue => 0, Template => 'Blank', Description => 'sorts',
    ScripCondition => 'On Create', ScripAction => 'User Defined', CustomPrepareCode => '1',
    CustomCommitCode => 'my $ticket = $self->TicketObj; $ticket->AddCustomFieldValue(Field => "Floor", Value => 3);
        my ($good, $message) = $ticket->SetOwner("root"); die $message unless $good; 1') or die;
"""
ALL = "create with an owner with the SLA two hours with a day that it is due with 1 values of fields, "
DEFECTS = {  # name: (whether the configuration has agreements, what is done to the database)
    "agreements-forgotten": (False, "UPDATE Queues SET SLADisabled = 0"),
    "queue-without-agreements": (True, "UPDATE Queues SET SLADisabled = 1"),
    "field-disabled": (True, "UPDATE CustomFields SET Disabled = 1"),
    "scrip-does-nothing": (True, "UPDATE Scrips SET CustomCommitCode = '1' WHERE Description = 'sorts'"),
}


def test_what_becomes_of_a_ticket(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """The mails are equal; due date, owner or custom fields of the ticket are not."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    promising = rt_tools("5.0.3", database, configuration=SITE)
    plain = rt_tools("5.0.3", database, configuration=Configuration())
    done = plain.perl(SCRIP)
    assert done.code == 0, done.err
    database.execute("UPDATE Queues SET SLADisabled = 0")
    before = mails.collect(promising, queues=["1"])
    assert before.actions["1"].startswith(ALL)
    again = mails.collect(promising, queues=["1"])
    assert compared(before, again) == []
    for name, (promises, statement) in DEFECTS.items():
        database.execute(statement)
        after = mails.collect(promising if promises else plain, queues=["1"])
        tally(name, "application", compared(before, after))
        database.execute("UPDATE Queues SET SLADisabled = 0", "UPDATE CustomFields SET Disabled = 0")


def compared(before: mails.Mails, after: mails.Mails) -> list[str]:
    """Return the findings about the site's own queue; that of the harness can be made once only."""
    report = Report(application.CHECK, "")
    mails.compare(report, before, after)
    return [one.what for one in report.findings if one.what.startswith("in queue 1: ")]
