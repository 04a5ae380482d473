"""Map a Marathon's answer to an exception with a repair.

Shapes and texts differ between Marathon 1.4 and 1.10 in status and wording, so `classify` uses the structure first
and a text only if necessary.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.errors import Block
from harness.marathon.definition import items, mapping, text
from harness.marathon.errors import (
    AppExistsError,
    AppLockedError,
    AppNotFoundError,
    AuthenticationError,
    BusyError,
    ContentTypeError,
    DeploymentNotFoundError,
    EmptyBodyError,
    ForbiddenError,
    InvalidDefinitionError,
    LeaderUnreachableError,
    MalformedJsonError,
    MarathonError,
    NoLeaderError,
    NotAcceptedError,
    NotFoundError,
    NotQueuedError,
    RejectedError,
    ScaleAndWipeError,
    ServerError,
    TaskNotFoundError,
    TooManyDeploymentsError,
    UnexpectedAnswerError,
    UnknownUriError,
    VersionNotFoundError,
    WrongTypeError,
)

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
    405: (
        NotAcceptedError,
        "does not take this method there",
        "check the address: perhaps it is not the root, or no Marathon",
    ),
    406: (NotAcceptedError, "does not send this type there", "ask for JSON: Accept: application/json"),
    408: (BusyError, "waited too long for the request", "try again; see what stands between here and Marathon"),
    415: (ContentTypeError, "wants the body announced as JSON", "send Content-Type: application/json"),
    429: (BusyError, "is asked too often", "try again later; see what limits requests before Marathon"),
    500: (ServerError, "stumbled over the request", "lint the definition (L05 ends so); else see Marathon's log"),
    502: _NO_LEADER,
    503: _NO_LEADER,
    504: (
        LeaderUnreachableError,
        "did not answer what stands before it in time",
        "read the app before trying again: it may have taken the request",
    ),
}


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer, or an empty one: 401 and 405 answer in HTML."""
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def details_of(answer: Mapping[str, Any]) -> tuple[list[str], list[Block]]:
    """Return the paths of a validation's complaints and the complaints as a block."""
    details = answer.get("details")
    if isinstance(details, str):
        return [], [("Details", details)]
    lines, paths = [], []
    for detail in map(mapping, items(details)):
        path = text(detail.get("path"), "/")
        paths.append(path)
        lines += [f"{path}: {error}" for error in items(detail.get("errors"))]
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
    error.deployments = tuple(
        text(mapping(deployment).get("id")) for deployment in items(answer.get("deployments"))
    )
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
    return busy if status == 403 and "running deployments" in message.lower() else _BY_STATUS.get(status, unknown)


def _conflict(locked: bool) -> tuple[type[MarathonError], str, str]:
    if not locked:
        return AppExistsError, "has an app of this id already", "use PUT to change it"
    repair = (
        "wait for it, or look at it and cancel it with DELETE /v2/deployments/<id>; "
        "force=true leaves the cancelled one's tasks as they are"
    )
    return AppLockedError, "is still deploying this app", repair


_LINT = "correct the paths below; `python -m harness.marathon lint` says why"
_REJECTED: tuple[tuple[str, type[RejectedError], str, str], ...] = (
    (r"scale and wipe", ScaleAndWipeError, "cannot scale and wipe at once", "choose one of them"),
    (r"^Please specify data in JSON", EmptyBodyError, "got no body", "send the definition as JSON"),
    (r"(?i)task id", RejectedError, "cannot read a task's id", "read the ids anew: GET /v2/apps/<id>/tasks"),
    (
        r"(?i)selector",
        RejectedError,
        "cannot read the label selector",
        "write name, name==value or name in (a, b)",
    ),
)


def _rejected(status: int, message: str, paths: list[str]) -> tuple[type[MarathonError], str, str]:
    for pattern, kind, says, repair in _REJECTED:
        if re.search(pattern, message):
            return kind, says, repair
    if message == "Invalid JSON" and paths:
        return WrongTypeError, "refuses a value's type or range", _LINT
    if message == "Invalid JSON":
        return MalformedJsonError, "cannot read the body as JSON", "send valid JSON"
    if status == 422:
        return InvalidDefinitionError, "refuses the definition", _LINT
    return RejectedError, "refuses the request", "see the details"
