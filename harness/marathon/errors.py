"""What a Marathon may answer instead of doing what it was asked: one exception each, with what to do about it.

`classify` turns an answer (status, headers, body) into the exception. Shapes and texts differ between Marathon
1.4 and 1.10 in status and wording, so it looks at the structure first and at a text only where it must.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.errors import Block, InfrastructureError
from harness.marathon.definition import items, mapping, text


class MarathonError(InfrastructureError):
    """Any answer that is not the one asked for. `status` is 0 when there was no HTTP answer at all."""

    status = 0
    deployments: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def __reduce__(self) -> Any:
        """Keep status, deployments and paths when the exception crosses a process."""
        return type(self), (self.sentence, self.blocks, self.repair), self.__dict__


class UnreachableError(MarathonError):
    """Nobody answered: wrong address, nothing listening, a time-out."""


class UnexpectedAnswerError(MarathonError):
    """Somebody answered who does not speak like a Marathon, or with a status nobody documented."""


class RejectedError(MarathonError):
    """Marathon refuses the definition or request itself: the same one will be refused again."""


class InvalidDefinitionError(RejectedError):
    """422 with paths: well-formed, but a rule of Marathon is broken."""


class WrongTypeError(RejectedError):
    """422 (400 on 1.4) "Invalid JSON" with paths: a value of the wrong type or out of its range."""


class MalformedJsonError(RejectedError):
    """400: the body is not JSON at all."""


class EmptyBodyError(RejectedError):
    """400: there was no body."""


class ScaleAndWipeError(RejectedError):
    """400: scale and wipe were asked for together."""


class ContentTypeError(RejectedError):
    """415: the body was not announced as JSON."""


class AppExistsError(RejectedError):
    """409 on creation: the id is taken."""


class AppLockedError(MarathonError):
    """409: another deployment of the app is running. `deployments` has their ids."""


class TooManyDeploymentsError(MarathonError):
    """403: the server runs as many deployments as it may."""


class AuthenticationError(MarathonError):
    """401: no credentials or wrong ones, or a redirect to somebody's login page."""


class ForbiddenError(MarathonError):
    """403: known, but not allowed to."""


class NotFoundError(MarathonError):
    """404 of any kind."""


class AppNotFoundError(NotFoundError):
    """There is no app with that id."""


class VersionNotFoundError(NotFoundError):
    """The app exists, but not in that version."""


class TaskNotFoundError(NotFoundError):
    """There is no such task (any more)."""


class DeploymentNotFoundError(NotFoundError):
    """The deployment is over or never was."""


class NotQueuedError(NotFoundError):
    """Nothing of the app waits to be launched."""


class NoLeaderError(NotFoundError):
    """The Marathons have not elected a leader."""


class UnknownUriError(NotFoundError):
    """404 (500 on Marathon 1.6 to 1.10): this server has no such endpoint."""


class LeaderUnreachableError(MarathonError):
    """502 or 503: a Marathon that is not the leader could not pass the request on."""


class ServerError(MarathonError):
    """500: Marathon stumbled. 1.5 and later also answer so to a COMMAND check with a path or port."""


_NOT_FOUND: tuple[tuple[str, type[NotFoundError], str], ...] = (
    (r"^URI not found", UnknownUriError, "check that the address is the root of a Marathon, without /v2"),
    (r"in version ", VersionNotFoundError, "list the versions with GET /v2/apps/<id>/versions"),
    (r"^App .* does not exist", AppNotFoundError, "check the id; POST creates an app"),
    (
        r"^Application .* not found in tasks queue",
        NotQueuedError,
        "nothing is backing off: there is no delay to end",
    ),
    (r"^Task .* does not exist", TaskNotFoundError, "the task ended meanwhile: read the app's tasks again"),
    (
        r"^DeploymentPlan .* does not exist",
        DeploymentNotFoundError,
        "it is over: read the app to see how it ended",
    ),
    (r"no leader", NoLeaderError, "wait for the election, or look at ZooKeeper"),
)

_NO_LEADER = (LeaderUnreachableError, "could not reach its leader", "wait for the election; see GET /v2/leader")
_BY_STATUS: dict[int, tuple[type[MarathonError], str, str]] = {
    401: (AuthenticationError, "does not accept the credentials", "give user:password@ in the URL, or a token"),
    403: (ForbiddenError, "does not allow this", "ask for the right on this app's path"),
    404: (NotFoundError, "has nothing there", "check the id"),
    415: (ContentTypeError, "wants the body announced as JSON", "send Content-Type: application/json"),
    500: (ServerError, "stumbled over the request", "lint the definition (L05 ends so); else see Marathon's log"),
    502: _NO_LEADER,
    503: _NO_LEADER,
}  # fmt: skip


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer, or an empty one: 401 and 405 answer in HTML."""
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def details_of(answer: Mapping[str, Any]) -> tuple[list[str], list[Block]]:
    """Return the paths that a validation complains about and the complaints as a block."""
    details = answer.get("details")
    if isinstance(details, str):
        return [], [("Details", details)]
    lines, paths = [], []
    for one in map(mapping, items(details)):
        path = text(one.get("path"), "/")
        paths.append(path)
        lines += [f"{path}: {error}" for error in items(one.get("errors"))]
    return paths, [("Details", "\n".join(lines))]


def classify(what: str, status: int, headers: Mapping[str, str], body: bytes) -> MarathonError:
    """Return the exception for an answer of `status`. `what` is the request, such as "PUT /v2/apps/rt"."""
    answer = parse(body)
    message = text(answer.get("message"))
    paths, blocks = details_of(answer)
    kind, says, repair = _kind(status, message, answer, paths)
    sentence = f"{what}: Marathon {says} (HTTP {status}" + (f": {message})." if message else ").")
    if 300 <= status < 400:
        blocks.append(("Location", headers.get("Location", "")))
    elif not answer:
        blocks.append(("Answer", body[:300].decode("utf-8", "replace")))
    error = kind(sentence, blocks, repair)
    error.status, error.paths = status, tuple(paths)
    error.deployments = tuple(text(mapping(one).get("id")) for one in items(answer.get("deployments")))
    return error


def _kind(
    status: int, message: str, answer: Mapping[str, Any], paths: list[str]
) -> tuple[type[MarathonError], str, str]:
    if 300 <= status < 400:
        return (
            AuthenticationError,
            "sends us elsewhere",
            "log in first (DC/OS: MARATHON_TOKEN); no redirect is followed",
        )
    if status == 409:
        return _conflict(answer.get("deployments") is not None or "locked" in message)
    if status in (404, 500):
        for pattern, kind, repair in _NOT_FOUND:
            if re.search(pattern, message):
                return kind, "does not know that", repair
    if status in (400, 422):
        return _rejected(status, message, paths)
    unknown = (UnexpectedAnswerError, "gave an answer that it never documented", "check that this is a Marathon")
    busy = (TooManyDeploymentsError, "runs as many deployments as it may", "wait for one to end")
    return busy if status == 403 and "deployment" in message.lower() else _BY_STATUS.get(status, unknown)


def _conflict(locked: bool) -> tuple[type[MarathonError], str, str]:
    if not locked:
        return AppExistsError, "has an app of this id already", "use PUT to change it"
    repair = (
        "wait for it, or look at it and cancel it with DELETE /v2/deployments/<id>; "
        "force=true leaves the cancelled one's tasks as they are"
    )
    return AppLockedError, "is still deploying this app", repair


def _rejected(status: int, message: str, paths: list[str]) -> tuple[type[MarathonError], str, str]:
    if "scale and wipe" in message:
        return ScaleAndWipeError, "cannot scale and wipe at once", "choose one of them"
    if message == "Please specify data in JSON format":
        return EmptyBodyError, "got no body", "send the definition as JSON"
    lint = "correct the paths below; `python -m harness.marathon lint` says why"
    if message == "Invalid JSON" and paths:
        return WrongTypeError, "refuses a value's type or range", lint
    if message == "Invalid JSON":
        return MalformedJsonError, "cannot read the body as JSON", "send valid JSON"
    if status == 422:
        return InvalidDefinitionError, "refuses the definition", lint
    return RejectedError, "refuses the request", "see the details"
