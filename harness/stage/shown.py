"""Show progress to a person: steps of a plan, or nothing if there is no progress output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from harness.common.progress import Progress, Running


class Silent:
    """A step without output."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def find(self, what: str) -> None:
        """Show nothing."""

    def skip(self, why: str) -> None:
        """Show nothing."""


class Shown:
    """Steps of a progress, each inside the current phase; all of them silent without a progress."""

    def __init__(self, progress: Progress | None = None) -> None:
        """Remember the progress to show them on."""
        self._progress = progress
        self._phase: Running | None = None

    def interrupt(self) -> None:
        """Show errors from now on as what they are: consequences of an interruption."""
        if self._progress is not None:
            self._progress.interrupt()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Running | Silent]:
        """Show a step."""
        if self._progress is None:
            yield Silent()
        else:
            with self._progress.step(title, inside=self._phase) as running:
                yield running

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Show a step that contains other steps. Phases do not nest."""
        if self._progress is None:
            yield
            return
        with self._progress.step(title) as running:
            self._phase = running
            try:
                yield
            finally:
                self._phase = None
