"""Ctrl-C reaches a thread that waits for others, and through it what they wait for."""

from __future__ import annotations

import _thread
import sys
import threading
from functools import partial

import pytest

from harness import together
from harness.waits import Retry, wait_until


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for long."""
    monkeypatch.setattr(together, "ATTENTION", 0.02)


def test_all_are_done_and_an_error_is_ones_own() -> None:
    """A check that breaks must not keep the others from being asked."""
    done: list[int] = []
    together.at_once([lambda: 1 / 0, *(partial(done.append, number) for number in range(9))], stop=pytest.fail)
    assert sorted(done) == list(range(9))


def main_waits() -> None:
    """Raise Retry unless the main thread waits for something, in a function of that name."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    if frame.f_code.co_name != "wait":
        raise Retry(frame.f_code.co_name)


def test_ctrl_c_ends_what_runs_and_begins_nothing_more() -> None:
    """Here it comes without waking anybody up, as a signal does on the way into a lock."""
    gone = threading.Event()
    begun: list[int] = []
    ended: list[int] = []

    def job(number: int) -> None:
        begun.append(number)
        if number == together.WORKERS - 1:
            wait_until("The main thread waiting", main_waits, 30, interval=0.01)
            _thread.interrupt_main()
        assert gone.wait(30)
        ended.append(number)

    jobs = [partial(job, number) for number in range(together.WORKERS + 2)]
    with pytest.raises(KeyboardInterrupt):
        together.at_once(jobs, stop=gone.set)
    assert sorted(ended) == sorted(begun) == list(range(together.WORKERS))
