"""Ctrl-C reaches a thread that waits for jobs, and ends the jobs."""

from __future__ import annotations

import _thread
import sys
import threading
from concurrent.futures import wait
from functools import partial
from types import FrameType

import pytest

from harness.common import parallel
from harness.common.waits import Retry, wait_until


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the polling interval, so that tests are fast."""
    monkeypatch.setattr(parallel, "ATTENTION", 0.02)


def test_all_are_done_and_an_error_is_ones_own() -> None:
    """A check that fails must not keep the others from running."""
    done: list[int] = []
    parallel.at_once([lambda: 1 / 0, *(partial(done.append, number) for number in range(9))], stop=pytest.fail)
    assert sorted(done) == list(range(9))


def main_waits() -> None:
    """Raise Retry unless the main thread has started all jobs and waits for them."""
    frame: FrameType | None = sys._current_frames()[threading.main_thread().ident or 0]
    while frame and frame.f_code is not wait.__code__:
        frame = frame.f_back
    if not frame:
        raise Retry("it does something else")


@pytest.mark.usefixtures("listening")
def test_ctrl_c_ends_what_runs_and_begins_nothing_more() -> None:
    """The interrupt wakes no thread here, like a signal that arrives just before a lock is taken."""
    gone = threading.Event()
    begun: list[int] = []
    ended: list[int] = []

    def job(number: int) -> None:
        begun.append(number)
        if number == parallel.WORKERS - 1:
            wait_until("The main thread waiting", main_waits, 30, interval=0.01)
            _thread.interrupt_main()
        assert gone.wait(30)
        ended.append(number)

    jobs = [partial(job, number) for number in range(parallel.WORKERS + 2)]
    with pytest.raises(KeyboardInterrupt):
        parallel.at_once(jobs, stop=gone.set)
    assert sorted(ended) == sorted(begun) == list(range(parallel.WORKERS))
