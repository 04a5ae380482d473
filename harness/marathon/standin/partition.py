"""An agent that is cut off: its tasks run on, and Marathon, which cannot reach them, forgets them.

One machine cannot lose its only agent, so a test says of which task it is to look as if.
"""

from __future__ import annotations

from harness.marathon.standin.scheduler import Scheduler
from harness.marathon.standin.task import UNREACHABLE, Task


def lose(scheduler: Scheduler, task: Task) -> None:
    """Let a task's agent be out of reach from now on: no kill arrives there.

    The task is listed for as long as its app's strategy says, and not any more once its end is asked for.
    """
    task.state, strategy = UNREACHABLE, task.app.unreachable_strategy
    scheduler.tell_status(task, "its agent is out of reach")
    wait = None if strategy == "disabled" else strategy.expunge_after_seconds
    clock = scheduler.clock
    if task.killing or wait == 0:
        clock.spawn(scheduler.forget(task))
    elif wait:
        task.timers.append(clock.call_later(wait, lambda: clock.spawn(scheduler.forget(task))))
