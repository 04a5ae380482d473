"""Tasks that hang cost nobody else their health: probes and commands of one app never wait for another's."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from unittest.mock import Mock

import pytest

from harness.marathon.standin import monitor
from harness.marathon.standin.checks import HealthCheck
from harness.marathon.standin.clock import RealClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.execution import Executions
from harness.marathon.standin.probes import Result
from harness.marathon.standin.state import State
from harness.marathon.standin.task import Placed
from tests.harness.marathon.scripted import ScriptedRunner, app

LIMIT = 20
"""Real seconds after which something hangs that must not."""


class Hanging(ScriptedRunner):
    """Tasks of image "hanging" never answer. "full": `many` were asked; "served": others were, three times."""

    def __init__(self, many: int) -> None:
        """Nobody was asked yet."""
        super().__init__()
        self.missing = {"full": many, "served": 3}
        self.events = {name: asyncio.Event() for name in self.missing}

    async def execute(self, placed: Placed, command: str, timeout: float) -> Result:
        """Answer a command."""
        del command, timeout
        return await self.answer(placed)

    async def answer(self, placed: Placed | None) -> Result:
        """Pass at once, or hang."""
        if placed is not None and placed.container.startswith("hanging"):
            self.count("full")
            await asyncio.Event().wait()
        self.count("served")
        return Result(True)

    def count(self, name: str) -> None:
        """One less is missing."""
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
    async def story() -> None:
        clock, runner = RealClock(), Hanging(many)

        async def from_outside(_: HealthCheck, placed: Placed | None, __: str) -> Result:
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
        # One at work and one that waits for each task, however many ticks have passed.
        assert len(clock.running) <= 2 * (many + 1) + 2
        await site.stop()

    asyncio.run(story())


class Engine:
    """An engine in which commands of the container "hanging" run until somebody asks for their process."""

    def __init__(self) -> None:
        """Nothing is ended yet."""
        self.ended: dict[str, threading.Event] = {}

    def exec_create(self, container: str, command: list[str]) -> dict[str, str]:
        """Return an id."""
        del command
        name = f"{container}-{len(self.ended)}"
        self.ended[name] = threading.Event()
        return {"Id": name}

    def exec_start(self, name: str) -> None:
        """Return at once, or when the command was ended."""
        if name.startswith("hanging"):
            assert self.ended[name].wait(LIMIT)

    def exec_inspect(self, name: str) -> dict[str, int]:
        """Take the question for its process for its end."""
        self.ended[name].set()
        return {"ExitCode": 0, "Pid": 0}


def test_a_command_that_waits_for_a_thread_is_not_late() -> None:
    """Nor do commands that hang keep their own end from being carried out."""

    async def story() -> list[Result]:
        executions = Executions(Mock(api=Engine()), threads=2)
        hanging = [executions.run("hanging", "x", 0.3) for _ in range(4)]
        found = await asyncio.wait_for(asyncio.gather(*hanging, executions.run("good", "x", 0.2)), LIMIT)
        executions.close()
        return found

    *late, good = asyncio.run(story())
    assert {result.cause for result in late} == {"timed out after 0.3 s"}
    assert good == Result(True)
