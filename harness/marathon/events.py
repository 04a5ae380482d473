"""Read Marathon's event stream (server-sent events), which shows what polling sees too late or not at all.

For example: a deployment that ended, a check that failed for one interval, a task that was killed and replaced
between two polls. A deploy only polls where there is no stream, and reports that; a stop of all tasks needs it, as
the only witness of a task that was cut off and forgotten between two polls.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
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

AGAIN = 1.0
"""Seconds between two attempts to attach again after a break."""


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
    """Listens in a thread during the `with` block, and attaches again whenever the stream ends before that.

    Attach it before the change whose events are wanted: Marathon repeats none, and those of a break are lost.
    trouble: why there is no stream now, or what interrupted it last; "" if there was none.
    """

    def __init__(self, client: Marathon) -> None:
        """Prepare; nothing is sent yet."""
        self._client = client
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._over = threading.Event()
        self._connection: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self.trouble = ""

    @property
    def available(self) -> bool:
        """Whether the stream is attached."""
        return self._connection is not None

    def __enter__(self) -> EventStream:
        """Attach. A server without a stream is no error; `trouble` then says why there is none."""
        response = self._attach()
        if response is not None:
            self._thread = threading.Thread(
                target=self._listen, args=(response,), name="marathon-events", daemon=True
            )
            self._thread.start()
        return self

    def _attach(self) -> requests.Response | None:
        """Attach once, and return the response to be read; None if that failed, for the reason in `trouble`."""
        try:
            response = self._client.session.get(
                f"{self._client.url}/v2/events",
                params={"event_type": list(WATCHED), "plan-format": "light"},
                headers={"Accept": "text/event-stream"},
                timeout=(self._client.timeout, 60),
                stream=True,
            )
        except requests.RequestException as error:
            self.trouble = f"no event stream: {type(error).__name__}"
            return None
        if response.status_code != 200 or "event-stream" not in response.headers.get("Content-Type", ""):
            self.trouble = f"no event stream: HTTP {response.status_code}"
            response.close()
            return None
        try:
            # A descriptor of our own: the response has none any more once the server has ended the stream.
            connection = socket.socket(fileno=os.dup(response.raw.fileno()))
        except (OSError, ValueError, AttributeError):
            self.trouble = "the event stream ended"
            response.close()
            return None
        with self._lock:
            self._connection = connection
        return response

    def _listen(self, response: requests.Response | None) -> None:
        """Read the stream until the `with` block ends; attach again after each break."""
        while response is not None:
            said = self._read(response)
            with self._lock:
                connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
            response = None
            while response is None and not self._over.is_set():
                self.trouble = said
                if not self._over.wait(AGAIN):
                    response = self._attach()
            if response is not None:
                self.trouble = f"{said}, and was attached again"
                if self._over.is_set():
                    self._shut()

    def _read(self, response: requests.Response) -> str:
        """Read one response to its end, and return the manner of that end."""
        frames = Frames()
        # Without chunked encoding a sized read would block until it has that many bytes.
        size = None if getattr(response.raw, "chunked", False) else 1
        try:
            for chunk in response.iter_content(chunk_size=size):
                for event in frames.feed(chunk):
                    if event.type in WATCHED:
                        with self._lock:
                            self._events.append(event)
        except (requests.RequestException, OSError, ValueError, AttributeError) as error:
            return f"the event stream broke: {type(error).__name__}"
        finally:
            response.close()
        return "the event stream ended"

    def take(self) -> list[Event]:
        """Return the events that arrived since the last call, in order."""
        with self._lock:
            taken, self._events = self._events, []
        return taken

    def _shut(self) -> None:
        """Shut the reader's connection, so that its read ends at once."""
        with self._lock, suppress(OSError):  # the server may have closed it
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_RDWR)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Detach. Never raises: an error of the `with` block must stay what it is."""
        self._over.set()
        self._shut()
        if self._thread is not None:
            self._thread.join(timeout=10)
