"""Read Marathon's event stream (server-sent events), which shows what polling sees too late or not at all.

For example: a deployment that ended, a check that failed for one interval, a task that was killed and replaced
between two polls. The stream is optional: without it the gate only polls, and reports that.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import requests

from harness.marathon.client import Marathon
from harness.marathon.definition import mapping, text

TASK_STATUS = "status_update_event"
WATCHED = (
    TASK_STATUS,
    "deployment_success",
    "deployment_failed",
    "instance_health_changed_event",
    "health_status_changed_event",
    "unhealthy_instance_kill_event",
    "unhealthy_task_kill_event",
)
"""Event types that decide about a deploy or a stop; 1.4 has one for health, and 1.3 the last one for a kill."""


@dataclass(frozen=True)
class Event:
    """An event: its type and its data, without the plan (which up to 1.6 repeats every app of the cluster)."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The instance or task it is about; "" for others."""
        return text(self.data.get("instanceId")) or text(self.data.get("taskId"))

    @property
    def app_id(self) -> str:
        """The app it is about; "" for others."""
        return text(self.data.get("runSpecId")) or text(self.data.get("appId"))


class Frames:
    """Splits a byte stream into events, independent of chunk boundaries."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._rest = b""
        self._type = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Add some bytes and yield the events that they complete."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for raw in lines:
            line = raw.rstrip(b"\r").decode("utf-8", "replace")
            name, _, value = line.partition(":")
            if not line:
                yield from self._finish()
            elif name == "event":
                self._type = value.removeprefix(" ")
            elif name == "data":
                self._data.append(value.removeprefix(" "))

    def _finish(self) -> Iterator[Event]:
        """End a frame at its blank line; a blank line without a frame is a keep-alive."""
        kind, lines = self._type, self._data
        self._type, self._data = "", []
        if not lines:
            return
        try:
            data = mapping(json.loads("\n".join(lines)))
        except ValueError:
            data = {}
        data.pop("plan", None)
        kind = kind or text(data.get("eventType"))
        if kind:
            yield Event(kind, data)


class EventStream:
    """Listens in a thread during the `with` block. `available` says whether that succeeded.

    Attach it before the change whose events are wanted: Marathon does not repeat them.
    """

    def __init__(self, client: Marathon) -> None:
        """Prepare; nothing is sent yet."""
        self._client = client
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._response: requests.Response | None = None
        self._thread: threading.Thread | None = None
        self.trouble = ""

    @property
    def available(self) -> bool:
        """Whether the stream was attached and has not broken since."""
        return self._response is not None and not self.trouble

    def __enter__(self) -> EventStream:
        """Attach. A server without a stream is no error; `trouble` then says why there is none."""
        try:
            response = self._client.session.get(
                f"{self._client.url}/v2/events",
                params={"event_type": list(WATCHED), "plan-format": "light"},
                headers={"Accept": "text/event-stream"},
                timeout=(self._client.timeout, 60),
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            self.trouble = f"no event stream: {type(error).__name__}"
            return self
        if response.status_code != 200 or "event-stream" not in response.headers.get("Content-Type", ""):
            self.trouble = f"no event stream: HTTP {response.status_code}"
            response.close()
            return self
        self._response = response
        self._thread = threading.Thread(target=self._listen, args=(response,), name="marathon-events", daemon=True)
        self._thread.start()
        return self

    def _listen(self, response: requests.Response) -> None:
        frames = Frames()
        # Without chunked encoding a sized read would block until it has that many bytes.
        size = None if getattr(response.raw, "chunked", False) else 1
        try:
            for chunk in response.iter_content(chunk_size=size):
                for event in frames.feed(chunk):
                    if event.type in WATCHED:
                        with self._lock:
                            self._events.append(event)
            self.trouble = self.trouble or "the event stream ended"
        except (requests.RequestException, OSError, AttributeError) as error:
            self.trouble = self.trouble or f"the event stream broke: {type(error).__name__}"
        finally:
            response.close()

    def take(self) -> list[Event]:
        """Return the events that arrived since the last call, in order."""
        with self._lock:
            taken, self._events = self._events, []
        return taken

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Detach: close the connection of the reader thread, which then ends."""
        response, self.trouble = self._response, self.trouble or "detached"
        if response is None or self._thread is None:
            return
        try:
            with socket.socket(fileno=os.dup(response.raw.fileno())) as connection:
                connection.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass  # it has already ended
        self._thread.join(timeout=10)
