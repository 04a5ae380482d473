"""Preflight must know a site's own statuses and lifecycles, and their source."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks.preflight import lifecycles as preflight_lifecycles
from harness.checks.preflight import start as preflight_start
from harness.database import Database
from harness.database.schema import read
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Outcome, Report, Verdict

TARGET = "5.0.10"


def in_lifecycles(database: Database, target: Rt, configuration: Configuration | None = None) -> Report:
    """Return the report on the lifecycles alone."""
    report = Report("preflight", "")
    probed = preflight_start.probe(target, ())
    preflight_lifecycles.judge(report, database, read(database), probed, configuration or Configuration())
    return report


@pytest.fixture
def five(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> tuple[Database, Rt]:
    """A new site of RT 5.0.3, and the target's tools on it."""
    database = clone(lifecycle.fresh("5.0.3", "mariadb-10.11"))
    return database, rt_tools(TARGET, database)


@pytest.mark.engine
def test_statuses_that_nobody_knows_want_the_sites_configuration(five: tuple[Database, Rt]) -> None:
    """A site that changed RT's own lifecycles needs its configuration; with it they are its normal state.

    Rows of RT 3 may be in a status that no lifecycle has: a configuration without any is a whole answer as well.
    """
    database, target = five
    database.execute("INSERT INTO Tickets (Queue, EffectiveId, Status) VALUES (1, 1, 'Waiting'), (1, 2, 'NEW')")
    report = in_lifecycles(database, target)
    assert "default: Waiting (1 row, first id" in "".join(report.unanswered)
    assert Outcome([report]).verdict() is Verdict.NOT_PROVEN
    for configuration in (NO_LIFECYCLES, OWN_LIFECYCLES):
        known = in_lifecycles(database, target, configuration)
        assert (known.findings, known.unanswered) == ([], [])
        assert len(known.facts[preflight_lifecycles.UNKNOWN_STATUSES]) == 1
    database.execute("UPDATE Queues SET Lifecycle = 'gone', Disabled = 1 WHERE Name = 'General'")
    gone = in_lifecycles(database, target)
    assert not gone.findings, "nobody works in it"
    assert len(gone.facts[preflight_lifecycles.UNKNOWN_DISABLED]) == 1


@pytest.mark.engine
def test_a_lifecycle_that_nobody_knows_wants_the_sites_configuration(five: tuple[Database, Rt]) -> None:
    """Without the site's configuration nobody can say whether the target will know it; with it, it does not."""
    database, target = five
    database.execute("UPDATE Queues SET Lifecycle = 'equipment' WHERE Name = 'General'")
    unknown = in_lifecycles(database, target)
    assert unknown.findings == []
    assert "equipment (Queues: 1 row, first id" in "".join(unknown.unanswered)
    assert Outcome([unknown]).verdict() is Verdict.NOT_PROVEN
    [finding] = in_lifecycles(database, target, NO_LIFECYCLES).findings
    assert finding.where == "Queues.Lifecycle"


NO_LIFECYCLES = Configuration({"name.pm": b"Set($rtname, 'rt.example.org');\n1;\n"})
OWN_LIFECYCLES = Configuration(
    {"own.pm": b"Set(%Lifecycles, loans => {initial => ['new'], active => ['lent']});\n1;\n"}
)
LIFECYCLE_IN_THE_DATABASE = """
use RT -init;
my %all = RT->Config->Get('Lifecycles');
$all{loans} = Storable::dclone($all{default});  # what is shared is written as a reference
my $option = RT::Configuration->new(RT->SystemUser);
my ($good, $message) = $option->Create(Name => 'Lifecycles', Content => \\%all);
die $message unless $good;
"""


@pytest.mark.engine
def test_lifecycles_made_in_the_browser_are_known(five: tuple[Database, Rt], rt_tools: RtFactory) -> None:
    """RT 5 stores lifecycles edited in the browser in the database, and they are in no file of the site."""
    database, target = five
    database.execute("UPDATE Queues SET Lifecycle = 'loans' WHERE Name = 'General'")
    assert in_lifecycles(database, target).unanswered
    assert in_lifecycles(database, target, NO_LIFECYCLES).findings
    done = rt_tools("5.0.3", database).perl(LIFECYCLE_IN_THE_DATABASE)
    assert done.code == 0, done.err
    known = in_lifecycles(database, target)
    assert (known.findings, known.unanswered) == ([], [])
