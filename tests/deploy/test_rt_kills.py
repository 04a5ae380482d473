"""All state is in the database, so any instance may be killed at any time, and the server too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from fixtures.outcome import Verify
from harness.baseline import Baseline
from harness.database import DURABLE
from harness.lifecycle import Lifecycle
from harness.marathon.client import Marathon
from tests.deploy.conftest import Say
from tests.deploy.rt_on_marathon import Running, definition, running, told

pytestmark = pytest.mark.engine

FEWEST_KILLS = 3
BETWEEN = 2.5
"""Seconds between two kills at least; then all instances must be back, or this would test having none at all."""
RATE = 4
"""Attempts a second: a dozen people at work, and little enough that two cores also start instances meanwhile."""
LONGEST_GAP = 15.0
"""Seconds; 6.5 were seen with four times the work that the machine could do. The server's own restart is in it."""
SHORT, LONG = 8.0, 60.0
"""Seconds of kills, where --kill-seconds says nothing else; it goes on until the fewest kills are done."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test its duration: the one asked for, else a short one, and a long one with the slow tests."""
    if "seconds" not in metafunc.fixturenames:
        return
    if asked := metafunc.config.getoption("--kill-seconds"):
        metafunc.parametrize("seconds", [pytest.param(asked, id="as-asked")])
        return
    long = pytest.param(LONG, id="a-minute", marks=[pytest.mark.slow])
    metafunc.parametrize("seconds", [pytest.param(SHORT, id="short"), long])


@pytest.fixture
def site(
    lifecycle: Lifecycle, marathon: Marathon, deployable: Baseline, clone: CloneFactory, tmp_path: Path
) -> Iterator[Running]:
    """Three instances behind a balancer, on a server that keeps what it acknowledged."""
    database = clone(deployable, DURABLE)
    app = definition(lifecycle, database, tmp_path / "site", instances=3)
    with running(lifecycle, marathon, database, app, rate=RATE) as found:
        yield found


def kill_for(site: Running, seconds: float) -> None:
    """Kill one instance after the other under load; Marathon replaces them."""
    began = site.load.journal.now()
    while site.kills < FEWEST_KILLS or site.load.journal.now() - began < seconds:
        site.kill_one()
        site.load.go_on(BETWEEN)
        site.settled(3)


def restarted_and_scaled(site: Running) -> None:
    """Restart all, scale down to one and up to four."""
    client, name = site.marathon, site.app["id"]
    site.change("restart of all", lambda: client.restart(name), 3)
    site.change("scale to 1", lambda: client.scale(name, 1), 1)
    site.change("scale to 4", lambda: client.scale(name, 4), 4)


def deployed_and_bereft(site: Running, instances: int) -> None:
    """Deploy another image, rolling, and kill the server."""
    new = {**site.app, "instances": instances, "container": site.new_image()}
    site.change("rolling deploy of another image", lambda: site.marathon.put(site.app["id"], new), instances)
    site.database.container.signal("KILL")
    site.note("kill", "SIGKILL", "database")
    site.load.go_on(1)
    site.database.restart()
    site.note("restart", "answers again", "database")
    site.settled(instances)
    site.load.go_on(3)


def test_nothing_acknowledged_is_lost(site: Running, verify: Verify, say: Say, seconds: float) -> None:
    """Three instances, people at work, kills all the time, deployments, and a server that dies.

    The short form leaves restart and scaling out; then it takes as long as other tests.
    """
    with site.load:
        kill_for(site, seconds)
        if seconds > SHORT:
            restarted_and_scaled(site)
        deployed_and_bereft(site, 4 if seconds > SHORT else 3)
    report = site.judged(LONGEST_GAP)
    say(f"{site.kills} kills: {told(report)}")
    verify(report)
    assert site.kills >= FEWEST_KILLS
    assert site.validated() == ""
