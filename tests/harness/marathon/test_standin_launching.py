"""After a launch that fails with an unexpected error, its task must have ended and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from typing import Any

import pytest
import requests
from docker import DockerClient
from docker.transport import UnixHTTPAdapter

from harness import engine as engines
from harness.engine.listed import containers_of
from harness.marathon.standin.clock import ManualClock, RealClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.flags import parameters
from harness.marathon.standin.labels import STANDIN
from harness.marathon.standin.model import App
from harness.marathon.standin.runner import LaunchError
from harness.marathon.standin.state import State
from harness.marathon.standin.task import FAILED, KILLED, RUNNING, STAGING, Placement, Task
from harness.marathon.standin.tasks import DockerRunner
from tests.harness.marathon.scripted import ScriptedRunner, app, play

LIMIT = 20
"""Real seconds after which a task counts as never ending."""


class Breaking(ScriptedRunner):
    """A runner whose first launch fails as if the engine restarted: not with an error of the engine's own."""

    def __init__(self, *, late: bool = False) -> None:
        """Set up the failure. late: it happens when `over` is set."""
        super().__init__()
        self.broke, self.begun, self.over = False, asyncio.Event(), asyncio.Event()
        if not late:
            self.over.set()

    async def launch(self, app: App, task_id: str, staged_at: float) -> Placement:
        """Fail once."""
        self.begun.set()
        await self.over.wait()
        if not self.broke:
            self.broke = True
            raise requests.ConnectionError("nobody is there")
        return await super().launch(app, task_id, staged_at)


def test_a_launch_that_breaks_fails_its_task_and_the_next_comes() -> None:
    """Otherwise it would be staging for ever: counted, not replaced, and blocking the app's removal."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app(backoffSeconds=10)}, force=False)
        await clock.settle()
        failure = site.state.apps["/a"].last_failure
        assert failure is not None
        assert (failure["state"], failure["message"], len(site.state.tasks)) == (FAILED, "nobody is there", 0)
        await clock.advance(10)
        assert [task.state for task in site.state.tasks.values()] == [RUNNING]
        site.commands.delete("/a", force=False)
        await clock.settle()
        assert (site.state.tasks, site.state.deployments) == ({}, {})

    play(story, runner=Breaking())


def test_a_launch_that_breaks_after_its_end_was_asked_for_is_no_failure() -> None:
    """The deployment that waits for that end must be over."""

    async def whole() -> None:
        clock, runner = RealClock(), Breaking(late=True)
        site = Standin(clock, runner, State(None))
        await site.start()
        killed: asyncio.Queue[Task] = asyncio.Queue()
        site.scheduler.on_kill = killed.put_nowait
        site.commands.submit({"/a": app()}, force=False)
        async with asyncio.timeout(LIMIT):
            await runner.begun.wait()
            (task,) = site.state.tasks.values()
            assert task.state == STAGING
            site.commands.delete("/a", force=True)
            assert await killed.get() is task
            runner.over.set()
            await task.over.wait()
            await clock.settle()
        assert (task.state, site.state.tasks, site.state.deployments) == (KILLED, {}, {})
        await site.stop()

    asyncio.run(whole())


def test_a_parameter_that_names_no_address_is_refused_in_words() -> None:
    """Such a parameter must be refused like every other one that the engine could not accept."""

    def with_host(value: str) -> App:
        docker = {"image": "good", "parameters": [{"key": "add-host", "value": value}]}
        return app(container={"docker": docker, "portMappings": []})

    assert parameters(with_host("db:::1"))["extra_hosts"] == {"db": "::1"}
    with pytest.raises(LaunchError, match="names no address for db"):
        parameters(with_host("db"))


class Lossy(UnixHTTPAdapter):
    """The connection to the engine. Patterns of "METHOD URL" select the requests or the answers to be lost."""

    lost = cut = ""

    def send(self, request: requests.PreparedRequest, *rest: Any, **more: Any) -> requests.Response:
        """Send a request that is not `cut`, and lose its answer if it is `lost`."""
        said = f"{request.method} {request.url}"
        if self.cut and re.search(self.cut, said):
            raise requests.ConnectionError("nobody is there")
        answer: requests.Response = super().send(request, *rest, **more)
        if self.lost and re.search(self.lost, said):
            answer.close()
            raise requests.ReadTimeout("nobody answered in time")
        return answer


@pytest.mark.engine
@pytest.mark.parametrize("lost", ["POST .*/create", "POST .*/start", "GET .*/json"])
@pytest.mark.parametrize("away", [False, True], ids=["there again", "still away"])
def test_a_container_whose_launch_broke_is_not_left(
    engine: DockerClient, tiny_image: str, lost: str, away: bool
) -> None:
    """A container without a task could work on a database. If the engine is away: removed at the next launch."""
    if not os.environ["DOCKER_HOST"].startswith("unix://"):
        pytest.skip("the engine is not at a local socket")
    identity, way, other = secrets.token_hex(8), Lossy(f"http+{os.environ['DOCKER_HOST']}"), engines.connect()
    other.api.mount("http+docker://", way)
    runner = DockerRunner(other, identity, "127.0.0.1")

    def left() -> int:
        return len(containers_of(engine, {STANDIN: identity}, ended=True))

    async def story() -> None:
        way.lost, way.cut = lost, "DELETE" if away else ""
        with pytest.raises(LaunchError, match="in time"):
            await runner.launch(app(tiny_image), f"a.{identity}1", 0)
        assert left() == away
        way.lost = way.cut = ""
        placed = await runner.launch(app(tiny_image), f"a.{identity}2", 0)
        assert left() == 1
        await runner.remove(placed)
        await runner.close()
        assert left() == 0

    asyncio.run(story())
