"""Show the running steps and their durations: redrawn live on a terminal, one line per event elsewhere.

    with Progress(sys.stderr, plan) as progress, progress.step("upgrading 4.4.6 -> 5.0.3") as step:
        step.note("processing 4.5.2")

Every step is recorded in the plan with its start and duration. Steps may nest, and several threads may have their
own steps at the same time.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from harness.common import redact
from harness.common.plan import Status, Step
from harness.common.screen import Lines, Live, Screen
from harness.common.timings import Timings
from harness.common.wording import one_line
from harness.errors import HarnessError

INTERRUPTED = "interrupted"


class Running:
    """A running step."""

    def __init__(self, progress: Progress, step: Step, path: tuple[str, ...]) -> None:
        """Created only by `progress`."""
        self._progress, self.plan, self.path = progress, step, path

    def note(self, text: str) -> None:
        """Set the step's current activity; cheap, so it may be called for every line of a long run."""
        self.plan.note = one_line(text, 200)

    def find(self, what: str) -> None:
        """Mark the step as one that found something. what: how much, "3 findings"."""
        self.plan.status, self.plan.note = Status.FOUND, what

    def skip(self, why: str) -> None:
        """Mark the step as skipped on purpose, with the reason."""
        self.plan.status, self.plan.note = Status.SKIPPED, why

    @contextmanager
    def step(self, title: str) -> Iterator[Running]:
        """Run a substep of this one; for other threads, whose parent step is unknown to `Progress.step`."""
        with self._progress.step(title, inside=self) as child:
            yield child


class Progress:
    """Shows the progress of a plan on one stream, and writes to no other.

    live: redraw in place; by default if `stream` is a terminal. clock: seconds from any origin.
    """

    def __init__(
        self,
        stream: TextIO,
        plan: Step | None = None,
        *,
        timings: Timings | None = None,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Show nothing until entered."""
        self.plan = plan if plan is not None else Step("run")
        self._timings = timings
        self._clock = clock
        self._lock = threading.RLock()
        self._mine = threading.local()
        self._root = Running(self, self.plan, (self.plan.title,))
        self._gone = self._interrupted = False
        if live is None:
            live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._screen: Screen = (Live if live else Lines)(stream, self)
        self._origin = clock()
        self._stop = threading.Event()
        self._beats = threading.Thread(target=self._beat_until_stopped, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        """Start: draw the first line or frame immediately."""
        self._origin = self._clock()
        self.plan.status, self.plan.start = Status.RUNNING, 0.0
        if self._timings:
            self._timings.expect(self.plan)
        self._show(self._screen.open)
        self._beats.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Finish: complete the plan and release the stream."""
        self._stop.set()
        self._beats.join()
        with self._lock:
            self._end(self._root, error)
            self._show(self._screen.close)
        if self._timings:
            self._timings.remember(self.plan)

    def interrupt(self) -> None:
        """Show errors from now on as an interruption: what fails is what is being stopped."""
        self._interrupted = True

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self._clock() - self._origin

    @contextmanager
    def step(self, title: str, *, inside: Running | None = None) -> Iterator[Running]:
        """Run a step: the planned one with that title if there is one, else a new one.

        It is a substep of this thread's current step, or of `inside`. An exception that leaves the block marks it
        as failed.
        """
        stack: list[Running] = self._mine.__dict__.setdefault("stack", [])
        parent = inside or (stack[-1] if stack else self._root)
        running = self._begin(title, parent)
        stack.append(running)
        try:
            yield running
        except BaseException as error:
            self._end(running, error)
            raise
        else:
            self._end(running, None)
        finally:
            stack.remove(running)

    def note(self, text: str) -> None:
        """Set the current activity of this thread's step.

        Outside of a step, write the text as a line of its own.
        """
        stack: list[Running] = self._mine.__dict__.get("stack", [])
        if stack:
            stack[-1].note(text)
        else:
            self.say(text)

    def say(self, text: str) -> None:
        """Write lines that stay, without disturbing the part that is redrawn."""
        self._show(lambda: self._screen.say(text))

    def running(self) -> list[tuple[int, Step]]:
        """Return the running steps, each with its depth below the run."""
        with self._lock:
            return [(depth, step) for depth, step in self.plan.walk() if depth and step.status is Status.RUNNING]

    def beat(self) -> None:
        """Redraw the screen with the current time."""
        with self._lock:
            self._show(lambda: self._screen.beat(self.elapsed()))

    def _show(self, what: Callable[[], None]) -> None:
        """Call `what`; after an output error, stop showing. A closed terminal must not end the run."""
        with self._lock:
            if not self._gone:
                try:
                    what()
                except (OSError, ValueError):
                    self._gone = True

    def _begin(self, title: str, parent: Running) -> Running:
        with self._lock:
            planned = (one for one in parent.plan.children if one.title == title and one.status is Status.PLANNED)
            step = next(planned, None) or parent.plan.add(title)
            running = Running(self, step, (*parent.path, title))
            step.status, step.start, step.note = Status.RUNNING, round(self.elapsed(), 3), ""
            if self._timings and step.expected is None:
                step.expected = self._timings.expected(running.path)
            self._show(lambda: self._screen.began(step, len(running.path) - 1))
        return running

    def _end(self, running: Running, error: BaseException | None) -> None:
        with self._lock:
            step = running.plan
            step.seconds = max(0.0, round(self.elapsed() - (step.start or 0.0), 3))
            if error is not None:
                why = INTERRUPTED if self._interrupted else _sentence(error)
                told = any(child.note == why for child in step.children)
                step.status, step.note = Status.FAILED, "" if told else why
            elif step.status is Status.RUNNING:
                below = {child.status for child in step.children}
                worst = (one for one in (Status.FAILED, Status.FOUND) if one in below)
                step.status, step.note = next(worst, Status.DONE), ""
            if running is not self._root:
                self._show(lambda: self._screen.ended(step, len(running.path) - 1))

    def _beat_until_stopped(self) -> None:
        while not self._stop.wait(self._screen.interval):
            self.beat()


def _sentence(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, HarnessError):
        return error.sentence
    said = redact.line(str(error).strip().partition("\n")[0])  # errors of servers and libraries quote data
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
