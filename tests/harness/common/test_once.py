"""Results that are made once for each object, whoever asks for them and however often."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.common.once import finished, once
from harness.errors import InfrastructureError

THREADS = 8


class Kitchen:
    """Makes things, and counts how often."""

    def __init__(self, open_: threading.Event | None = None) -> None:
        """Keep the event that the soup waits for, if any."""
        self.calls: list[str] = []
        self._open = open_

    @once
    def soup(self) -> list[str]:
        """Return a new list each time that it is called."""
        self.calls.append("soup")
        if self._open:
            self._open.wait(10)
        return []

    @once
    def nothing(self) -> None:
        """Return nothing, which must not be mistaken for not made yet."""
        self.calls.append("nothing")

    @once
    def burnt(self) -> int:
        """Fail."""
        self.calls.append("burnt")
        raise InfrastructureError("no gas")


class LargeKitchen(Kitchen):
    """Makes something of its own by the same name."""

    @once
    def soup(self) -> list[str]:
        """Return the same soup with something in it."""
        return [*super().soup(), "bread"]


def test_each_object_makes_its_result_once() -> None:
    """Two stages in one process must not share a database."""
    one, other = Kitchen(), Kitchen()
    assert one.soup() is one.soup()
    assert one.soup() is not other.soup()
    one.nothing()
    one.nothing()
    assert one.calls == ["soup", "nothing"]
    assert LargeKitchen().soup() == ["bread"], "the method that it overrides has a result of its own"


def test_an_error_is_raised_again_and_the_work_not_repeated() -> None:
    """An upgrade that failed must not run a second time because another check needs it."""
    kitchen = Kitchen()
    for _ in range(2):
        with pytest.raises(InfrastructureError, match="no gas"):
            kitchen.burnt()
    assert kitchen.calls == ["burnt"]
    assert finished(kitchen, Kitchen.burnt) is None


def test_threads_that_ask_at_the_same_time_get_the_same() -> None:
    """All are the first to ask of a new object; none may start a second copy."""
    for _ in range(20):
        kitchen, start = Kitchen(), threading.Barrier(THREADS)

        def ask(kitchen: Kitchen = kitchen, start: threading.Barrier = start) -> list[str]:
            start.wait(10)
            return kitchen.soup()

        with ThreadPoolExecutor(THREADS) as pool:
            results = [one.result() for one in [pool.submit(ask) for _ in range(THREADS)]]
        assert {id(one) for one in results} == {id(results[0])}
        assert kitchen.calls == ["soup"]


def test_what_is_not_finished_can_be_asked_for_and_is_not_made() -> None:
    """A report of a run that was interrupted shows what there is, and starts nothing."""
    ready = threading.Event()
    kitchen = Kitchen(ready)
    assert finished(kitchen, Kitchen.soup) is None
    assert kitchen.calls == []
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(kitchen.soup)
        assert finished(kitchen, Kitchen.soup) is None
        ready.set()
    assert finished(kitchen, Kitchen.soup) is made.result()
