"""A typed client of Marathon's REST API, on requests.

It does what it is asked, once: nothing is retried, no redirect is followed, nothing is forced unless the caller
says so. Every refusal is an exception of harness.marathon.errors. Credentials go into the Authorization header
and nowhere else: not into a URL, a message, a repr or a log.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from harness.errors import UsageError
from harness.marathon.definition import items, mapping
from harness.marathon.errors import (
    AppLockedError,
    AppNotFoundError,
    MarathonError,
    UnexpectedAnswerError,
    UnreachableError,
    classify,
)
from harness.marathon.model import AppState, Change, Deployment, QueueItem, Task

Json = Mapping[str, Any]


class TokenAuth(AuthBase):
    """DC/OS: Authorization: token=<jwt>."""

    def __init__(self, token: str = "") -> None:
        """Keep the token; an empty one sends nothing, and keeps requests from looking into a .netrc."""
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        if self._token:
            request.headers["Authorization"] = f"token={self._token}"
        return request


class Marathon:
    """One Marathon. `url` is its root and may carry user:password@, which is taken out at once."""

    def __init__(
        self, url: str, *, user: str = "", password: str = "", token: str = "", timeout: float = 15
    ) -> None:
        """Prepare a session; nothing is sent yet. Raises UsageError for an address that is none."""
        parts = _split(url)
        user, password = user or unquote(parts.username or ""), password or unquote(parts.password or "")
        self.url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        self.timeout = timeout
        self.session = requests.Session()
        self.session.headers["Accept"] = "application/json"
        self.session.auth = TokenAuth(token)
        if user and not token:
            self.session.auth = HTTPBasicAuth(user.encode(), password.encode())

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Marathon:
        """Read MARATHON_URL and MARATHON_TOKEN. Raises UsageError when there is no URL."""
        if not environment.get("MARATHON_URL"):
            raise UsageError(
                "No Marathon was named.", repair="set MARATHON_URL, or start the stand-in: make marathon"
            )
        return cls(environment["MARATHON_URL"], token=environment.get("MARATHON_TOKEN", ""))

    def __repr__(self) -> str:
        """Name the server, never the credentials."""
        return f"Marathon({self.url})"

    def __enter__(self) -> Marathon:
        """Be a context manager that closes its connections."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close the connections."""
        self.session.close()

    def call(self, method: str, path: str, body: object = None, **query: str | bool) -> requests.Response:
        """Send one request and return the answer of a success. Raises MarathonError for anything else."""
        asked = {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
        what = f"{method} {path}"
        # Restart and the like have no body, and yet some versions want the type announced.
        extra: dict[str, Any] = {"json": body} if body is not None else {}
        if method in ("POST", "PUT") and body is None:
            extra["headers"] = {"Content-Type": "application/json"}
        try:
            answer = self.session.request(
                method, self.url + path, params=asked, timeout=self.timeout, allow_redirects=False, **extra
            )
        except requests.RequestException as error:
            raise UnreachableError(
                f"{what}: no answer from {self.url} ({type(error).__name__}).",
                [("Cause", str(error))],
                "check the address and that Marathon runs: GET /ping",
            ) from error
        if not answer.ok or answer.is_redirect:
            raise self._explained(classify(what, answer.status_code, answer.headers, answer.content), answer)
        return answer

    def _explained(self, error: MarathonError, answer: requests.Response) -> MarathonError:
        """Add to a lock which deployments hold it and since when. Never force: somebody is at work there."""
        if not isinstance(error, AppLockedError):
            return error
        try:
            running = {one.id: one for one in self.deployments()}
        except MarathonError:
            running = {}
        now = server_time(answer)
        names = error.deployments or tuple(running)
        lines = [f"{name}  {running[name].age(now)}  {', '.join(running[name].actions)}" if name in running
                 else f"{name}  not listed any more" for name in names]  # fmt: skip
        error.blocks = (*error.blocks, ("Deployments that hold the lock", "\n".join(lines)))
        return error

    def json(self, method: str, path: str, body: object = None, **query: str | bool) -> Any:
        """Send one request and return the JSON of the answer; None for an empty one."""
        answer = self.call(method, path, body, **query)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise UnexpectedAnswerError(
                f"{method} {path}: {self.url} answered {answer.status_code} without JSON.",
                [("Answer", answer.text[:300])],
                "check that this is the address of a Marathon and not of something before it",
            ) from error

    def ping(self) -> bool:
        """Whether somebody there answers as a Marathon does."""
        return "pong" in self.call("GET", "/ping").text

    def info(self) -> Json:
        """Version, leader and configuration."""
        return mapping(self.json("GET", "/v2/info"))

    def app(self, app_id: str) -> AppState:
        """Read one app with counts, tasks, deployments and last failure. Raises AppNotFoundError."""
        answer = mapping(self.json("GET", _app(app_id)))
        return AppState.read(mapping(answer.get("app")))

    def find_app(self, app_id: str) -> AppState | None:
        """Read one app, None when there is none."""
        try:
            return self.app(app_id)
        except AppNotFoundError:
            return None

    def apps(self, **filters: str) -> list[AppState]:
        """Read all apps (filters: cmd, id, label), without their tasks."""
        return [
            AppState.read(mapping(one))
            for one in items(mapping(self.json("GET", "/v2/apps", **filters)).get("apps"))
        ]

    def create(self, definition: Json) -> Change:
        """POST a new app. Raises AppExistsError, RejectedError."""
        answer = self.call("POST", "/v2/apps", dict(definition))
        return Change.read(mapping(answer.json()), answer.headers.get("Marathon-Deployment-Id", ""))

    def put(self, app_id: str, definition: Json, *, force: bool = False, whole: bool = False) -> Change:
        """PUT an app: top-level values replace their old ones. Raises AppLockedError, RejectedError.

        What the definition does not mention stays as it was; with `whole` it gets Marathon's default.
        """
        also = {"partialUpdate": False} if whole else {}
        answer = self.call("PUT", _app(app_id), dict(definition), force=force, **also)
        return Change.read(mapping(answer.json()), answer.headers.get("Marathon-Deployment-Id", ""))

    def scale(self, app_id: str, instances: int, *, force: bool = False) -> Change:
        """Change the number of instances and nothing else."""
        return self.put(app_id, {"instances": instances}, force=force)

    def restart(self, app_id: str, *, force: bool = False) -> Change:
        """Replace every task by one of the same definition, rolling."""
        return Change.read(mapping(self.json("POST", f"{_app(app_id)}/restart", force=force)))

    def delete(self, app_id: str, *, force: bool = False) -> Change:
        """Remove an app. Marathon would force by default; here only when asked to."""
        return Change.read(mapping(self.json("DELETE", _app(app_id), force=force)))

    def delete_group(self, group: str) -> None:
        """Remove a group that holds nothing any more. Raises MarathonError where it is unknown or still in use."""
        self.call("DELETE", f"/v2/groups/{quote(group.strip('/'))}")

    def tasks(self, app_id: str) -> list[Task]:
        """Read the tasks of an app."""
        answer = mapping(self.json("GET", f"{_app(app_id)}/tasks"))
        return [Task.read(mapping(one)) for one in items(answer.get("tasks"))]

    def kill(self, app_id: str, task_id: str, *, scale: bool = False) -> None:
        """Kill one task; Marathon replaces it unless `scale`. Raises TaskNotFoundError."""
        self.call("DELETE", f"{_app(app_id)}/tasks/{quote(task_id)}", scale=scale)

    def versions(self, app_id: str) -> list[str]:
        """List the app's versions, newest first (Marathon promises no order)."""
        return sorted(
            map(str, items(mapping(self.json("GET", f"{_app(app_id)}/versions")).get("versions"))), reverse=True
        )

    def version(self, app_id: str, version: str) -> Json:
        """Read the definition as it was in a version. Raises VersionNotFoundError."""
        return mapping(self.json("GET", f"{_app(app_id)}/versions/{quote(version)}"))

    def deployments(self) -> list[Deployment]:
        """List running deployments. A new one may be missing for a moment: an empty list alone proves nothing."""
        return [Deployment.read(mapping(one)) for one in items(self.json("GET", "/v2/deployments"))]

    def cancel(self, deployment_id: str, *, force: bool = False) -> Change | None:
        """Stop a deployment and go back: returns the rollback, a deployment of its own that may hang too.

        With `force` it is only forgotten, everything stays as it is, and nothing is returned.
        """
        answer = self.json("DELETE", f"/v2/deployments/{quote(deployment_id)}", force=force)
        return Change.read(mapping(answer)) if answer else None

    def queued(self, app_id: str) -> QueueItem | None:
        """Read what waits to be launched for an app."""
        listed = items(mapping(self.json("GET", "/v2/queue")).get("queue"))
        found = [QueueItem.read(mapping(one)) for one in listed]
        return next((one for one in found if one.app_id.strip("/") == app_id.strip("/")), None)

    def end_backoff(self, app_id: str) -> None:
        """Let waiting tasks start at once. Raises NotQueuedError."""
        self.call("DELETE", f"/v2/queue/{quote(app_id.strip('/'))}/delay")


def _split(url: str) -> SplitResult:
    """Take an address apart. The error does not repeat it: a password may be in it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            "The Marathon address is not an http:// or https:// URL.", repair="MARATHON_URL=http://host:8080"
        )
    return parts


def _app(app_id: str) -> str:
    return f"/v2/apps/{quote(app_id.strip('/'))}"


def server_time(answer: requests.Response) -> datetime:
    """Return the server's clock as its answer shows it: ages must not depend on ours."""
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
