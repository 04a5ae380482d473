"""No end of a task is missed: events that nobody heard, an engine that was away, a kill without effect."""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from unittest.mock import Mock

import pytest
from docker import DockerClient
from docker.errors import DockerException, NotFound

from harness import engine, owner
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.following import Follower
from harness.marathon.standin.labels import APP, PORTS, STAGED, STANDIN, TASK, VERSION
from harness.marathon.standin.scheduler import KILL_AGAIN
from tests.harness.marathon.scripted import ScriptedRunner, app, play

LIMIT = 20
"""Real seconds after which something has been missed."""
Ends = queue.Queue[tuple[str, str, str]]


def labels(identity: str, task: str) -> dict[str, str]:
    """Return the labels of a task's container."""
    return {STANDIN: identity, TASK: task, APP: "/a", VERSION: "v", STAGED: "0", PORTS: "[[], []]"}


@pytest.fixture
def client() -> Iterator[DockerClient]:
    """Return the engine."""
    found = engine.connect()
    yield found
    found.close()


@pytest.mark.engine
@pytest.mark.parametrize("how", ["killed", "removed"])
def test_a_death_while_nobody_listened_is_told(client: DockerClient, tiny_image: str, how: str) -> None:
    """The connection breaks, as with a proxy that ends what is silent, and the container ends in the gap."""
    identity, ends = secrets.token_hex(8), Ends()
    container = client.containers.run(
        tiny_image, detach=True, labels=labels(identity, "a.1") | owner.labels("marathon-task")
    )
    follower = Follower(client, identity, lambda *end: ends.put(end))
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


class Engine:
    """An engine that answers with one stream of events after the other, or not at all; the last one is silent."""

    def __init__(self, *streams: list[dict[str, Any]] | Exception) -> None:
        """Nobody has asked yet."""
        self.streams, self.asked = list(streams), list[tuple[float, object]]()
        self.silent, self.over = threading.Event(), threading.Event()

    def events(self, **how: object) -> Iterator[dict[str, Any]]:
        """Open a stream."""
        self.asked.append((time.monotonic(), how.get("since")))
        following = self.streams.pop(0) if self.streams else []
        if isinstance(following, Exception):
            raise following
        return self._stream(following, last=not self.streams)

    def _stream(self, events: list[dict[str, Any]], *, last: bool) -> Iterator[dict[str, Any]]:
        yield from events
        if last:
            self.silent.set()
            assert self.over.wait(LIMIT)


def died(task: str, moment: int) -> dict[str, Any]:
    """Return an event."""
    return {"id": task, "time": moment, "Actor": {"Attributes": {TASK: task, "exitCode": "3"}}}


def test_an_engine_that_was_away_is_followed_again() -> None:
    """With a pause before each attempt. It remembers nothing from before, so its list says who died meanwhile."""
    state = {"Running": False, "ExitCode": 9, "OOMKilled": False, "Pid": 0}
    attributes = {
        "Id": "x", "State": state, "Config": {"Labels": labels("me", "b")}, "NetworkSettings": {"Networks": {}},
    }  # fmt: skip
    away = [DockerException("away") for _ in range(3)]
    stand_in = Engine([died("a", 1234)], *away, [])
    listed = Mock(list=Mock(return_value=[Mock(attrs=attributes)]))
    ends, pause = Ends(), 0.05
    follower = Follower(Mock(api=stand_in, containers=listed), "me", lambda *end: ends.put(end), pause)
    follower.start()
    assert stand_in.silent.wait(LIMIT)
    told = [ends.get(timeout=LIMIT) for _ in range(2)]
    follower.close()
    stand_in.over.set()
    message = "Container exited with status"
    assert told == [("a", "TASK_FAILED", f"{message} 3"), ("b", "TASK_FAILED", f"{message} 9")]
    assert [since for _, since in stand_in.asked] == [None, 1234, 1234, 1234, 1234]
    moments = [moment for moment, _ in stand_in.asked]
    assert min(later - earlier for earlier, later in pairwise(moments)) >= pause


class Silent(ScriptedRunner):
    """Tells of no end; `deaf` to the first so many SIGKILLs."""

    def __init__(self, deaf: int) -> None:
        """Nobody is dead yet."""
        super().__init__()
        self.deaf = deaf

    async def signal(self, placed: Any, name: str) -> None:
        """End a task without a word."""
        self.signals.append(name)
        if name == "SIGKILL" and self.signals.count(name) > self.deaf:
            self.apps.pop(placed.container.partition(":")[2], None)


@pytest.mark.parametrize("deaf", [0, 2])
def test_a_kill_is_looked_after_and_tried_again(deaf: int) -> None:
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
