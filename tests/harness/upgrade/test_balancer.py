"""The balancer of the kill tests: which backends it uses when, and what it must never do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import requests

from harness.common.waits import Retry, wait_until
from harness.load.balancer import FAILURES, Address, Balancer


class Backend:
    """A listener that answers every connection with its name, or closes it without an answer.

    Counts connections.
    """

    def __init__(self, name: str, *, mute: bool = False) -> None:
        """Start to listen."""
        self.name, self._mute, self.asked = name, mute, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                self.asked += 1
                if not self._mute:
                    connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{self.name}".encode())

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):  # the test may have closed it already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def backend() -> Iterator[Callable[..., Backend]]:
    """Return a factory of backends that are closed at the end of the test."""
    made: list[Backend] = []

    def make(name: str, *, mute: bool = False) -> Backend:
        made.append(Backend(name, mute=mute))
        return made[-1]

    yield make
    for one in made:
        one.close()


def answer(balancer: Balancer) -> str:
    """Return the answer that a client gets."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(balancer.url, timeout=30).text


def until(balancer: Balancer, *wanted: Backend) -> None:
    """Wait until exactly these backends are in use."""

    def ask() -> None:
        if set(balancer.up) != {one.address for one in wanted}:
            raise Retry(str(balancer.up))

    wait_until("These backends", ask, 30, interval=0.02)


def test_connections_are_dealt_out_in_turn(backend: Callable[..., Backend]) -> None:
    """Load must be spread evenly: two backends get two of four connections each."""
    two = [backend("first"), backend("second")]
    with Balancer(lambda: [one.address for one in two], lambda _: True, interval=0.05) as balancer:
        until(balancer, *two)
        assert sorted(answer(balancer) for _ in range(4)) == ["first", "first", "second", "second"]


def test_one_bad_answer_is_no_outage_and_two_are(backend: Callable[..., Backend]) -> None:
    """An instance that was too busy for one check must stay in use; an unhealthy one must not."""
    good, slow, ill = backend("good"), backend("slow"), backend("ill")
    asked: dict[Address, int] = {}
    seen: list[set[Address]] = []

    def healthy(address: Address) -> bool:
        asked[address] = asked.get(address, 0) + 1
        if address == good.address:
            seen.append(set(balancer.up))
        if address == slow.address:
            return asked[address] % FAILURES != 0
        return address == good.address or asked[address] == 1

    three = [good, slow, ill]
    with Balancer(lambda: [one.address for one in three], healthy, interval=0.02) as balancer:
        until(balancer, good, slow)
        rounds = len(seen)
        wait_until("More rounds", lambda: _at_least(len(seen), rounds + 3 * FAILURES), 30, interval=0.02)
    assert all({good.address, slow.address} <= up for up in seen[rounds:])
    assert all(ill.address not in up for up in seen[rounds:])


def _at_least(number: int, wanted: int) -> None:
    if number < wanted:
        raise Retry(f"{number} of {wanted}")


def test_people_wait_in_a_queue_while_nobody_serves(backend: Callable[..., Backend]) -> None:
    """A client that connects while no instance passes its health check must be served as soon as one does."""
    one, well = backend("at last"), threading.Event()
    with Balancer(lambda: [one.address], lambda _: well.is_set(), interval=0.05, queue=30) as balancer:
        timer = threading.Timer(0.3, well.set)
        timer.start()
        assert answer(balancer) == "at last"
        assert balancer.up == [one.address]
    timer.join()
    assert (balancer.refused, balancer.served) == (0, {one.address: 1})


def test_the_queue_ends(backend: Callable[..., Backend]) -> None:
    """No client must wait for ever: it gets a 503, which is counted."""
    one = backend("never")
    with (
        Balancer(lambda: [one.address], lambda _: False, interval=0.05, queue=0.2) as balancer,
        requests.Session() as session,
    ):
        session.trust_env = False
        assert session.get(balancer.url, timeout=30).status_code == 503
    assert (balancer.refused, one.asked) == (1, 0)


def test_nothing_is_ever_sent_twice(backend: Callable[..., Backend]) -> None:
    """A backend that closed without an answer may have processed the request, so no other one may be tried."""
    mute, other = backend("mute", mute=True), backend("other")
    with Balancer(lambda: [mute.address, other.address], lambda _: True, interval=5) as balancer:
        until(balancer, mute, other)
        said = []
        for _ in range(2):
            try:
                said.append(answer(balancer))
            except requests.ConnectionError:
                said.append("")
    assert (sorted(said), mute.asked, other.asked) == (["", "other"], 1, 1)


def test_a_backend_that_takes_no_connection_is_left_at_once(backend: Callable[..., Backend]) -> None:
    """If an instance was just killed, the next one must serve without an error for the client."""
    dead, alive = backend("dead"), backend("alive")
    with Balancer(lambda: [dead.address, alive.address], lambda _: True, interval=60) as balancer:
        until(balancer, dead, alive)
        dead.close()
        assert [answer(balancer) for _ in range(3)] == ["alive"] * 3
        assert balancer.up == [alive.address]
