"""Two instances on one database, without any coordination: either may die at any time."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import rest, web
from harness.baseline import Baseline
from harness.database import DURABLE
from harness.rt import Rt

ROOT = ("root", "password")
Instances = tuple[Rt, Rt]


@pytest.fixture
def instances(rt_site: RtFactory, clone: CloneFactory, version: str, fresh: Baseline) -> Instances:
    """Two sites on one database that keeps what it acknowledged."""
    database = clone(fresh, DURABLE)
    first, second = (rt_site(version, database, wait=False) for _ in range(2))
    return first.wait(), second.wait()


def test_state_is_in_the_database_alone(instances: Instances) -> None:
    """A session and a ticket begun on one go on at the other, also after the first was killed."""
    first, second = instances
    session = web.login(first, *ROOT)
    with rest.client(first, *ROOT) as client:
        acknowledged = [client.create("General", f"Ticket {n}", f"Text {n}") for n in range(3)]
        client.reply(acknowledged[0], "the last word before the kill")
    web.page(session, second, f"/Ticket/Display.html?id={acknowledged[0]}", expect="Ticket 0")
    first.container.signal("KILL")
    shown = web.page(session, second, f"/Ticket/History.html?id={acknowledged[0]}", expect="Ticket 0")
    with rest.client(second, *ROOT) as client:
        subjects = [client.read(number)["Subject"] for number in acknowledged]
    assert "the last word before the kill" in shown
    assert subjects == ["Ticket 0", "Ticket 1", "Ticket 2"]
    assert second.run("rt-validator", "--check").code == 0


def test_it_ends_gracefully_when_asked_to(instances: Instances) -> None:
    """An orchestrator sends SIGTERM and kills after a while; requests must not be cut off before."""
    assert instances[0].container.stop(10) == 0
