"""Simulate an agent that is cut off: its tasks run on, but Marathon cannot reach them and forgets them.

One machine cannot lose its only agent, so a test names the task that is to appear lost.
"""

from __future__ import annotations

from harness.marathon.standin.scheduler import Scheduler
from harness.marathon.standin.task import UNREACHABLE, Task


def lose(scheduler: Scheduler, task: Task) -> None:
    """Make a task's agent unreachable from now on: no kill arrives there.

    The task stays listed for as long as its app's strategy says, and is removed once its end is requested.
    """
    task.state, strategy = UNREACHABLE, task.app.unreachable_strategy
    scheduler.tell_status(task, "its agent is out of reach")
    wait = None if strategy == "disabled" else strategy.expunge_after_seconds
    clock = scheduler.clock
    if task.killing or wait == 0:
        clock.spawn(scheduler.forget(task))
    elif wait:
        task.timers.append(clock.call_later(wait, lambda: clock.spawn(scheduler.forget(task))))
