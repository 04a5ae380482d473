"""A site that has added columns to RT's tables is served on both sides, and told what its deployed image needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import upgrade
from harness.checks.preflight import identity as preflight_identity
from harness.database import Database
from harness.drills import rollback
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.stage import Stage
from harness.stage.copies import Preparation
from harness.upgrade import guard
from harness.upgrade.guard import NEWER
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("own-columns")]
ORIGIN, TARGET = "4.4.6", "5.0.10"
CHOICE = choose(ORIGIN, TARGET, "mariadb-10.11", path=FOLDER / "rt-4.4.6-plain.sql.zst")
ADDED = (
    "ALTER TABLE Users ADD COLUMN site_badge VARCHAR(40) NULL",
    "ALTER TABLE Tickets ADD COLUMN site_cost INT NULL",
)
OWN = ("Tickets.site_cost", "Users.site_badge")
WITHOUT_HISTORY = "DELETE FROM Attributes WHERE Name = 'UpgradeHistory'"


@pytest.fixture(scope="module")
def stage(lifecycle: Lifecycle) -> Iterator[Stage]:
    """The upgrade of a site with columns of its own."""
    added = Preparation(ADDED, "adding the site's own columns", lambda database: database.execute(*ADDED))
    stage = Stage(lifecycle, CHOICE, preparation=added)
    yield stage
    stage.close()


@pytest.fixture
def extended(lifecycle: Lifecycle, clone: CloneFactory) -> Database:
    """A copy of the dump with the site's own columns."""
    database = clone(lifecycle.restored(CHOICE.dump, CHOICE.pair.server))
    database.execute(*ADDED)
    return database


def test_the_site_comes_up_on_both_sides(stage: Stage) -> None:
    """Without the columns' names both images end with 72, and nobody would ever try the site."""
    start = stage.old_side.site_start()
    assert start is not None
    assert start.why == ""
    stage.sides.site()
    report = stage.preflight()
    assert [one.what for one in report.findings] == []
    [told] = [one for one in report.facts["before the upgrade"] if one["fact"] == preflight_identity.OWN]
    assert told["items"] == ['RT_GUARD_KNOWN="Tickets.site_cost Users.site_badge"']


def test_another_column_is_not_known(stage: Stage) -> None:
    """What appears during the upgrade is not the site's own: the deployed image would refuse it."""
    upgraded, known = stage.sides.after(), guard.environment(stage.sides.own_columns())
    assert guard.try_to_serve(stage.sides.lifecycle, TARGET, upgraded, environment=known)[0] == 0
    upgraded.execute("ALTER TABLE Queues ADD COLUMN appeared INT NULL")
    assert guard.try_to_serve(stage.sides.lifecycle, TARGET, upgraded, environment=known)[0] == NEWER


@pytest.mark.parametrize("history", [True, False])
def test_without_a_history_a_column_may_be_a_later_releases(
    extended: Database, rt_tools: RtFactory, history: bool
) -> None:
    """Then the tables are the only witness, and the upgrade stays forbidden until somebody signs that off.

    Copies get the columns in either case, so the setting is told in either case: the deployed image needs it.
    """
    if not history:
        extended.execute(WITHOUT_HISTORY)
    old, new = rt_tools(ORIGIN, extended), rt_tools(TARGET, extended)
    steps = upgrade.expected_steps(new.upgrade_steps(), ORIGIN, TARGET)
    report = Report("preflight", "")
    stops = preflight_identity.judge(report, old, new, (ORIGIN, TARGET), steps)
    assert (bool(stops), bool(report.findings)) == (not history, not history)
    told = report.facts[preflight_identity.OWN]
    assert told[0] == 'RT_GUARD_KNOWN="Tickets.site_cost Users.site_badge"', (
        "signed off, it needs it like any other"
    )
    assert ("a later release's" in told[-1]) == (not history)


def test_the_old_release_serves_the_restored_database(lifecycle: Lifecycle, extended: Database) -> None:
    """The drill restores the site's own columns as well."""
    assert guard.find_own_columns_of(lifecycle, CHOICE.pair, extended) == OWN
    said = []
    for known in ((), OWN):
        report = Report(rollback.CHECK, rollback.QUESTION)
        rollback.try_old_release(report, lifecycle, CHOICE, before=extended, after=extended, known=known)
        said.append([one.where for one in report.findings])
    assert said == [["RT"], []]


def test_a_column_that_a_release_knows_is_not_the_sites_own(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Columns that the old release declares and the new one does not must still go with their step."""
    database = clone(lifecycle.restored(CHOICE.dump, CHOICE.pair.server))
    assert guard.find_own_columns(rt_tools(TARGET, database), rt_tools(ORIGIN, database)) == ()
    database.execute("ALTER TABLE CustomRoles ADD COLUMN LookupType VARCHAR(255) NULL")
    assert guard.find_own_columns(rt_tools(TARGET, database), rt_tools(ORIGIN, database)) == ()
