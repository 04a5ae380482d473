"""Rows that a site's own trigger adds while the steps write are told and no finding; any others are one."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import rows
from harness.checks.schema import step_mentions
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.checks.upgraded_pair import PAIR

pytestmark = pytest.mark.engine
GRANT = (
    "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId)"
    " VALUES ('Group', 3, 'ShowTicket', 'RT::System', 1)"
)


def trigger(goal: str, event: str = "INSERT", table: str = "ACL") -> str:
    """Return the statement that makes a trigger which adds a row to a table for each row written."""
    row = "OLD" if event == "DELETE" else "NEW"
    return (
        f"CREATE TRIGGER to_{goal} AFTER {event} ON {table} FOR EACH ROW"
        f" INSERT INTO {goal} (what) VALUES ({row}.id)"
    )


STATEMENTS = (
    "UPDATE Classes SET Disabled = Disabled",
    "INSERT INTO Topics (Name) VALUES ('soon gone')",
    "DELETE FROM Topics WHERE Name = 'soon gone'",
)
"""What a step does of which no row is a witness afterwards."""
SAID = step_mentions.parse(f"== 1.0.0/schema.mysql\n{';'.join(STATEMENTS)};\nALTER TABLE Links ADD x INT;\n")
BOTH = {
    "a_chain": trigger("a_chain", table="logged"),
    "logged": trigger("logged"),
    "alone": "",
    "newly": "",
    "of_removals": trigger("of_removals", "DELETE"),
    "of_links": trigger("of_links", table="Links"),
    "of_classes": trigger("of_classes", "UPDATE", "Classes"),
    "of_topics": trigger("of_topics", "INSERT", "Topics"),
    "of_old_topics": trigger("of_old_topics", "UPDATE", "Topics"),
    "altered": trigger("altered"),
    "taken": trigger("taken"),
}
"""The site's own tables, with the trigger that fills each before the upgrade."""
AFTER = (
    trigger("newly"),
    GRANT,
    *STATEMENTS,
    *(f"INSERT INTO {one} (what) VALUES (1)" for one in ("alone", "of_removals", "of_links", "of_old_topics")),
    "UPDATE altered SET what = 9 WHERE id = 1",
    "DELETE FROM taken WHERE id = 1",
)
"""What the upgrade does: one right is granted, and rows of the site's own tables change besides."""


@pytest.mark.mutants("rows")
def test_rows_that_a_trigger_adds(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """A log of rights grows when a step grants one; but only by a trigger that existed before and does that.

    Where a step writes and no row shows it, nobody knows; a table filled by a log is judged after the log.
    """
    fresh = lifecycle.fresh(PAIR.target, PAIR.server)
    before, after = clone(fresh), clone(fresh)
    tables = before.tables()
    for side in (before, after):
        for name in BOTH:
            side.execute(
                f"CREATE TABLE {name} (id INT PRIMARY KEY AUTO_INCREMENT, what INT)",
                f"INSERT INTO {name} (what) VALUES (7)",
            )
        side.execute(*filter(None, BOTH.values()))
    after.execute(*AFTER)
    thaw = Thawer(rt_tools(PAIR.target, before))
    report = rows.check(before, after, [], thaw, tables_of_rt=tables, written=SAID.write)
    told, left = {"logged": "to_logged on ACL", "a_chain": "to_a_chain on logged"}, ["of_classes", "of_topics"]
    assert {one.where for one in report.findings} == {"ACL", *BOTH} - {*told} - {*left}
    for name, trigger_of in told.items():
        assert [line for line in report.allowed if line.startswith(f"{name}: 1 rows") and trigger_of in line]
    assert [line.partition(":")[0] for line in report.unanswered] == left
    assert "to_of_classes on Classes may have done so" in report.unanswered[0]
    strict = rows.check(before, after, [], thaw)
    assert {one.where for one in strict.findings} == {"ACL", *BOTH}, "where nobody knows which tables are RT's"
