"""Two instances on one database, without any coordination: either may die at any time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.healthcheck_user import ROOT
from harness import rest, web
from harness.rt import Rt
from tests.smoke.conftest import Instances


@pytest.fixture
def mortal(instances: Instances) -> Iterator[Rt]:
    """One more instance on the database of the shared one, for this test to kill."""
    site = instances.start()
    yield site
    site.remove()


def test_state_is_in_the_database_alone(mortal: Rt, served: Rt) -> None:
    """A session and a ticket begun on one go on at the other, also after the first was killed."""
    session = web.login(mortal, *ROOT)
    with rest.client(mortal, *ROOT) as client:
        acknowledged = [client.create("General", f"Ticket {n}", f"Text {n}") for n in range(3)]
        client.reply(acknowledged[0], "the last word before the kill")
    web.page(session, served, f"/Ticket/Display.html?id={acknowledged[0]}", expect="Ticket 0")
    mortal.container.signal("KILL")
    shown = web.page(session, served, f"/Ticket/History.html?id={acknowledged[0]}", expect="Ticket 0")
    with rest.client(served, *ROOT) as client:
        subjects = [client.read(number)["Subject"] for number in acknowledged]
    assert "the last word before the kill" in shown
    assert subjects == ["Ticket 0", "Ticket 1", "Ticket 2"]
    assert served.run("rt-validator", "--check").code == 0


def test_it_ends_gracefully_when_asked_to(instances: Instances) -> None:
    """An orchestrator sends SIGTERM and kills after a while; requests must not be cut off before.

    Not within the ten seconds that are promised on a machine that has nothing else to do: here it has.
    """
    assert instances.end_shared(30) == 0
