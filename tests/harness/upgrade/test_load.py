"""The clients of the load work until its end, at the set rate."""

from __future__ import annotations

import pytest

from harness import load
from harness.load import Attempt, Client, Journal
from tests.deploy.kill_seconds import durations

RATE, CLIENTS = 5000, 4
MANY = 2600
"""More attempts than in ten minutes of tests/deploy/test_rt_kills.py."""


class Quick(Client):
    """A client whose actions take no time: a real site would take ten minutes, and is not tested here."""

    def __init__(self, _: object, __: object, journal: Journal, ___: int) -> None:
        """Store the journal without logging in."""
        self._journal = journal

    def act(self) -> None:
        """Record an attempt."""
        now = self._journal.now()
        self._journal.add(Attempt("search", "", now, now, "acknowledged"))

    def close(self) -> None:
        """Do nothing: there is no connection."""


def test_people_work_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that stops early leaves a gap in the journal, which the check would attribute to the site."""
    monkeypatch.setattr(load, "Client", Quick)
    with load.Load("http://nowhere.invalid", "root", "none", rate=RATE, clients=CLIENTS) as people:
        people.reach(MANY, within=30)
    assert len(people.journal.attempts) <= people.journal.ended * RATE + CLIENTS
    last = max(one.answered for one in people.journal.attempts)
    assert people.journal.ended - last < 1


def test_who_asks_for_an_hour_of_kills_gets_the_time_for_them() -> None:
    """Tests have a time limit of minutes, which an hour of kills must exceed."""
    [asked] = durations(3600)
    assert [mark.args[0] > 3600 for mark in asked.marks if mark.name == "timeout"] == [True]
