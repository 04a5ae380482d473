"""People at work: how long they go on, and at which rate."""

from __future__ import annotations

import pytest

from harness import load
from harness.load import Attempt, Client, Journal
from tests.deploy.kill_seconds import durations

RATE, CLIENTS = 5000, 4
MANY = 2600
"""Attempts: more than ten minutes' worth of those in tests/deploy/test_rt_kills.py."""


class Quick(Client):
    """Somebody for whom all is done at once: a real site would take the ten minutes, and is not the question."""

    def __init__(self, _: object, __: object, journal: Journal, ___: int) -> None:
        """Log in nowhere."""
        self._journal = journal

    def act(self) -> None:
        """Write down that something was tried."""
        now = self._journal.now()
        self._journal.add(Attempt("search", "", now, now, "acknowledged"))

    def close(self) -> None:
        """There is no connection."""


def test_people_work_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stops before leaves a silence in the journal, and the check takes it for one of the site."""
    monkeypatch.setattr(load, "Client", Quick)
    with load.Load("http://nowhere.invalid", "root", "none", rate=RATE, clients=CLIENTS) as people:
        people.reach(MANY, within=30)
    assert len(people.journal.attempts) <= people.journal.ended * RATE + CLIENTS
    last = max(one.answered for one in people.journal.attempts)
    assert people.journal.ended - last < 1


def test_who_asks_for_an_hour_of_kills_gets_the_time_for_them() -> None:
    """Every test has a limit of minutes, for those that hang; one that was asked to go on does not."""
    [asked] = durations(3600)
    assert [mark.args[0] > 3600 for mark in asked.marks if mark.name == "timeout"] == [True]
