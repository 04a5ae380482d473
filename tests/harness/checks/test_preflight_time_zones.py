"""Time zones that the target's image no longer knows are found before RT takes them for UTC."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks.preflight import time_zones
from harness.database import schema
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
ORIGIN, TARGET = "4.4.6", "5.0.10"
OLD = ("US/Eastern", "Asia/Calcutta", "GB")
"""Names that newer Debian has in a package of their own."""
SITE = Configuration({"site.pm": b"Set($Timezone, 'US/Eastern');\n1;\n"})
LOST = "rm /usr/share/zoneinfo/US/Eastern /usr/share/zoneinfo/Asia/Calcutta"


@pytest.mark.mutants("preflight")
def test_a_zone_that_the_new_image_lacks_is_found(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """A date entered as noon was stored five hours off, and nothing else differed."""
    database = clone(lifecycle.fresh(ORIGIN, "mariadb-10.11"))
    database.execute(
        "UPDATE Users SET Timezone = 'Asia/Calcutta'",
        "INSERT INTO Users (Name, Timezone) VALUES ('a', 'GB'), ('b', 'Mars/Olympus'), ('c', 'CET-1CEST')",
        "INSERT INTO Users (Name, Timezone) VALUES ('d', '../../../etc/none'), ('e', '$(exit 3)'), ('f', '')",
    )
    origin, target = rt_tools(ORIGIN, database), rt_tools(TARGET, database)

    def found() -> Report:
        report = Report("preflight", "", repair="none")
        time_zones.known(report, database, schema.read(database), SITE, origin=origin, target=target)
        return report

    assert found().findings == [], "the image has the old names, and what no release knows is as before"
    target.need("sh", "-c", LOST)
    (finding,) = found().findings
    assert finding.samples == ("Asia/Calcutta", "US/Eastern")
    assert finding.what.startswith("2 time zones of the site and 3 users unknown"), finding.what


@pytest.mark.parametrize("release", ["4.4.4", "4.4.6", "5.0.3", "5.0.7", "5.0.10"])
def test_every_image_knows_the_old_names(rt_tools: RtFactory, release: str) -> None:
    """A site that has had a zone for twenty years has its old name; the library takes an unknown one for UTC."""
    hours = [rt_tools(release, None).need("env", f"TZ={zone}", "date", "-d@1800000000", "+%H:%M") for zone in OLD]
    assert hours == ["03:00\n", "13:30\n", "08:00\n"]
