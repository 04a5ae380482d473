"""Follow the engine's events, so that no end of a task is missed: not in a gap, nor when the engine restarts."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from docker import DockerClient
from docker.errors import DockerException, NotFound

from harness.marathon.standin.labels import STANDIN, TASK, adopted_task_of, ending

log = logging.getLogger(__name__)
PAUSE = 1.0
"""Real seconds from the end of a stream to the next attempt: a restart of the engine takes longer."""

Report = Callable[[str, str, str], object]
"""Called from the follower's thread, with a task's id, its final state and a message; maybe repeatedly."""


class Follower:
    """Reports every end of a stand-in's tasks from `start` to `close`."""

    def __init__(self, client: DockerClient, identity: str, report: Report, pause: float = PAUSE) -> None:
        """Prepare; nothing is read yet. identity: the stand-in's own, with which its containers are labelled."""
        self.client, self.report, self.pause = client, report, pause
        self.label = f"{STANDIN}={identity}"
        self.seen = int(time.time())
        self._closed = threading.Event()
        self._stream: Any = None

    def start(self) -> None:
        """Start to follow. Raises DockerException or OSError if the engine is not there."""
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
            except Exception as error:  # noqa: BLE001 - after any error, the next attempt follows
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
        """Report tasks that have ended: after its restart an engine has no earlier events."""
        query: dict[str, str | list[str] | bool] = {"label": self.label, "status": ["exited", "dead"]}
        for container in self.client.containers.list(all=True, filters=query, ignore_removed=True):
            found = adopted_task_of(container.attrs or {}, "")
            if found.ended is not None:
                self.report(found.task_id, *found.ended)

    def close(self) -> None:
        """Stop following."""
        self._closed.set()
        if self._stream is not None:
            with contextlib.suppress(Exception):
                self._stream.close()
