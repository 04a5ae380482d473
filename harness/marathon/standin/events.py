"""The event stream: every event goes to every subscriber, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from typing import Any

from harness.marathon.standin.clock import Clock, stamp

LIMIT = 2_000
"""Events that a slow consumer may lag behind before it is dropped."""
KEEP_ALIVE = 10.0
"""Real seconds between blank lines on a silent stream."""


Events = asyncio.Queue[dict[str, Any] | None]
"""Pending events of one subscriber; None ends it."""


def lightened(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without the apps in its plan."""
    plan = event.get("plan")
    if not isinstance(plan, dict):
        return event
    return {**event, "plan": {key: value for key, value in plan.items() if key not in ("original", "target")}}


class Bus:
    """Passes each event to every subscriber; belongs to the event loop's thread."""

    def __init__(self, clock: Clock) -> None:
        """Start without subscribers."""
        self._clock = clock
        self._subscribers: list[Events] = []
        self.closed = False

    def subscribe(self) -> Events:
        """Return a queue that gets every event from now on."""
        queue: Events = asyncio.Queue()
        self._subscribers.append(queue)
        return queue

    def publish(self, event_type: str, **fields: Any) -> None:
        """Send an event to all subscribers. `fields`: the event's own keys; eventType and timestamp are added."""
        event = {**fields, "eventType": event_type, "timestamp": stamp(self._clock.now())}
        for queue in list(self._subscribers):
            if queue.qsize() >= LIMIT:
                self._subscribers.remove(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self.closed = True
        for queue in self._subscribers:
            queue.put_nowait(None)

    async def stream(self, wanted: Collection[str], address: str, *, light: bool = False) -> AsyncIterator[bytes]:
        """Yield server-sent events from now on: those of the `wanted` types, or all if it is empty.

        light: without the two groups of apps that make up most of a deployment's plan.
        """
        queue = self.subscribe()
        self.publish("event_stream_attached", remoteAddress=address)
        try:
            while not self.closed:
                try:
                    event = await asyncio.wait_for(queue.get(), KEEP_ALIVE)
                except TimeoutError:
                    yield b"\r\n"
                    continue
                if event is None:
                    break
                if not wanted or event["eventType"] in wanted:
                    shown = lightened(event) if light else event
                    yield f"event: {event['eventType']}\r\ndata: {json.dumps(shown)}\r\n\r\n".encode()
        finally:
            if queue in self._subscribers:
                self._subscribers.remove(queue)
            self.publish("event_stream_detached", remoteAddress=address)
