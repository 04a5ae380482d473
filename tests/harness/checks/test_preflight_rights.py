"""Rights that steps look for are held against what the target knows, not against what is left."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks.preflight import rights as preflight_rights
from harness.database import Database
from harness.database.schema import read
from harness.rt import Rt
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

ORIGIN, TARGET = "4.4.6", "5.0.10"
RIGHT = "ModifySelf"
TABLES = {"RT::Queue": "Queues", "RT::Group": "`Groups`", "RT::CustomField": "CustomFields"}


def grant(database: Database, kind: str, number: int = 1) -> None:
    """Give the right to a group on an object of a class, as an extension does."""
    database.execute(
        "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, LastUpdatedBy)"
        f" SELECT 'Group', MIN(id), '{RIGHT}', '{kind}', {number}, 1, 1 FROM `Groups`"
    )


def judged(database: Database, target: Rt) -> Report:
    """Return what the rights alone are found to be."""
    report = Report("preflight", "")
    preflight_rights.judge(report, database, read(database), target, [RIGHT])
    return report


@pytest.mark.engine
def test_a_table_that_stayed_makes_no_class_known(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally
) -> None:
    """The extension was taken out and its table left: the step dies at its class all the same."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    target = rt_tools(TARGET, database)
    for kind, table in TABLES.items():
        grant(database, kind, int(database.value(f"SELECT MIN(id) FROM {table}")))
    assert judged(database, target).findings == [], "classes of RT's own, and objects that are there"
    database.execute("CREATE TABLE Gones (id INT PRIMARY KEY)", "INSERT INTO Gones VALUES (1)")
    grant(database, "RT::Gone")
    found = judged(database, target).findings
    tally("class-without-code", "preflight", found)
    assert ["1 rights are for objects of a class" in one.what for one in found] == [True]
