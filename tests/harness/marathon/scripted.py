"""Tasks that exist in memory only, for tests of scheduling that need no containers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from fixtures.marathon_trial import Json
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Settings, Standin
from harness.marathon.standin.events import Events
from harness.marathon.standin.model import App
from harness.marathon.standin.normalize import normalize, parse
from harness.marathon.standin.probes import Result
from harness.marathon.standin.runner import AdoptedTask, Ended, LaunchError
from harness.marathon.standin.state import State
from harness.marathon.standin.task import FAILED, Placement


class ScriptedRunner:
    """Starts everything at once, except images named "missing"; tasks of image "deaf" ignore SIGTERM."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        """Begin without tasks."""
        self.apps: dict[str, App] = {}
        self.signals: list[str] = []
        self.left: list[AdoptedTask] = []
        self.port = 9
        self.most = 0

    def watch(self, ended: Ended) -> None:
        """Remember the callback."""
        self.ended = ended

    async def launch(self, app: App, task_id: str, staged_at: float) -> Placement:
        """Start a task at `port`, which has no listener unless a test adds one."""
        del staged_at
        image = app.container.docker.image if app.container and app.container.docker else ""
        if image == "missing":
            raise LaunchError("image missing is not here")
        self.apps[task_id] = app
        self.most = max(self.most, len(self.apps))
        return Placement(f"{image}:{task_id}", 0, "127.0.0.1", (self.port,), (80,), (("127.0.0.1", self.port),))

    def crash(self, task_id: str, status: int = 3) -> None:
        """End a task as if by itself."""
        self.ended(task_id, FAILED, f"Container exited with status {status}")

    async def signal(self, placed: Placement, name: str) -> None:
        """End the task, unless it is deaf."""
        image, _, task_id = placed.container.partition(":")
        self.signals.append(name)
        if name == "SIGKILL" or image != "deaf":
            self.apps.pop(task_id, None)
            self.ended(task_id, FAILED, "Container exited with status 137")

    async def ending(self, placed: Placement) -> tuple[str, str] | None:
        """Return None for a task that is left, a failure for one that is gone."""
        return None if placed.container.partition(":")[2] in self.apps else (FAILED, "Container is gone")

    async def remove(self, placed: Placement) -> None:
        """Forget a task."""
        self.apps.pop(placed.container.partition(":")[2], None)

    async def execute(self, placed: Placement, command: str, timeout: float) -> Result:
        """Succeed only for the command "true"."""
        del placed, timeout
        return Result(command == "true")

    async def adopt(self) -> list[AdoptedTask]:
        """Return the tasks that the test defines as left behind."""
        return self.left

    async def close(self) -> None:
        """Do nothing."""


def standin(
    state: State | None = None, settings: Settings | None = None, runner: ScriptedRunner | None = None
) -> tuple[Standin, ScriptedRunner, ManualClock]:
    """Return a stand-in on a manual clock that has not been started."""
    state = state or State(None)
    clock, runner = ManualClock(state.moment or 1_700_000_000.0), runner or ScriptedRunner()
    site = Standin(clock, runner, state, settings)
    site.scheduler.settle_after_signal = 0.01  # tasks in memory die at once or not at all
    return site, runner, clock


def app(image: str = "good", **changes: object) -> App:
    """Return a stored definition of one task on a bridge."""
    document = {
        "id": "/a",
        "container": {"docker": {"image": image}, "portMappings": [{"containerPort": 80}]},
        "networks": [{"mode": "container/bridge"}],
        **changes,
    }
    return normalize(parse(document))


Story = Callable[[Standin, ScriptedRunner, ManualClock], Awaitable[None]]


def play(
    story: Story,
    settings: Settings | None = None,
    state: State | None = None,
    left: Sequence[AdoptedTask] = (),
    runner: ScriptedRunner | None = None,
) -> None:
    """Run a story on a stand-in of its own; `left`: tasks left running by an earlier one."""

    async def whole() -> None:
        site, used, clock = standin(state, settings, runner)
        used.left = list(left)
        used.apps = {found.task_id: app() for found in left if found.ended is None}
        await site.start()
        await story(site, used, clock)
        await site.stop()

    asyncio.run(whole())


def take(events: Events, *types: str) -> list[Json]:
    """Return a subscriber's pending events; `types` keeps only those."""
    found = [event for event in iter(lambda: None if events.empty() else events.get_nowait(), None) if event]
    return [event for event in found if not types or event["eventType"] in types]


def leaves(site: Standin, ended: tuple[str, str] | None = None) -> list[AdoptedTask]:
    """Return the tasks as the next process will find them: running, or all ended in one way."""
    return [
        AdoptedTask(task.id, task.app.id, task.app.version, task.staged_at, task.placed, ended)
        for task in site.state.tasks.values()
        if task.placed is not None
    ]
