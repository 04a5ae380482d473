"""Measure an upgrade on a server that writes as in production, and on a larger database."""

from __future__ import annotations

import pytest

from harness import dump, forecast
from harness.drills import downtime
from harness.dump.choice import Choice
from harness.releases import Pair
from harness.upgrade.lifecycle import Lifecycle

pytestmark = [pytest.mark.engine, pytest.mark.slow]
PAIR = Pair("4.4.6", "5.0.3", "mariadb-10.11")


def test_the_downtime_of_a_larger_database_is_forecast(lifecycle: Lifecycle) -> None:
    """Real upgrades of three sizes; the steps that rewrite the attachments are those that grow."""
    choice = Choice(PAIR, dump.load(dump.bundled(PAIR.origin)))
    samples = [forecast.sample(lifecycle, choice, goal) for goal in (1, 40, 80)]
    measured = [one.measured for one in samples]
    made = downtime.forecast(measured, 4 * measured[-1].megabytes)
    assert made.seconds > measured[-1].seconds
    assert "Attachments" in samples[-1].rebuilt
    assert "Shorteners" not in samples[-1].rebuilt, "a table that the upgrade adds is not rebuilt"
    assert samples[-1].room > samples[0].room
    slowest = max(samples[-1].kinds, key=lambda kind: samples[-1].kinds[kind])
    assert slowest.startswith("ALTER TABLE Attachments")
