"""Clean up at the end of a run: remove its resources on the engine and its private files, however it ended."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection

from docker.errors import DockerException

from harness import engine, leftovers
from harness.common import interrupts, private
from harness.engine import creation
from harness.errors import InfrastructureError

GONE = (DockerException, InfrastructureError, OSError)
"""Errors of an engine that went away or a cache that is no longer writable: the next start sweeps instead."""


def clear(program: str, spared: Collection[str] = ()) -> None:
    """Remove the resources of this session, and print those that could not be removed.

    If no engine ever answered, nothing was started, and no warning about a remaining copy of data is printed.
    Nothing more can be created afterwards: a thread that still works for this run gets an error instead.
    Signals to end are answered with a request to wait, because a copy of a site's data is being removed.
    program: named in messages. spared: names of resources that stay.
    """
    left: list[str] = []
    with interrupts.defer_signals(
        f"{program}: clearing up, so that no copy of your data stays; it ends by itself"
    ):
        creation.end()
        try:
            with contextlib.closing(engine.connect()) as client:
                leftovers.remove_own(client, left, spared)
        except GONE:
            left = ["whatever this run had on the engine"] if engine.reached() else []
        with contextlib.suppress(*GONE):
            private.remove()
        if left:
            what = f"{', '.join(left)}: the copy of your data may be in it"
            with contextlib.suppress(OSError):  # the terminal may be gone
                print(
                    f"{program}: could not be removed: {what}. `make clean` or the next run removes it.",
                    file=sys.stderr,
                )
