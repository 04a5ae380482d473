"""Hanging tasks must not affect others' health: probes and commands of one app never wait for another's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from docker import DockerClient

from fixtures.engine_proxy import Proxy
from harness.common import owner
from harness.marathon.standin import monitor
from harness.marathon.standin.checks import HealthCheck
from harness.marathon.standin.clock import RealClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.execution import Executions
from harness.marathon.standin.probes import Result
from harness.marathon.standin.state import State
from harness.marathon.standin.task import Placement
from tests.harness.marathon.scripted import ScriptedRunner, app

LIMIT = 60
"""Real seconds after which a test counts as hanging."""


class Hanging(ScriptedRunner):
    """A runner whose tasks of image "hanging" never answer.

    Events: "full" after `many` such requests; "served" after three of other tasks.
    """

    def __init__(self, many: int) -> None:
        """Start without any requests."""
        super().__init__()
        self.missing = {"full": many, "served": 3}
        self.events = {name: asyncio.Event() for name in self.missing}

    async def execute(self, placed: Placement, command: str, timeout: float) -> Result:
        """Answer a command."""
        del command, timeout
        return await self.answer(placed)

    async def answer(self, placed: Placement | None) -> Result:
        """Pass at once, or hang."""
        if placed is not None and placed.container.startswith("hanging"):
            self.count("full")
            await asyncio.Event().wait()
        self.count("served")
        return Result(True)

    def count(self, name: str) -> None:
        """Count down one event."""
        self.missing[name] -= 1
        if self.missing[name] <= 0:
            self.events[name].set()


@pytest.mark.parametrize(
    ("check", "many"),
    [
        ({"path": "/"}, monitor.OUTSIDE),
        ({"protocol": "COMMAND", "command": {"value": "x"}, "delaySeconds": 0}, monitor.INSIDE),
    ],
    ids=["by Marathon", "by the agent"],
)
def test_an_app_that_hangs_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch, check: dict[str, Any], many: int
) -> None:
    """Each app has its own number of parallel probes."""

    async def story() -> None:
        clock, runner = RealClock(), Hanging(many)

        async def from_outside(_: HealthCheck, placed: Placement | None, __: str) -> Result:
            return await runner.answer(placed)

        monkeypatch.setattr(monitor, "ask_from_outside", from_outside)
        site = Standin(clock, runner, State(None))
        await site.start()
        checks = [{"intervalSeconds": 0, **check}]
        bad = app("hanging", id="/bad", instances=many + 1, healthChecks=checks)
        site.commands.submit({"/bad": bad}, force=False)
        async with asyncio.timeout(LIMIT):
            await runner.events["full"].wait()
            site.commands.submit({"/good": app(id="/good", healthChecks=checks)}, force=False)
            await runner.events["served"].wait()
        # One running and one waiting for each task, however many ticks have passed.
        assert len(clock.running) <= 2 * (many + 1) + 2
        await site.stop()

    asyncio.run(story())


@pytest.fixture
def container(engine: DockerClient, tiny_image: str) -> Iterator[str]:
    """A container to run commands in."""
    started = engine.containers.run(tiny_image, detach=True, labels=owner.labels("marathon-task"))
    yield str(started.id)
    started.remove(force=True)


HANGS, PATIENCE = 12.0, 10.0
"""Seconds: hanging commands occupy the threads for longer than the next may take, even on a busy machine."""


@pytest.mark.engine
def test_a_command_that_waits_for_a_thread_is_not_late(engine: DockerClient, container: str) -> None:
    """Nor may hanging commands prevent their own termination."""

    async def story() -> list[Result]:
        executions = Executions(engine, threads=2)
        hanging = [executions.run(container, "sleep 300", HANGS) for _ in range(2)]
        good = executions.run(container, "true", PATIENCE)
        found = await asyncio.wait_for(asyncio.gather(*hanging, good), LIMIT)
        executions.close()
        return found

    *late, good = asyncio.run(story())
    assert {result.cause for result in late} == {f"timed out after {HANGS:g} s"}
    assert good == Result(True)


@pytest.mark.engine
def test_an_engine_that_answers_late_runs_no_command_after_its_time(
    by_proxy: DockerClient, proxy: Proxy, container: str
) -> None:
    """Otherwise a busy engine would get ever more commands whose results are no longer awaited."""

    async def story() -> Result:
        executions = Executions(by_proxy, threads=1)
        with proxy.held():
            late = await executions.run(container, "touch /tmp/begun", 0.2)
        # There is one thread: this command begins after the other has ended.
        behind = await asyncio.wait_for(executions.run(container, "test ! -e /tmp/begun", LIMIT), LIMIT)
        executions.close()
        assert behind == Result(True), "it was begun all the same"
        return late

    assert asyncio.run(story()) == Result(False, "timed out after 0.2 s")
