"""Run several jobs at once, and stop them promptly on Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from harness.common.waits import NotReadyError, Retry, wait_until

WORKERS = 8
"""Enough for all checks at once: most of them wait for RT, for the database or for each other."""
ATTENTION = 1.0
"""Maximum seconds until a signal is handled."""
PATIENCE = 5.0
"""Seconds in which jobs must fail after the resources they use have been removed."""


def at_once(makers: Sequence[Callable[[], object]], stop: Callable[[], object]) -> None:
    """Call all `makers`, up to WORKERS at a time, and wait.

    An exception in one is ignored here and stops no other.
    stop: called repeatedly after Ctrl-C to make running jobs fail: one may be an upgrade that takes hours, and a
    thread cannot be interrupted. Then KeyboardInterrupt is raised again.
    """
    pool = ThreadPoolExecutor(WORKERS)
    futures: list[Future[object]] = []
    try:
        futures += map(pool.submit, makers)
        # A signal that arrives just before a lock is taken is handled only after the wait: so no wait is longer.
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
    """Make the jobs that still run fail, as far as possible within PATIENCE. stop: as for `at_once`."""
    if all(future.done() for future in futures):
        return

    def ended() -> None:
        stop()  # repeatedly: a job may have been about to start a container
        if running := sum(not future.done() for future in futures):
            raise Retry(f"{running} jobs run")

    with contextlib.suppress(NotReadyError):
        wait_until("The end of what was begun", ended, PATIENCE)
