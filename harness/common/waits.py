"""Provide the one wait function of the project."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import Block, InfrastructureError

Result = TypeVar("Result")


class NotReadyError(InfrastructureError):
    """A condition was not met in time, or can no longer be met."""


class GoneError(NotReadyError):
    """A condition can no longer be met: the container or process it depends on has ended."""


class Retry(Exception):  # noqa: N818 - it is a signal between a probe and its wait, not an error
    """Raised by a probe for "not yet", with the reason that a time-out error shows."""


def wait_until(
    what: str,
    probe: Callable[[], Result],
    timeout: float,
    *,
    interval: float = 0.1,
    retry_on: tuple[type[Exception], ...] = (),
    gone: Callable[[], str | None] = lambda: None,
    evidence: Callable[[], list[Block]] = list,
) -> Result:
    """Call `probe` every `interval` seconds until it returns, and return its result.

    A probe raises `Retry` or one of `retry_on` for "not yet"; any other exception is a real error and is passed
    on. `gone` returns a sentence once waiting is pointless (the container exited): that ends the wait at once,
    which tells a crash from slowness. `evidence` supplies the container's log for the error.
    Raises NotReadyError after `timeout` seconds (the probe is always called at least once more at the end, so that
    a machine suspended past the deadline is not misjudged), GoneError as soon as `gone` returns a sentence.
    """
    retries: tuple[type[Exception], ...] = (Retry, *retry_on)
    start = time.monotonic()
    while True:
        late = time.monotonic() - start >= timeout
        try:
            return probe()
        except retries as error:
            reason = f"{type(error).__name__}: {error}" if not isinstance(error, Retry) else str(error)
            waited = time.monotonic() - start
            ended = gone()
            if ended:
                raise GoneError(
                    f"{what} will not happen: {ended} (after {waited:.1f} s).",
                    [("Last answer", reason), *evidence()],
                ) from error
            if late:
                raise NotReadyError(
                    f"{what} did not happen within {timeout:g} s.", [("Last answer", reason), *evidence()]
                ) from error
        time.sleep(interval)
