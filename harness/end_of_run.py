"""The end of a run: what it had on the engine and its private files go, however it ended."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection

from docker.errors import DockerException

from harness import engine, leftovers
from harness.common import interrupts, private
from harness.errors import InfrastructureError

GONE = (DockerException, InfrastructureError, OSError)
"""An engine that went away, a cache that cannot be written any more: the next start sweeps."""


def clear(program: str, spared: Collection[str] = ()) -> None:
    """Remove what this session has made, and say what stays although it should not.

    Where no engine ever answered nothing was started, and nobody is told that a copy of his data may have stayed.
    Whoever asks again for the end is told to wait: a copy of somebody's data is being removed. program: who says
    so. spared: names of what is to stay.
    """
    left: list[str] = []
    with interrupts.put_off(f"{program}: clearing up, so that no copy of your data stays; it ends by itself"):
        try:
            with contextlib.closing(engine.connect()) as client:
                leftovers.remove_own(client, left, spared)
        except GONE:
            left = ["whatever this run had on the engine"] if engine.reached() else []
        with contextlib.suppress(*GONE):
            private.remove()
        if left:
            what = f"{', '.join(left)}: the copy of your data may be in it"
            with contextlib.suppress(OSError):  # the terminal may be what went away
                print(
                    f"{program}: could not be removed: {what}. `make clean` or the next run removes it.",
                    file=sys.stderr,
                )
