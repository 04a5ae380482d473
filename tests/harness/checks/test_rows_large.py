"""The row check's queries of a table must not grow with it if only few of its rows matter."""

from __future__ import annotations

from typing import Any

import pytest
from pymysql.connections import Connection

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks.rows.context import Context
from harness.checks.rows.dashboards import wanted_links
from harness.checks.rows.effects import EFFECTS
from harness.database.digest import ask, reader
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle

RELEASE, SERVER = "5.0.10", "mariadb-10.11"
MANY, FEW = 10_000, 100
_SEEN = (
    "INSERT INTO Attributes (Name, Content, ObjectType, ObjectId, Creator, LastUpdatedBy)"
    f" SELECT 'User-14-SeenUpTo', '1', 'RT::Ticket', seq, 1, 1 FROM seq_1_to_{MANY}"
)


def sent(connection: Connection[Any]) -> int:
    """Return the number of rows that the server has sent on this connection."""
    return int(ask(connection, "SHOW SESSION STATUS LIKE 'Rows_sent'")[0][1])


@pytest.mark.engine
def test_attributes_that_are_no_dashboards_are_not_fetched(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """RT keeps one for each ticket that a staff member has seen: millions of them are normal."""
    database = clone(lifecycle.fresh(RELEASE, SERVER))
    database.execute(_SEEN)
    with reader(database) as one, reader(database) as other:
        context = Context(one, other, Thawer(rt_tools(RELEASE, database)))
        assert EFFECTS["dashboard links"](context) == []
        assert wanted_links(context), "a fresh site's homepage shows searches"
        assert sent(one) + sent(other) < FEW


@pytest.mark.engine
def test_the_link_of_a_dashboard_to_an_attribute_that_is_gone_is_not_wanted(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Only existing attributes can be depended on; a missing link is still found."""
    database = clone(lifecycle.fresh(RELEASE, SERVER))
    thaw = Thawer(rt_tools(RELEASE, database))
    database.execute("DELETE FROM Links WHERE Base LIKE 'attribute:%'")
    with reader(database) as one, reader(database) as other:
        missing = EFFECTS["dashboard links"](Context(one, other, thaw))
    target = str(database.value("SELECT id FROM Attributes WHERE Name = 'Search - My Tickets'"))
    database.execute(f"DELETE FROM Attributes WHERE id = {target}")
    with reader(database) as one, reader(database) as other:
        left = EFFECTS["dashboard links"](Context(one, other, thaw))
    assert left == [one for one in missing if not one.endswith(f" attribute {target}")]
    assert 0 < len(left) < len(missing)
