"""What a site has added to the structure of its database must come through an upgrade, and be no finding.

All of it is in one site, and one upgrade serves all tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker import DockerClient

from harness.common import cache
from harness.database import Database
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.rt.configuration import Configuration
from harness.stage import Scope, Stage
from harness.stage.copies import Preparation
from harness.upgrade.lifecycle import Lifecycle

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("own-structure")]  # one worker: one upgrade serves all
ORIGIN, TARGET, SERVER = "4.4.6", "5.0.10", "mariadb-10.11"
INDEXED = b"Set(%FullTextSearch, Enable => 1, Indexed => 1, Table => 'AttachmentsIndex');\n1;\n"
OWN = (
    "ALTER TABLE Users ADD COLUMN site_badge VARCHAR(20) NULL, ADD INDEX site_badges (site_badge)",
    "ALTER TABLE Tickets MODIFY Subject VARCHAR(255) NULL",  # which takes its default away, too
    "ALTER TABLE Classes MODIFY Description TEXT NULL",
    # Those of the last tickets were shredded.
    "ALTER TABLE Tickets AUTO_INCREMENT = 90000",
    # As RT's own tool makes it.
    "CREATE TABLE AttachmentsIndex (id INT UNSIGNED AUTO_INCREMENT NOT NULL PRIMARY KEY, Content LONGTEXT,"
    " FULLTEXT(Content)) ENGINE=InnoDB CHARACTER SET utf8",
    "CREATE TABLE site_log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(25), weight FLOAT,"
    " CONSTRAINT light CHECK (weight < 9))",
    "INSERT INTO site_log (what, weight) VALUES ('before', 1.234567)",
    "CREATE TRIGGER site_logs AFTER INSERT ON ACL FOR EACH ROW INSERT INTO site_log (what) VALUES (NEW.RightName)",
)


@pytest.fixture(scope="module")
def site(engine: DockerClient) -> Iterator[Stage]:
    """One upgrade of the site, run in the same way as by a gate."""

    def add(database: Database) -> None:
        database.execute(*OWN)

    stage = Stage(
        Lifecycle(engine, Configuration({"site.pm": INDEXED})),
        choose(ORIGIN, TARGET, SERVER, FOLDER / f"rt-{ORIGIN}-plain.sql.zst"),
        scope=Scope(thorough=False, validates=False),
        preparation=Preparation(
            ("own structure", cache.digest(*OWN)), "making the dump a site with a structure of its own", add
        ),
    )
    yield stage
    stage.close()


@pytest.mark.control("schema")
def test_the_structure_of_the_sites_own_is_told(site: Stage) -> None:
    """The steps convert its tables and widen what is in them; nothing is lost, and nobody is told to drop it."""
    report = site.schema()
    assert not report.findings, str(report)
    told = {line.partition(":")[0] for line in report.allowed}
    assert {"Users.site_badge", "Tickets.Subject", "Classes.Description"} <= told
    assert "DROP" not in str(report.allowed)


@pytest.mark.control("rows")
def test_a_log_of_the_sites_own_may_grow(site: Stage) -> None:
    """Its trigger logs the rights that the steps grant."""
    report = site.rows()
    assert not report.findings, str(report)
    assert any(line.startswith("site_log: ") and "site_logs on ACL" in line for line in report.allowed)
