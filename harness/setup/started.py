"""Keep account of the engine that was started from here, and stop it if nobody uses it any more."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.common import cache, owner
from harness.common.waits import Retry, wait_until
from harness.engine import Candidate
from harness.engine.listed import resources
from harness.engine.runners import Runners
from harness.errors import InfrastructureError

RUN_VARIABLE = "RT_HARNESS_RUN"
"""Variable with a name of the run, set by .ci/run: an engine that another run started is left to that one."""
ENGINE = Candidate("unix:///var/run/docker.sock")
"""Where an engine started from here answers: it gets no address of its own."""


@dataclass(frozen=True)
class Started:
    """An engine's process, and the run that started it; "" for a person's `make engine`."""

    pid: int
    since: str
    run: str = ""

    def lives(self) -> bool:
        """Tell whether that very process still runs."""
        return owner.process_start_time(self.pid) == self.since


def path() -> Path:
    """Return the file with pid and start time of an engine started from here, and the run that started it."""
    return cache.directory() / "engine.pid"


def record(pid: int) -> None:
    """Note that this process is an engine that was started from here."""
    words = (str(pid), str(owner.process_start_time(pid)), os.environ.get(RUN_VARIABLE, ""))
    path().write_text(" ".join(words).strip(), encoding="utf-8")


def stop() -> str:
    """Stop the engine that was started from here, and no other; return a line about the result.

    One that another run started is left to that run. Raises InfrastructureError if somebody uses the engine.
    """
    with _hold_recorded() as found:
        if found is None:
            return "engine: none that was started from here is running"
        if os.environ.get(RUN_VARIABLE, found.run) != found.run:
            return f"engine: left running, for this run did not start it (pid {found.pid})"
        if used := _in_use():
            raise InfrastructureError(
                "The engine is in use, so it goes on running.",
                [("In use", "\n".join(used))],
                "run `make engine-stop` when those runs have ended, or remove what they do not need (`make clean` "
                "says what it cannot judge)",
            )
        os.kill(found.pid, signal.SIGTERM)

        def ended() -> None:
            if owner.process_start_time(found.pid):
                raise Retry("its process is still there")

        wait_until("The engine ending", ended, 30)
        path().unlink(missing_ok=True)
        return f"engine: stopped (pid {found.pid})"


def _in_use() -> list[str]:
    """Return what living runs have on the engine, and the running containers that are not the harness's.

    Those are image builds, or the user's own. Nobody uses an engine that does not answer.
    """
    if ENGINE.trouble():
        return []
    with contextlib.closing(ENGINE.client(30)) as client:
        runners = Runners(client)
        used = [str(one) for one in resources(client, owner.SESSION) if not runners.is_dead(one.labels)]
        others = [one for one in client.api.containers() if owner.SESSION not in (one["Labels"] or {})]
        return used + [f"container {one['Names'][0].lstrip('/')}" for one in others]


@contextlib.contextmanager
def _hold_recorded() -> Iterator[Started | None]:
    """Yield the engine started from here if it still runs, else None; no other one is started meanwhile."""
    with cache.lock("engine"):
        try:
            pid, since, *run = path().read_text(encoding="utf-8").split()
        except (FileNotFoundError, ValueError):
            yield None
            return
        found = Started(int(pid), since, " ".join(run))
        yield found if found.lives() else None
