"""What the engine makes last is removed as well: the end of a run waits for it, and nothing begins after that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from docker import DockerClient

from harness import end_of_run
from harness.common import owner
from harness.common.waits import Retry, wait_until
from harness.database.baseline import Baselines
from harness.engine import creation, session_network
from harness.engine.containers import Container
from harness.engine.listed import resources
from harness.errors import InfrastructureError

DONE = 30.0
"""Maximum seconds for what takes a fraction of a second."""


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> str:
    """Begin a session of the test's own; return its name."""
    monkeypatch.delenv(owner.SESSION_VARIABLE)
    return owner.session()


@pytest.fixture
def other_session(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Return a function that begins one more session."""

    def begin() -> str:
        monkeypatch.delenv(owner.SESSION_VARIABLE)
        return owner.session()

    return begin


@pytest.fixture
def held(session: str) -> Iterator[threading.Event]:  # noqa: ARG001 - it is of that session
    """Hold a creation under way until the event is set, at the latest at the end of the test."""
    begun, release = threading.Event(), threading.Event()

    def create() -> None:
        with creation.creating():
            begun.set()
            release.wait(DONE)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(create)
        assert begun.wait(DONE)
        yield release
        release.set()


def test_the_end_waits_for_what_is_under_way(held: threading.Event) -> None:
    """Otherwise it lists a session's resources before the last one is there."""
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(creation.end, DONE)

        def refused() -> None:
            try:
                with creation.creating():
                    pass
            except InfrastructureError:
                return
            raise Retry("not forbidden yet")

        wait_until("The end has begun", refused, DONE)
        assert not ending.done()
        held.set()
        ending.result(DONE)


def test_the_end_does_not_wait_for_ever(held: threading.Event) -> None:
    """An engine that never answers must not keep a user from getting a verdict."""
    creation.end(patience=0.01)
    assert not held.is_set()


def test_a_failed_creation_is_not_waited_for(session: str) -> None:
    """A refused container is no longer under way."""
    with pytest.raises(ValueError, match=session), creation.creating():
        raise ValueError(session)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(creation.end, DONE).result(DONE / 2)


def test_the_end_of_one_session_is_not_that_of_another(session: str, other_session: Callable[[], str]) -> None:
    """A process may have one session after the other."""
    creation.end()
    with pytest.raises(InfrastructureError, match="this run is over"), creation.creating():
        pass
    assert other_session() != session
    with creation.creating():
        pass


def test_who_joined_a_session_does_not_end_it(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of a run may end before the others."""
    monkeypatch.setenv(owner.SESSION_VARIABLE, f"1{session}")
    creation.end()
    with creation.creating():
        pass


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["container", "network", "volume"])
def test_nothing_is_made_after_the_end(engine: DockerClient, session: str, tiny_image: str, kind: str) -> None:
    """A thread that nobody could stop goes on working for a run that has been cleared up."""
    makers: dict[str, Callable[[], object]] = {
        "container": lambda: Container(engine, tiny_image, "late", network="none"),
        "network": lambda: session_network.network(engine),
        "volume": lambda: Baselines(engine)._create_volume(f"rt-harness-late-{session}", owner.labels("late")),
    }
    end_of_run.clear("test")
    with pytest.raises(InfrastructureError, match="this run is over"):
        makers[kind]()
    assert [str(one) for one in resources(engine, f"{owner.SESSION}={session}")] == []
