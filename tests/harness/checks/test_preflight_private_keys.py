"""Preflight must name rows without showing what people wrote, where a site's own table has that as its key."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from harness.checks.preflight import blanks as preflight_blanks
from harness.checks.preflight import collisions as preflight_collisions
from harness.checks.preflight.collisions import RESTORE
from harness.database import Database
from harness.database.schema import read
from harness.releases import server
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
OWN = (
    "CREATE TABLE person (email varchar(120), site int, PRIMARY KEY (email, site)) CHARSET=utf8mb4"
    " COLLATE=utf8mb4_general_ci",
    "INSERT INTO person VALUES ('strasse@example.org', 1), ('straße@example.org', 1), ('straße@example.org', 2),"
    " ('blank@example.org ', 1), ('other@example.org', 1)",
)
AFFECTED = {"person": {"email": "utf8mb4"}}


def own(lifecycle: Lifecycle, clone: CloneFactory, name: str) -> Database:
    """Return a database with a table whose key is an address."""
    database = clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))
    database.execute(*OWN)
    return database


@pytest.mark.parametrize("name", ["mariadb-11.8", "mysql-9.7"])
def test_rows_that_collide_are_named_by_digests(lifecycle: Lifecycle, clone: CloneFactory, name: str) -> None:
    """Reports are passed on. The SQL finds the rows on the site."""
    database, report = own(lifecycle, clone, name), Report("preflight", "")
    preflight_collisions.judge(report, database, read(database), AFFECTED, RESTORE)
    [found] = report.findings
    assert found.what.startswith("1 values of email, site are distinct and the same")
    assert "@" not in str(report)
    assert [one.count("digest:") for one in found.samples] == [2]
    keys = {row[:2] for row in database.rows(found.sql)}
    assert keys == {("strasse@example.org", 1), ("straße@example.org", 1)}


def test_rows_that_end_in_a_blank_are_named_by_digests(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """Every part of the key that is a number is shown."""
    database, report = own(lifecycle, clone, "mysql-9.7"), Report("preflight", "")
    preflight_blanks.judge(report, database, read(database), AFFECTED, RESTORE)
    [found] = report.findings
    assert "@" not in str(report)
    assert [one.partition("digest:")[0] for one in found.samples] == ["email, site "]
    assert found.samples[0].endswith(", 1")
