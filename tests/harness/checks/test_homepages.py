"""Homepages are what the running release shows, also where the site has none of its own for everybody."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import dump
from harness.checks.meaning import told
from harness.checks.rows import homepages
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle

SERVER = "mariadb-10.11"
FOR_ALL = (
    "DELETE FROM Attributes WHERE Name IN ('HomepageSettings', 'DefaultDashboard') AND ObjectType = 'RT::System'"
)
OWN = (
    "SELECT ObjectId FROM Attributes WHERE Name IN ('Pref-HomepageSettings', 'Pref-DefaultDashboard')"
    " AND ObjectType = 'RT::User' ORDER BY ObjectId"
)


@pytest.mark.engine
@pytest.mark.parametrize("release", ["4.4.6", "5.0.3"])
def test_own_homepages_are_told_without_one_for_everybody(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, release: str
) -> None:
    """RT shows somebody's own whether or not there is one for everybody; all others see nothing, told alike."""
    database = clone(lifecycle.restored(dump.load(dump.bundled(release)), SERVER))
    database.execute(FOR_ALL)
    shown = told.collect(rt_tools(release, database)).sections["homepages"]
    own = {str(user) for (user,) in database.rows(OWN)}
    assert own
    assert {user for user, fields in shown.items() if any(name.startswith("pane ") for name in fields)} == own
    assert [fields for user, fields in shown.items() if user not in own and fields] == []
    assert set(shown) > own


@pytest.mark.engine
def test_homepages_that_nobody_can_read(rt_tools: RtFactory) -> None:
    """An empty one and a damaged one; one that is read and is no homepage is for RT to die of."""
    thaw = Thawer(rt_tools("5.0.3", None))
    rows = [
        {"id": identity, "Content": content, "ContentType": kind}
        for identity, content, kind in (
            ("1", "", "storable"),
            ("2", None, "storable"),
            ("3", "AAAA", "storable"),
            ("4", "BQsDAAAAAA==", "storable"),
            ("5", "BQsCAAAAAA==", "storable"),
            ("6", "", ""),
            ("7", "a word", ""),
        )
    ]
    assert homepages.unreadable(rows, thaw) == ["1", "2", "3", "6"]
