"""Follows the engine's events, so that no end of a task is missed: not in a gap, nor when the engine restarts."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from docker import DockerClient
from docker.errors import DockerException, NotFound

from harness.marathon.standin.labels import STANDIN, TASK, ending, found_of

log = logging.getLogger(__name__)
PAUSE = 1.0
"""Real seconds from the end of a stream to the next attempt: an engine that starts again is away for longer."""

Report = Callable[[str, str, str], object]
"""Called from a thread of the follower's own, with a task's id, its final state and a message; more than once."""


class Follower:
    """Tells of every end of a stand-in's tasks from `start` to `close`."""

    def __init__(self, client: DockerClient, identity: str, report: Report, pause: float = PAUSE) -> None:
        """Listen to nothing yet. identity: the stand-in's own, which its containers are labelled with."""
        self.client, self.report, self.pause = client, report, pause
        self.label = f"{STANDIN}={identity}"
        self.seen = int(time.time())
        self._closed = threading.Event()
        self._stream: Any = None

    def start(self) -> None:
        """Follow from now on. Raises DockerException or OSError when the engine is not there."""
        self._stream = self._open()
        threading.Thread(target=self._follow, name="engine-events", daemon=True).start()

    def _open(self, **since: int) -> Any:
        return self.client.api.events(decode=True, filters={"label": [self.label], "event": ["die"]}, **since)

    def _follow(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(Exception):
                for event in self._stream:
                    self._take(event)
            if self._closed.wait(self.pause):
                return
            try:
                self._stream = self._open(since=self.seen)
                self._catch_up()
                log.warning("the engine's event stream had ended and is followed again")
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt comes
                log.warning("the engine's event stream has ended: %s", error)

    def _take(self, event: dict[str, Any]) -> None:
        self.seen = int(event["time"])
        facts = event["Actor"]["Attributes"]
        self.report(facts[TASK], *self._ending(event["id"], int(facts.get("exitCode", 1))))

    def _ending(self, container: str, code: int) -> tuple[str, str]:
        attributes: dict[str, Any] = {}
        if code == 137:
            with contextlib.suppress(NotFound, DockerException):
                attributes = self.client.api.inspect_container(container)
        return ending(code, bool(attributes.get("State", {}).get("OOMKilled")))

    def _catch_up(self) -> None:
        """Tell of the tasks that are over: an engine that was started again remembers no event from before."""
        query: dict[str, str | list[str] | bool] = {"label": self.label, "status": ["exited", "dead"]}
        for container in self.client.containers.list(all=True, filters=query, ignore_removed=True):
            found = found_of(container.attrs or {}, "")
            if found.ended is not None:
                self.report(found.task_id, *found.ended)

    def close(self) -> None:
        """Follow no longer."""
        self._closed.set()
        if self._stream is not None:
            with contextlib.suppress(Exception):
                self._stream.close()
