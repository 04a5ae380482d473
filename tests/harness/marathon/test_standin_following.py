"""No end of a task may be missed: with lost events, an engine that was away, a kill without effect."""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from fixtures.engine_proxy import Proxy
from harness.common import owner
from harness.common.waits import Retry, wait_until
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.following import Follower
from harness.marathon.standin.labels import APP, PORTS, STAGED, STANDIN, TASK, VERSION
from harness.marathon.standin.scheduler import KILL_AGAIN
from tests.harness.marathon.scripted import ScriptedRunner, app, play

LIMIT = 20
"""Real seconds after which an end counts as missed."""
Ends = queue.Queue[tuple[str, str, str]]


def labels(identity: str, task: str) -> dict[str, str]:
    """Return the labels of a task's container."""
    return {STANDIN: identity, TASK: task, APP: "/a", VERSION: "v", STAGED: "0", PORTS: "[[], []]"}


@pytest.mark.engine
@pytest.mark.parametrize("how", ["killed", "removed"])
def test_a_death_while_nobody_listened_is_told(engine: DockerClient, tiny_image: str, how: str) -> None:
    """The connection breaks, as by a proxy that closes idle ones, and the container ends in the gap."""
    identity, ends = secrets.token_hex(8), Ends()
    container = engine.containers.run(
        tiny_image, detach=True, labels=labels(identity, "a.1") | owner.labels("marathon-task")
    )
    follower = Follower(engine, identity, lambda *end: ends.put(end))
    follower.start()
    try:
        follower._stream.close()
        if how == "killed":
            container.kill()
        else:
            container.remove(force=True)
        assert ends.get(timeout=LIMIT) == ("a.1", "TASK_FAILED", "Container exited with status 137")
    finally:
        follower.close()
        with contextlib.suppress(NotFound):
            container.remove(force=True)


@pytest.fixture
def containers(engine: DockerClient, tiny_image: str) -> Iterator[Callable[[str, str], Container]]:
    """Start a task's container: (identity of the stand-in, task). They are removed at the end."""
    started: list[Container] = []

    def start(identity: str, task: str) -> Container:
        own = labels(identity, task) | owner.labels("marathon-task")
        started.append(engine.containers.run(tiny_image, detach=True, labels=own))
        return started[-1]

    yield start
    for one in started:
        one.remove(force=True)


class Waited(threading.Event):
    """Record each time-out waited for: a clock would also measure how busy the machine is."""

    def __init__(self) -> None:
        """Start without any waits recorded."""
        super().__init__()
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Record the time-out, and wait."""
        self.pauses.append(timeout)
        return super().wait(timeout)


@pytest.mark.engine
@pytest.mark.parametrize("remembers", [True, False], ids=["events", "no events"])
def test_an_engine_that_was_away_is_followed_again(
    proxy: Proxy,
    by_proxy: DockerClient,
    containers: Callable[[str, str], Container],
    caplog: pytest.LogCaptureFixture,
    remembers: bool,
) -> None:
    """With a pause before each attempt. Deaths meanwhile are found by the engine's events, or else by its list."""
    identity, ends, pause = secrets.token_hex(8), Ends(), 0.2
    before, meanwhile, after = (containers(identity, task) for task in ("before", "meanwhile", "after"))
    follower = Follower(by_proxy, identity, lambda *end: ends.put(end), pause)
    closed = follower._closed = Waited()
    follower.start()
    told: list[tuple[str, str, str]] = []

    def next_end() -> None:
        while (end := ends.get(timeout=LIMIT)) in told:  # an end may be reported more than once
            pass
        told.append(end)

    try:
        before.kill()
        next_end()
        with proxy.away():
            meanwhile.kill()
            if not remembers:
                # A restarted engine has no events from before: here they are not requested.
                follower.seen += 3600
            wait_until("Attempts in vain", lambda: _most(3, in_vain(caplog)), LIMIT)
        next_end()
        after.kill()
        next_end()
    finally:
        follower.close()
    assert told == [
        (task, "TASK_FAILED", "Container exited with status 137") for task in ("before", "meanwhile", "after")
    ]
    assert len(closed.pauses) >= len(in_vain(caplog))
    assert set(closed.pauses) == {pause}


def in_vain(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log messages of requests for the engine's events while it was away."""
    return [said for one in caplog.records if "event stream has ended:" in (said := one.getMessage())]


def _most(wanted: int, found: Sequence[object]) -> None:
    if len(found) < wanted:
        raise Retry(f"{len(found)} of {wanted}")


class Silent(ScriptedRunner):
    """A runner that reports no end; it ignores the first `deaf` SIGKILLs."""

    def __init__(self, deaf: int) -> None:
        """Start with no task dead."""
        super().__init__()
        self.deaf = deaf

    async def signal(self, placed: Any, name: str) -> None:
        """End a task without reporting it."""
        self.signals.append(name)
        if name == "SIGKILL" and self.signals.count(name) > self.deaf:
            self.apps.pop(placed.container.partition(":")[2], None)


@pytest.mark.parametrize("deaf", [0, 2])
def test_a_kill_is_looked_after_and_tried_again(deaf: int) -> None:
    """An engine may lose a kill, and the task would run on for ever."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app("deaf", taskKillGracePeriodSeconds=5)}, force=False)
        await clock.settle()
        first = site.state.tasks_of("/a")
        site.commands.kill(first, scale=False, force=False)
        await clock.advance(5 + KILL_AGAIN * deaf - 0.1)
        assert (site.state.tasks_of("/a") == first, runner.signals.count("SIGKILL")) == (True, deaf)
        await clock.advance(0.1)
        assert (len(site.state.tasks), first[0].id in site.state.tasks) == (1, False)
        assert runner.signals.count("SIGKILL") == deaf + 1

    play(story, runner=Silent(deaf))
