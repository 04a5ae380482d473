"""Do several things at once; and when the person wants an end, end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from harness.common.waits import NotReadyError, Retry, wait_until

WORKERS = 8
"""Enough for all checks at once: most of them wait for RT, for the database or for each other."""
ATTENTION = 1.0
"""Seconds until a signal is seen at the latest."""
PATIENCE = 5.0
"""Seconds in which jobs have to notice that what they work with is gone."""


def at_once(makers: Sequence[Callable[[], object]], stop: Callable[[], object]) -> None:
    """Call all of them, a few at a time, and wait. What goes wrong in one is that one's own business.

    stop: called, repeatedly, to make running ones fail when Ctrl-C comes: one of them may be an upgrade of hours,
    and a thread cannot be interrupted. Then KeyboardInterrupt goes on.
    """
    pool = ThreadPoolExecutor(WORKERS)
    futures: list[Future[object]] = []
    try:
        futures += map(pool.submit, makers)
        # A signal that comes on the way into a lock is seen when the lock opens: so none is waited for longer.
        while wait(futures, timeout=ATTENTION).not_done:
            pass
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        end(futures, stop)
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def end(futures: Sequence[Future[Any]], stop: Callable[[], object]) -> None:
    """Have what still runs of these fail, as far as it does within PATIENCE. stop: as for `at_once`."""
    if all(future.done() for future in futures):
        return

    def ended() -> None:
        stop()  # again and again: a job may have been about to start a container
        if running := sum(not future.done() for future in futures):
            raise Retry(f"{running} jobs run")

    with contextlib.suppress(NotReadyError):
        wait_until("The end of what was begun", ended, PATIENCE)
