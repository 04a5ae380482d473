"""A Marathon that says what a test has written down: states between two looks that no real one shows on demand."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.marathon.events import TASK_STATUS

APP, TASKS, DEPLOYMENTS, STREAM = (
    "GET /v2/apps/rt",
    "GET /v2/apps/rt/tasks",
    "GET /v2/deployments",
    "GET /v2/events",
)
LOCKED = (409, {"message": "App is locked by one or more deployments.", "deployments": [{"id": "5a284821"}]})
"""The answer to a change of an app that somebody else deploys."""


def task(name: str = "rt.1", state: str = "TASK_RUNNING", *, alive: bool = False) -> dict[str, Any]:
    """Return a task as Marathon lists it."""
    return {"id": name, "state": state, "healthCheckResults": [{"alive": True}] if alive else []}


class ScriptedMarathon(ThreadingHTTPServer):
    """Answers each request, "METHOD /path", with the next of its answers; the last one is repeated.

    An answer is a document, or a pair of a status and a document. A request without any is answered with 404.
    asked: the requests, in order. The stream of events sends `statuses`, pairs of a task and its status, and stays
    open.
    """

    daemon_threads = True

    def __init__(self, answers: dict[str, list[Any]], statuses: list[tuple[str, str]]) -> None:
        """Listen, but answer nothing yet."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.statuses = {key: list(listed) for key, listed in answers.items()}, statuses
        self.asked: list[str] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """Its address for a client."""
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, pattern: str) -> int:
        """Return how many requests matched a pattern."""
        return sum(bool(re.search(pattern, one)) for one in self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedMarathon

    def do_GET(self) -> None:
        """Answer the next of the script."""
        self._answer()

    def do_PUT(self) -> None:
        """Answer the next of the script."""
        self._answer()

    def do_DELETE(self) -> None:
        """Answer the next of the script."""
        self._answer()

    def _answer(self) -> None:
        said = f"{self.command} {self.path.partition('?')[0]}"
        self.server.asked.append(said)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if said == STREAM:
            self._stream()
            return
        listed = self.server.answers.get(said, [(404, {"message": "App '/rt' does not exist"})])
        answer = listed.pop(0) if len(listed) > 1 else listed[0]
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for name, status in self.server.statuses:
            data = json.dumps({"appId": "/rt", "taskId": name, "taskStatus": status})
            self.wfile.write(f"event: {TASK_STATUS}\ndata: {data}\n\n".encode())
        self.server.over.wait(60)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def scripted(
    answers: dict[str, list[Any]], statuses: list[tuple[str, str]] | None = None
) -> Iterator[ScriptedMarathon]:
    """Serve a script."""
    with ScriptedMarathon(answers, statuses or []) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
