"""What a person sees of the work: steps of a plan, or nothing where nobody watches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from harness.common.progress import Progress, Running


class Silent:
    """A step that nobody watches."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def fail(self, why: str) -> None:
        """Say nothing."""

    def skip(self, why: str) -> None:
        """Say nothing."""


class Shown:
    """Steps on a progress, each inside of the phase that is on; all of them silent without a progress."""

    def __init__(self, progress: Progress | None = None) -> None:
        """Remember where to show them."""
        self._progress = progress
        self._phase: Running | None = None

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
        """Show a step in which others are. One at a time."""
        if self._progress is None:
            yield
            return
        with self._progress.step(title) as running:
            self._phase = running
            try:
                yield
            finally:
                self._phase = None
