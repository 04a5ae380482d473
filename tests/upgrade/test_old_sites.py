"""Traces that twenty years leave in a site must not count as reasons against an upgrade.

Everything planted here was seen in RT's own old steps or tools, and is harmless; a check that reports any of it
says NO-GO to every site of that age.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.checks import rows as rows_check
from harness.checks import upgrade_history
from harness.common import cache
from harness.database import Database
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.rt.thaw import Thawer
from harness.stage import QUESTIONS, Scope, Stage
from harness.stage.copies import Preparation
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.mutants.planting import RowMutant, planted
from tests.upgrade.old_sites import AS_OF_4_2, HOMEPAGES, LONG, THROUGH_RT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("old-site")]  # one worker: one upgrade serves all
ORIGIN, TARGET, SERVER = "4.4.6", "5.0.10", "mariadb-11.8"
BY_SQL = (
    # 4.1.23 made an index over three columns, and 4.3.13 dropped the middle column.
    "ALTER TABLE `Groups` ADD INDEX Groups4 (Domain, Instance)",
    "ALTER TABLE Tickets ADD INDEX of_an_administrator (LastUpdated)",
    # Tuning: these begin with the columns of indexes that steps ensure, so the steps do not create those.
    "ALTER TABLE ObjectCustomFields DROP INDEX ObjectCustomFields1, ADD INDEX tuned (ObjectId, CustomField)",
    "ALTER TABLE Links ADD INDEX tuned (LocalTarget, Type)",
    # RT 3 declared it so, and no step has changed it.
    "ALTER TABLE ACL ALTER PrincipalId DROP DEFAULT",
    # 3.3.0 made it so.
    "ALTER TABLE ObjectCustomFieldValues ALTER ObjectId SET DEFAULT 0",
    # Numeric tables were created without a character set.
    "ALTER TABLE CachedGroupMembers DEFAULT CHARACTER SET latin1",
    "ALTER TABLE GroupMembers DEFAULT CHARACTER SET latin1",
    # Recreated by hand, as advised on a mailing list in 2005; each of its rows may vanish at any time.
    "ALTER TABLE sessions ENGINE = MyISAM",
    # Characters that collations sort before or after letters.
    "UPDATE Tickets SET Subject = CONCAT(IF(id % 3, '_', '['), 'LIST] ', Subject) WHERE id % 2",
    # Table of a reporting tool, which keeps its own history.
    "CREATE TABLE Audit (id INT PRIMARY KEY, What VARCHAR(20), INDEX of_what (What)) CHARACTER SET utf8mb4"
    " WITH SYSTEM VERSIONING",
    "INSERT INTO Audit VALUES (1, 'one')",
    # Field of an extension that was removed long ago.
    "INSERT INTO CustomFields (Name, Type, MaxValues, LookupType) VALUES"
    " ('Rack', 'Freeform', 1, 'RTx::AssetTracker::Type-RTx::AssetTracker::Asset')",
)


def aged(lifecycle: Lifecycle, statements: Sequence[str], program: str = "") -> Preparation:
    """Return the preparation that ages a dump: SQL, and a program for the dump's own release."""

    def age(database: Database) -> None:
        database.execute(*statements)
        if program:
            with lifecycle.tools(ORIGIN, database) as tools:
                done = tools.perl(program)
            assert done.code == 0, done.err

    return Preparation(("old site", cache.digest(*statements, program)), "making the dump an old site", age)


@pytest.fixture(scope="module")
def site(lifecycle: Lifecycle) -> Iterator[Stage]:
    """One upgrade of the plain dump with all these traces planted."""
    stage = Stage(
        lifecycle,
        choose(ORIGIN, TARGET, SERVER, FOLDER / f"rt-{ORIGIN}-plain.sql.zst"),
        scope=Scope(validates=False),
        preparation=aged(lifecycle, BY_SQL, THROUGH_RT),
    )
    yield stage
    stage.close()


@pytest.mark.control("an old site")
@pytest.mark.parametrize("check", [name for name in QUESTIONS if name not in ("integrity", "application")])
def test_no_check_finds_anything(site: Stage, check: str) -> None:
    """Every finding would be a false alarm on every site of that age."""
    report = QUESTIONS[check](site)
    assert report, str(report)


def test_what_is_let_go_is_named(site: Stage) -> None:
    """The report's reader must learn which old traces the site keeps."""
    schema, history = "\n".join(site.schema().allowed), site.history().facts
    assert "INDEX (Domain, Instance)" in schema
    assert "INDEX (LastUpdated)" in schema
    assert "index missing: INDEX (ObjectId)" in schema
    assert "index missing: INDEX (LocalTarget)" in schema
    assert "ACL.PrincipalId" in schema
    assert len(history["of extensions, never ended"]) == 1
    assert any("already has the right" in one for one in site.ran().allowed)
    assert any("2 homepages that RT could not read before either" in one for one in site.rows().allowed)
    assert any("another collation" in one for one in site.meaning().allowed)
    untold = [one for one in site.meaning().out_of_scope if "the old release itself cannot tell" in one]
    assert [one.partition(" ")[0] for one in untold] == ["searches"]


def test_it_really_is_an_old_site(site: Stage) -> None:
    """If the fixture planted nothing, the other tests would prove nothing."""
    assert len(upgrade_history.unfinished(site.old_side.history().events("RT::Extension::Never"))) == 1
    order = "SELECT MAX(LENGTH(Content)) FROM Attributes WHERE Name = 'UpgradeHistory'"
    assert int(site.sides.before().value(order)) > LONG
    links = (
        "SELECT COUNT(*) FROM Links l JOIN Attributes a ON l.Target LIKE CONCAT('attribute://%/', a.id)"
        " WHERE a.Description = 'second name'"
    )
    assert (site.sides.before().value(links), site.sides.after().value(links)) == (1, 0)
    of_nobody = "SELECT COUNT(*) FROM Attributes WHERE Name = 'Pref-DefaultDashboard' AND ObjectId IS NULL"
    assert (site.sides.before().value(of_nobody), site.sides.after().value(of_nobody)) == (0, 3)
    groups = "SELECT COUNT(*) FROM `Groups` g JOIN Principals p ON p.id = g.id WHERE"
    assert int(site.sides.before().value(f"{groups} g.Name LIKE 'left %' AND p.Disabled")) == 2


@pytest.mark.mutants("rows")
@pytest.mark.parametrize("mutant", HOMEPAGES, ids=lambda mutant: mutant.name)
def test_of_homepages_nothing_else_may_come(site: Stage, mutant: RowMutant) -> None:
    """Each homepage becomes a dashboard, and a choice of its user names one: the step makes this and no more."""
    sides = site.sides
    with planted(mutant, sides.after(), sides.new()):
        report = rows_check.check(sides.before(), sides.after(), sides.steps(), Thawer(sides.new()))
    assert "Attributes" in {one.where for one in report.findings}, str(report)


OTHERS = (
    # Dropped and recreated, as RT's documents advise in places, while the database's default was still the old
    # one.
    "ALTER TABLE sessions CONVERT TO CHARACTER SET utf8mb3",
    # Table of a reporting tool; RT's own tables are not converted any more on this path.
    "CREATE TABLE Reports (id INT PRIMARY KEY, Title VARCHAR(40)) COLLATE utf8mb4_unicode_ci",
    "CREATE TABLE Ledger (id INT PRIMARY KEY, Title VARCHAR(40)) CHARACTER SET latin1",
)


@pytest.mark.control("tables in other collations")
def test_other_collations_of_long_ago_forbid_nothing(lifecycle: Lifecycle) -> None:
    """The upgrade must not be refused, and no step concerns these tables."""
    stage = Stage(
        lifecycle,
        choose("5.0.3", TARGET, SERVER, FOLDER / "rt-5.0.3-campus.sql.zst"),
        scope=Scope(validates=False),
        preparation=aged(lifecycle, OTHERS),
    )
    try:
        assert stage.refusal() is None
        reports = [stage.preflight(), stage.schema(), stage.rows()]
    finally:
        stage.close()
    assert [str(report) for report in reports if not report] == []
    assert "sessions" in "".join(reports[1].allowed)
    assert "Ledger: latin1" in str(reports[1].facts)


@pytest.mark.slow
def test_what_nobody_has_rules_for_is_not_proven(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """The result must be neither a finding nor a GO. Changes that no such step makes must still be found."""
    path = tmp_path / "site.sql.zst"
    shutil.copy(FOLDER / f"rt-{ORIGIN}-plain.sql.zst", path)  # without its manifest, which names another release
    # The tables are those of RT 4.2 but the history is not, so the pair has to be accepted explicitly.
    stage = Stage(
        lifecycle,
        choose("4.2.11", "5.0.3", SERVER, path),
        scope=Scope(validates=False, accepts=lambda _: True),
        preparation=aged(lifecycle, AS_OF_4_2),
    )
    try:
        reports = [stage.ran(), stage.schema(), stage.rows(), stage.integrity()]
        stage.sides.after().execute(
            "UPDATE Tickets SET Subject = 'planted' WHERE id = 1", "DELETE FROM Scrips LIMIT 1"
        )
        again = rows_check.check(
            stage.sides.before(), stage.sides.after(), stage.sides.steps(), Thawer(stage.sides.new())
        )
    finally:
        stage.close()
    assert [str(report) for report in reports if report.findings] == []
    assert [bool(report.unanswered) for report in reports] == [False, False, True, True]
    assert "CustomFields: the column CanonicalizeClass was added" in "".join(reports[2].unanswered)
    assert "step 4.3.1 or 4.4.2 may have done so" in "".join(reports[2].unanswered)
    assert [finding.where for finding in again.findings] == ["Scrips", "Tickets"]
