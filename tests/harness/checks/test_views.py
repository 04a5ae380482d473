"""A site's own view must be read after the upgrade, and damage by a step be found."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from harness.checks.schema import CHECK, QUESTION, views
from harness.database import Database
from harness.releases import server
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
MADE = (
    "CREATE TABLE mine (a int, b int)",
    "CREATE VIEW good AS SELECT a FROM mine",
    "CREATE VIEW bad AS SELECT b FROM mine",
    "CREATE VIEW old AS SELECT a FROM mine",
    "CREATE TABLE other (c int)",
    "CREATE VIEW broken AS SELECT c FROM other",
    "DROP TABLE other",
)


@pytest.fixture
def sides(lifecycle: Lifecycle, clone: CloneFactory) -> tuple[Database, Database]:
    """Two databases with a site's own views, one of which was broken before."""
    name = "mariadb-10.11"
    empty = lifecycle.baselines.empty(server(name), lifecycle.server_image(name))
    before, after = clone(empty), clone(empty)
    for one in (before, after):
        one.execute(*MADE)
    return before, after


def judged(before: Database, after: Database) -> Report:
    """Return the report on their views."""
    report = Report(CHECK, QUESTION)
    views.judge(report, before, after)
    return report


@pytest.mark.control("schema")
def test_views_as_they_were_are_left_alone(sides: tuple[Database, Database]) -> None:
    """A view that could not be read before is no finding."""
    report = judged(*sides)
    assert (report.findings, report.looked_at) == ([], 4)
    assert report.facts["views that could not be read before"] == ["broken"]
    assert report.out_of_scope == ["what the site's 4 views show, only that they can be read"]


@pytest.mark.mutants("schema")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE mine DROP COLUMN b", "view bad: it can no longer be read (error 1356)"),
        ("DROP VIEW old", "view old: it is gone"),
    ],
    ids=["column-gone", "view-gone"],
)
def test_what_a_step_breaks_is_found(sides: tuple[Database, Database], statement: str, said: str) -> None:
    """RT's own tables are correct then, and only a report of the site's fails one day."""
    before, after = sides
    after.execute(statement)
    [finding] = judged(before, after).findings
    assert said in str(finding)


def test_without_views_they_are_not_mentioned(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """Most sites have none."""
    name = "mariadb-10.11"
    empty = clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))
    report = judged(empty, empty)
    assert (report.findings, report.out_of_scope, report.looked_at) == ([], [], 0)
