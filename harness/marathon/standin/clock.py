"""Injected time: a real clock, and a manual clock that only moves on demand.

Timers drive everything that Marathon does by itself (health ticks, backoff, kill escalation). On the manual clock
a grace period of 300 s costs a test nothing: `advance` fires the timers one by one in the order in which they are
due and waits for the work that each starts before it looks for the next.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

Action = Callable[[], None]
log = logging.getLogger(__name__)
SETTLE_LIMIT = 60.0
"""Real seconds that work in flight may take before a manual clock refuses to advance."""


def stamp(moment: float) -> str:
    """Format a time (seconds since the epoch) as Marathon does: UTC, three digits of milliseconds, Z."""
    whole = datetime.fromtimestamp(round(moment, 3), UTC)
    return whole.strftime("%Y-%m-%dT%H:%M:%S.") + f"{whole.microsecond // 1000:03d}Z"


def moment_of(text: str) -> float:
    """Return the seconds since the epoch of a stamp; raises ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Timer:
    """An action due at a time, until cancelled."""

    def __init__(self, due: float, action: Action) -> None:
        """Remember the action and its time."""
        self.due = due
        self.action: Action | None = action
        self.handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Prevent the action from running (again)."""
        self.action = None
        if self.handle is not None:
            self.handle.cancel()

    def fire(self) -> None:
        """Run the action, once."""
        action, self.action = self.action, None
        if action is not None:
            action()


class Clock(Protocol):
    """Interface of the clocks. All methods belong to the event loop's thread."""

    def now(self) -> float:
        """Return the seconds since the epoch."""

    def call_later(self, delay: float, action: Action) -> Timer:
        """Run `action` once, `delay` seconds from now."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that takes real time (a probe, a container being started)."""


class Work:
    """Coroutines in flight, kept so that they can be awaited and are not collected while they run."""

    def __init__(self) -> None:
        """Start with nothing in flight."""
        self.running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work; its failure is a defect of the stand-in and is logged as one."""
        task = asyncio.get_running_loop().create_task(work)
        self.running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work of the stand-in failed", exc_info=error)

    async def settle(self) -> None:
        """Wait until nothing is in flight. Raises TimeoutError after SETTLE_LIMIT real seconds."""
        async with asyncio.timeout(SETTLE_LIMIT):
            while self.running:
                await asyncio.wait(set(self.running))
                await asyncio.sleep(0)


class RealClock(Work):
    """The machine's clock."""

    def now(self) -> float:
        """Return the machine's time."""
        return time.time()

    def call_later(self, delay: float, action: Action) -> Timer:
        """Let the event loop run `action` after `delay` seconds."""
        timer = Timer(self.now() + delay, action)
        timer.handle = asyncio.get_running_loop().call_later(max(delay, 0), timer.fire)
        return timer


class ManualClock(Work):
    """A clock that stands still between calls of `advance`."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        """Begin at `start` seconds since the epoch."""
        super().__init__()
        self._now = start
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []

    def now(self) -> float:
        """Return the time that was reached."""
        return self._now

    def call_later(self, delay: float, action: Action) -> Timer:
        """Keep `action` until the clock is advanced to its time."""
        timer = Timer(self._now + max(delay, 0), action)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Advance by `seconds`, firing each timer that falls due at its own time."""
        end = self._now + seconds
        await self.settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            if timer.action is None:
                continue
            self._now = max(self._now, due)
            timer.fire()
            await self.settle()
        self._now = end
