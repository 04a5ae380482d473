"""Send one request to a Marathon; return its JSON or raise an exception of harness.marathon.errors.

Nothing is retried and no redirect is followed. Credentials go into the Authorization header and nowhere else: not
into a URL, a message, a repr or a log.
"""

from __future__ import annotations

import io
import ipaddress
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import LocationValueError

from harness.errors import UsageError
from harness.marathon.definition import mapping
from harness.marathon.errors import AppLockedError, MarathonError, NotJsonError, UnreachableError
from harness.marathon.model import Deployment
from harness.marathon.refusals import classify
from harness.marathon.timed import TimedSession, TooLargeError, body_of

REFUSED = ("does not take connections", "check the address and that Marathon runs: GET /ping")
NO_URL = (
    "is not asked: its address, or that of a proxy, is none that can be used",
    "check https_proxy, http_proxy and all_proxy, then MARATHON_URL: in a user or password write / # ? @ : and "
    "spaces percent-encoded",
)
WITHHELD = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationValueError)
"""Errors whose text repeats an address as it was given, a proxy's password included."""
TROUBLE: tuple[tuple[type[Exception], str, str], ...] = (
    *((kind, *NO_URL) for kind in WITHHELD),
    (
        requests.exceptions.SSLError,
        "offers no TLS that can be trusted",
        "check the certificate's name and issuer; REQUESTS_CA_BUNDLE=file names an authority of your own",
    ),
    (requests.ConnectTimeout, "cannot be reached in time", "check the address, and firewalls on the way"),
    (
        requests.Timeout,
        "did not answer in time",
        "it may have taken the request: read the app before trying again",
    ),
    (requests.ConnectionError, *REFUSED),
    (TooLargeError, "sends more than a Marathon does", "check the address, and what stands before Marathon"),
    (requests.RequestException, "gave no answer", REFUSED[1]),
)
"""Errors before an answer, described, with a repair; the first matching type applies."""


Shape = TypeVar("Shape", dict[str, Any], list[Any])
PLAIN_HTTP = "MARATHON_PLAIN_HTTP"
"""Environment variable: 1 permits credentials over plain HTTP."""


class TokenAuth(AuthBase):
    """DC/OS authentication: Authorization: token=<jwt>."""

    def __init__(self, token: str = "") -> None:
        """Keep the token; an empty one sends no header, and keeps requests from reading a .netrc.

        Raises UsageError for a token that no header can carry, without showing it, as the library would.
        """
        self._token = token.strip()
        if not (self._token.isascii() and self._token.isprintable()):
            raise UsageError(
                "The token for Marathon holds characters that no header can carry.",
                repair="set MARATHON_TOKEN to the token alone, one line of plain characters",
            )

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        if self._token:
            request.headers["Authorization"] = f"token={self._token}"
        return request


class Connection:
    """A connection to one Marathon. `url` is its root and may carry user:password@, which is taken out at once."""

    timeout = 15.0
    """Seconds for each part of a request: to connect, then for the answer's header, then for its body."""
    largest = 100_000_000
    """Bytes of an answer's body. All apps of a large cluster are some ten million."""

    def __init__(self, url: str, *, token: str = "") -> None:
        """Prepare a session; nothing is sent yet.

        Raises UsageError for an invalid address, and for credentials that would be readable on their way.
        """
        parts = _split(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if (token.strip() or user) and not _is_private(parts):
            raise UsageError(
                "The credentials for Marathon would be sent over plain HTTP, and whoever reads them on the way "
                "may run anything on its agents.",
                repair=f"name an https:// address, or set {PLAIN_HTTP}=1 if the network in between is your own",
            )
        self.url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        # A proxy could read credentials in the clear, and its own loopback is another machine's.
        self.session = TimedSession(direct=_is_loopback(parts))
        self.session.headers["Accept"] = "application/json"
        self.session.auth = TokenAuth(token)
        if user and not token:
            self.session.auth = HTTPBasicAuth(user.encode(), password.encode())

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read MARATHON_URL and MARATHON_TOKEN. Raises UsageError if there is no URL."""
        if not environment.get("MARATHON_URL"):
            raise UsageError(
                "No Marathon was named.", repair="set MARATHON_URL, or start the stand-in: make marathon"
            )
        return cls(environment["MARATHON_URL"], token=environment.get("MARATHON_TOKEN", ""))

    def __repr__(self) -> str:
        """Return the server's address, never the credentials."""
        return f"{type(self).__name__}({self.url})"

    def __enter__(self) -> Self:
        """Enter a context that closes the connections at its end."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close the connections."""
        self.session.close()

    def call(self, method: str, path: str, body: object = None, **query: str | bool) -> requests.Response:
        """Send one request and return the answer of a success. Raises MarathonError for anything else."""
        asked = {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
        what = f"{method} {path}"
        # Restart and the like have no body, but some versions require the content type nevertheless.
        extra: dict[str, Any] = {"json": body} if body is not None else {}
        if method in ("POST", "PUT") and body is None:
            extra["headers"] = {"Content-Type": "application/json"}
        try:
            # As a stream: the library itself limits each read of a body, and not the whole.
            extra |= {"stream": True, "timeout": self.timeout}
            answer = self.session.request(method, self.url + path, params=asked, **extra)
            answer.raw = io.BytesIO(body_of(answer, self.timeout, self.largest))
        except (requests.RequestException, LocationValueError) as error:
            says, repair = next((says, repair) for kind, says, repair in TROUBLE if isinstance(error, kind))
            blocks = [] if isinstance(error, WITHHELD) else [("Cause", str(error))]
            said = f"{what}: no answer, {self.url} {says} ({type(error).__name__})."
            # Without its cause, where a traceback would show the text all the same.
            raise UnreachableError(said, blocks, repair) from (error if blocks else None)
        # Includes a 3xx without a Location, which requests does not count as a redirect.
        if answer.status_code >= 300:
            raise self._explained(classify(what, answer.status_code, answer.headers, answer.content), answer)
        return answer

    def _explained(self, error: MarathonError, answer: requests.Response) -> MarathonError:
        """Add to a lock the deployments that hold it and their ages. Never force: others are deploying."""
        if not isinstance(error, AppLockedError):
            return error
        try:
            listed = [Deployment.read(mapping(deployment)) for deployment in self.expect("/v2/deployments", list)]
        except MarathonError:
            listed = []
        running = {deployment.id: deployment for deployment in listed}
        now = server_time(answer)
        names = error.deployments or tuple(running)
        lines = [
            f"{name}  {running[name].age(now)}  {', '.join(running[name].actions)}"
            if name in running
            else f"{name}  not listed any more"
            for name in names
        ]
        error.blocks = (*error.blocks, ("Deployments that hold the lock", "\n".join(lines)))
        return error

    def json(self, method: str, path: str, body: object = None, **query: str | bool) -> Any:
        """Send one request and return the JSON of the answer; None for an empty one. Raises MarathonError."""
        return self.json_and_answer(method, path, body, **query)[0]

    def json_and_answer(
        self, method: str, path: str, body: object = None, **query: str | bool
    ) -> tuple[Any, requests.Response]:
        """Return the JSON and the answer. Raises NotJsonError for a success with another body."""
        answer = self.call(method, path, body, **query)
        if not answer.content:
            return None, answer
        try:
            return answer.json(), answer
        except (ValueError, RecursionError) as cause:
            raise self.foreign(f"{method} {path}", answer, "without JSON") from cause

    def expect(self, path: str, kind: type[Shape], key: str = "", **query: str | bool) -> Shape:
        """GET a path and return the value at `key` of the answer, or the whole answer, which must be of a type.

        Raises NotJsonError if it is not, as for an empty answer: a proxy that answers 200 with nothing would seem
        to say that no task is left.
        """
        found, answer = self.json_and_answer("GET", path, **query)
        value = mapping(found).get(key) if key else found
        if not isinstance(value, kind) or (kind is dict and not value):
            raise self.foreign(f"GET {path}", answer, f"without the {key or 'list'} that Marathon sends")
        return value

    def foreign(self, what: str, answer: requests.Response, lacks: str) -> NotJsonError:
        """Return the error for a success that is not Marathon's. what: the request."""
        error = NotJsonError(
            f"{what}: {self.url} answered {answer.status_code} {lacks}.",
            [("Answer", answer.text[:300])],
            "check that this is the address of a Marathon and not of something before it",
        )
        error.status = answer.status_code
        return error


def _split(url: str) -> SplitResult:
    """Split an address. The error does not repeat it: a password may be in it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            "The Marathon address is not an http:// or https:// URL.", repair="MARATHON_URL=https://host:8443"
        )
    return parts


def _is_loopback(parts: SplitResult) -> bool:
    """Tell whether an address is one of this machine's own."""
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(parts: SplitResult) -> bool:
    """Tell whether credentials for an address can be read by nobody else, or the user permits that they can."""
    return parts.scheme == "https" or _is_loopback(parts) or os.environ.get(PLAIN_HTTP) == "1"


def server_time(answer: requests.Response) -> datetime:
    """Return the server's time from its answer: ages must not depend on the local clock."""
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
