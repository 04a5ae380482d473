"""Rights that steps look for are held against what the target knows; where it cannot be asked, that is said."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import upgrade
from harness.checks import preflight
from harness.checks.preflight import Evidence
from harness.checks.preflight import rights as preflight_rights
from harness.database import Database
from harness.database.schema import read
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

ORIGIN, TARGET = "4.4.6", "5.0.10"
RIGHT = "ModifySelf"
TABLES = {"RT::Queue": "Queues", "RT::Group": "`Groups`", "RT::CustomField": "CustomFields"}
WITHOUT_PLUGIN = Configuration({"site.pm": b"Plugin('RT::Extension::NotThere');\n1;\n"})


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


@pytest.mark.engine
def test_a_target_that_cannot_be_asked_takes_no_finding_away(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """With a plugin that is missing RT loads for no question: the plugin is told, and so is the rest."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    target = rt_tools(TARGET, database, configuration=WITHOUT_PLUGIN)
    path, steps = (ORIGIN, TARGET), upgrade.expected_steps(target.upgrade_steps(), ORIGIN, TARGET)
    recognised = preflight.recognise(read(database), None, target, path, steps=steps, history=None)
    grant(database, "RTx::Gone")
    database.execute(f"UPDATE ACL SET PrincipalId = 999999 WHERE RightName = '{RIGHT}'")
    known = Evidence(recognised, configuration=WITHOUT_PLUGIN)
    report = preflight.check(database, None, target, path, steps=steps, known=known)
    places = [one.where for one in report.findings]
    assert {"Plugin RT::Extension::NotThere", "ACL"} <= {*places}, str(report)
    (said,) = [one for one in report.unanswered if "classes that rights are for" in one]
    assert f"RT {TARGET} did not say what it knows" in said
    assert "Couldn't load module RT::Extension::NotThere" in said
