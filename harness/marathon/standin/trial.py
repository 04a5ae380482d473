"""Drives a Marathon in a test, the same way on a real one and on a stand-in.

On a stand-in with a manual clock, waiting moves its clock; on anything else it takes the time it takes. Tests
choose their times with `seconds`, so that 300 s of grace become a few on a real clock.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode, urlsplit

import requests

from harness.common.waits import NotReadyError, Retry, wait_until

Json = dict[str, Any]
Value = TypeVar("Value")
REAL_LIMIT = 60.0


@dataclass(frozen=True)
class Trial:
    """A Marathon at `url`, and what a test may touch: apps below `group`.

    image: the task image of tests/deploy/conformance/task. manual: the clock moves only when told to.
    headers: sent with every request, for authentication.
    """

    url: str
    group: str
    image: str
    manual: bool
    headers: Mapping[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, document: object = None, **options: Any) -> requests.Response:
        """Send a request; `document` goes as JSON, other options are those of requests."""
        if document is not None:
            options["json"] = document
        options["headers"] = {**self.headers, **options.get("headers", {})}
        return requests.request(method, self.url + path, timeout=30, **options)

    def json(self, method: str, path: str, document: object = None, **options: Any) -> Any:
        """Send a request that must succeed and return its JSON."""
        answer = self.call(method, path, document, **options)
        assert answer.ok, f"{method} {path} answered {answer.status_code}: {answer.text}"
        return answer.json()

    # Apps

    def definition(self, name: str = "app", **changes: Any) -> Json:
        """Return a definition of the test image on a bridge network, with top-level keys replaced."""
        return {
            "id": f"{self.group}/{name}",
            "instances": 1,
            "cpus": 0.05,
            "mem": 16,
            "container": {
                "type": "DOCKER",
                "docker": {"image": self.image},
                "portMappings": [{"containerPort": 8080, "hostPort": 0, "name": "http"}],
            },
            "networks": [{"mode": "container/bridge"}],
            **changes,
        }

    def create(self, document: Json, *, settled: bool = True) -> str:
        """POST an app and return its deployment's id; `settled` waits for the deployment's end."""
        created = self.json("POST", "/v2/apps", document)
        deployment = str(created["deployments"][0]["id"])
        if settled:
            self.settle(deployment)
        return deployment

    def update(self, document: Json, *, settled: bool = True, **parameters: Any) -> str:
        """PUT an app and return its deployment's id; `settled` waits for the deployment's end."""
        answer = self.json("PUT", f"/v2/apps{document['id']}", document, params=parameters)
        if settled:
            self.settle(answer["deploymentId"])
        return str(answer["deploymentId"])

    def settle(self, deployment: str, within: float = 120) -> None:
        """Wait until a deployment is no longer listed."""
        self.eventually(f"The end of deployment {deployment}", lambda: not self.deployment(deployment), within)

    def deployment(self, deployment: str) -> Json:
        """Return a running deployment, empty when it is not listed."""
        listed: list[Json] = self.json("GET", "/v2/deployments")
        return next((found for found in listed if found["id"] == deployment), {})

    def app(self, name: str = "app") -> Json:
        """Return an app with its tasks and counts."""
        return dict(self.json("GET", f"/v2/apps{self.group}/{name}")["app"])

    def tasks(self, name: str = "app") -> list[Json]:
        """Return an app's tasks."""
        return list(self.app(name)["tasks"])

    def ids(self, name: str = "app") -> set[str]:
        """Return the ids of an app's tasks."""
        return {task["id"] for task in self.tasks(name)}

    def results(self, name: str = "app") -> list[Json]:
        """Return all health check results of an app's tasks."""
        return [result for task in self.tasks(name) for result in task.get("healthCheckResults") or []]

    def ask(self, path: str, name: str = "app") -> str:
        """Ask a task of an app directly, as soon as it listens, and return the body."""

        def answer() -> str:
            task = next((task for task in self.tasks(name) if task.get("ports")), None)
            if task is None:
                raise Retry("no task has a port yet")
            return requests.get(f"http://{task['host']}:{task['ports'][0]}{path}", timeout=10).text

        return wait_until(f"An answer of {name}", answer, REAL_LIMIT, retry_on=(requests.ConnectionError,))

    def clean(self) -> None:
        """Remove every app of the group and wait until its tasks are gone."""
        for app in self.own_apps():
            self.call("DELETE", f"/v2/apps{app}", params={"force": "true"})
        self.eventually("The end of the group's deployments", lambda: not self._busy(), 900, step=60)

    def own_apps(self) -> list[str]:
        """Return the ids of the group's apps."""
        return [a["id"] for a in self.json("GET", "/v2/apps")["apps"] if a["id"].startswith(self.group + "/")]

    def _busy(self) -> bool:
        listed: list[Json] = self.json("GET", "/v2/deployments")
        return any(app.startswith(self.group + "/") for found in listed for app in found["affectedApps"])

    # Time

    def seconds(self, manual: float, real: float) -> float:
        """Return how many seconds to use for a time that may be long only where it costs nothing."""
        return manual if self.manual else real

    def advance(self, seconds: float) -> None:
        """Move the manual clock."""
        self.json("POST", "/standin/clock", {"seconds": seconds})

    def eventually(
        self, what: str, probe: Callable[[], Value], within: float = 120, *, step: float = 1.0
    ) -> Value:
        """Return the first true value of `probe` within so many seconds of Marathon's time.

        step: how far a manual clock moves between two looks; 0 leaves it alone, for what takes real time only.
        """
        passed = 0.0

        def ask() -> Value:
            nonlocal passed
            found = probe()
            if found:
                return found
            if self.manual and step:
                if passed >= within:
                    raise NotReadyError(f"{what} did not happen within {within:g} s of the manual clock.")
                self.advance(step)
                passed += step
            raise Retry(f"last seen: {found!r}")

        interval = 0.02 if self.manual else 0.2
        return wait_until(what, ask, REAL_LIMIT if self.manual else within, interval=interval)

    def throughout(self, what: str, holds: Callable[[], bool], seconds: float, *, step: float = 1.0) -> None:
        """Check that something holds at every look during so many seconds. Raises AssertionError."""
        passed = 0.0
        while self.manual and passed < seconds:
            assert holds(), f"{what}: no longer true after {passed:g} s"
            self.advance(min(step, seconds - passed))
            passed += step
        if not self.manual:
            self._watch(what, holds, seconds)
        assert holds(), f"{what}: no longer true after {seconds:g} s"

    def _watch(self, what: str, holds: Callable[[], bool], seconds: float) -> None:
        def broken() -> bool:
            if holds():
                raise Retry("it holds")
            return True

        try:
            wait_until(f"{what}: the end of it", broken, seconds, interval=0.2)
        except NotReadyError:
            return
        raise AssertionError(f"{what}: no longer true within {seconds:g} s")

    def events(self, *types: str) -> Recorder:
        """Return a recorder of the event stream, filtered to some types; use it in a `with`."""
        return Recorder(self.url, types, self.headers)


class Recorder:
    """Listens to the event stream from a thread of its own while its `with` lasts."""

    def __init__(self, url: str, types: tuple[str, ...], headers: Mapping[str, str]) -> None:
        """Prepare to listen at a Marathon."""
        self._parts, self._types = urlsplit(url), types
        self._headers = {**headers, "Accept": "text/event-stream"}
        self.seen: list[Json] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        """Connect; every event from now on is recorded."""
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(self._parts.hostname or "", self._parts.port, timeout=60)
        query = urlencode([("event_type", name) for name in self._types])
        self._connection.request("GET", f"/v2/events?{query}", headers=self._headers)
        self._socket = self._connection.sock
        self._response = self._connection.getresponse()
        self._thread.start()
        return self

    def _listen(self) -> None:
        try:
            for line in self._response:
                if line.startswith(b"data: "):
                    self.seen.append(json.loads(line[6:]))
        except (OSError, http.client.HTTPException, ValueError):
            return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.shutdown(2)
        self._thread.join(10)
        self._response.close()
        self._connection.close()

    def of(self, *types: str, app: str = "") -> list[Json]:
        """Return the events of some types, in order; `app` keeps those of one app."""
        return [
            event
            for event in list(self.seen)
            if (not types or event["eventType"] in types)
            and (not app or app in (event.get("appId"), event.get("runSpecId")))
        ]
