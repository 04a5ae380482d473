"""Run mmdebstrap so that nothing of it stays behind, whether it ends by itself or is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from harness.common import private
from harness.images import mirror

PATIENCE = 20.0
"""Seconds in which an ended mmdebstrap removes what it mounted and unpacked: about one on a quiet machine."""
_running: dict[subprocess.Popen[bytes], threading.Event] = {}
"""The processes that run, each with an event for the moment at which its files are gone."""
_begins = threading.Lock()
"""Held where a process begins: `end_all` meets it in `_running`, or none begins."""
_ending = False
"""Whether `end_all` was called: this process is about to end."""


def run(arguments: Sequence[str], environment: Mapping[str, str], tree: IO[bytes], errors: IO[bytes]) -> int:
    """Run mmdebstrap with these arguments, output and errors; return its exit code.

    If the wait is interrupted, or by `end_all`, it is ended with everything that it started. Its files are in a
    private directory, which a later run erases if this one is killed. After `end_all` none is begun, as if it had
    been ended at once.
    """
    gone = threading.Event()
    settings = {**os.environ, **environment, "PATH": mirror.search_path()}
    try:
        with private.mountable() as folder:
            folder.chmod(0o711)  # apt's own user, and a user namespace's root, have to get through
            with _begins:
                if _ending:
                    return -signal.SIGTERM
                process = subprocess.Popen(
                    ["mmdebstrap", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=tree,
                    stderr=errors,
                    env=settings | {"TMPDIR": str(folder)},
                    start_new_session=True,
                )
                _running[process] = gone
            try:
                return process.wait()
            finally:
                _end(process)
                del _running[process]
    finally:
        gone.set()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs: mmdebstrap clears up when it is told to; killed, it would leave mounts and files."""
    if process.poll() is None:
        _tell(process, signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _tell(process, signal.SIGKILL)
            process.wait()


def _tell(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def end_all() -> None:
    """End every mmdebstrap of this process, run by whichever thread, and wait until their files are gone.

    One that does not end is killed here: the thread that waits for it has no time limit.
    """
    global _ending
    with _begins:
        _ending, running = True, dict(_running)
    for process in running:
        if process.poll() is None:
            _tell(process, signal.SIGTERM)
    for process, gone in running.items():
        if not gone.wait(PATIENCE) and process.poll() is None:
            _tell(process, signal.SIGKILL)
            gone.wait(PATIENCE)
