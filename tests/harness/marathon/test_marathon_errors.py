"""Every error that Marathon documents must have its own exception, recognised from the raw answer."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from harness.marathon import errors
from harness.marathon.errors import MarathonError
from harness.marathon.refusals import classify

LOCKED = {
    "message": "App is locked by one or more deployments. Override with the option '?force=true'. "
    "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
    "deployments": [{"id": "97c136bf-5a28-4821-9d94-480d9fbb01c8"}],
}
INVALID = {
    "message": "Object is not valid",
    "details": [{"path": "/container/volumes(0)/hostPath", "errors": ["undefined"]}],
}
WRONG_TYPE = {"message": "Invalid JSON", "details": [{"path": "/id", "errors": ["error.expected.jsstring"]}]}
MALFORMED = {"message": "Invalid JSON", "details": "Unexpected character ('}' (code 125))"}

ANSWERS: list[tuple[int, Any, type[MarathonError]]] = [
    (422, INVALID, errors.InvalidDefinitionError),
    (422, WRONG_TYPE, errors.WrongTypeError),
    (400, WRONG_TYPE, errors.WrongTypeError),
    (400, MALFORMED, errors.MalformedJsonError),
    (400, {"message": "Please specify data in JSON format", "details": ""}, errors.EmptyBodyError),
    (400, {"message": "You cannot use scale and wipe at the same time."}, errors.ScaleAndWipeError),
    (400, {"message": "Invalid task id"}, errors.RejectedError),
    (409, {"message": "An app with id [/rt] already exists."}, errors.AppExistsError),
    (409, LOCKED, errors.AppLockedError),
    (404, {"message": "App '/rt' does not exist"}, errors.AppNotFoundError),
    (
        404,
        {"message": "App '/rt' does not exist in version 2026-11-01T00:00:00.000Z"},
        errors.VersionNotFoundError,
    ),
    (404, {"message": "Task 'rt.1' does not exist"}, errors.TaskNotFoundError),
    (404, {"message": "DeploymentPlan 97c1 does not exist"}, errors.DeploymentNotFoundError),
    (404, {"message": "Application /rt not found in tasks queue."}, errors.NotQueuedError),
    (404, {"message": "There is no leader"}, errors.NoLeaderError),
    (404, {"message": "URI not found: /v3"}, errors.UnknownUriError),
    (500, {"message": "URI not found"}, errors.UnknownUriError),
    (500, {"message": "Internal error"}, errors.ServerError),
    (403, {"message": "Max number (100) of running deployments is achieved."}, errors.TooManyDeploymentsError),
    (403, {"message": "Not Authorized to perform this action!"}, errors.ForbiddenError),
    (415, {"message": "Unsupported Media Type"}, errors.ContentTypeError),
    (401, b"<html><title>Error 401</title></html>", errors.AuthenticationError),
    (302, b"", errors.AuthenticationError),
    (502, b"", errors.LeaderUnreachableError),
    (503, {"message": "Service Unavailable"}, errors.LeaderUnreachableError),
    (504, b"", errors.LeaderUnreachableError),
    (405, b"<html>405</html>", errors.NotAcceptedError),
    (406, b"", errors.NotAcceptedError),
    (408, b"", errors.BusyError),
    (429, b"", errors.BusyError),
    (403, {"message": "Not authorized to look at deployments"}, errors.ForbiddenError),
    (418, b"", errors.UnexpectedAnswerError),
]


def answer(status: int, body: Any) -> MarathonError:
    """Classify a literal answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return classify("PUT /v2/apps/rt", status, {"Location": "https://login.example.org/"}, raw)


@pytest.mark.parametrize(("status", "body", "kind"), ANSWERS)
def test_each_answer_has_its_exception(status: int, body: Any, kind: type[MarathonError]) -> None:
    """The exception must have the right type and name the request, Marathon's own message, and a repair."""
    error = answer(status, body)
    assert type(error) is kind
    assert "PUT /v2/apps/rt" in error.sentence
    assert f"HTTP {status}" in error.sentence
    assert error.repair


def test_every_exception_is_reached() -> None:
    """No exception may be unused, except those for a missing answer, or a success that is none."""
    made = {kind for _, _, kind in ANSWERS}
    declared = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, MarathonError)}
    assert declared - made == {
        MarathonError,
        errors.UnreachableError,
        errors.NotJsonError,
        errors.NotFoundError,
    }


def test_paths_and_complaints_are_shown() -> None:
    """The message must show which value is wrong."""
    error = answer(422, INVALID)
    assert error.paths == ("/container/volumes(0)/hostPath",)
    assert "/container/volumes(0)/hostPath: undefined" in str(error)


def test_a_lock_names_its_deployments() -> None:
    """Forcing must never be the first advice."""
    error = answer(409, LOCKED)
    assert error.deployments == ("97c136bf-5a28-4821-9d94-480d9fbb01c8",)
    assert error.repair.startswith("wait")


def test_a_redirect_shows_where_to() -> None:
    """A redirect to a login page does not come from Marathon."""
    assert "login.example.org" in str(answer(302, b""))


def test_errors_cross_processes_whole() -> None:
    """xdist passes exceptions between processes."""
    error = pickle.loads(pickle.dumps(answer(409, LOCKED)))  # noqa: S301 - a trusted object
    assert (error.status, error.deployments) == (409, ("97c136bf-5a28-4821-9d94-480d9fbb01c8",))


def test_a_task_id_and_a_selector_that_cannot_be_read_are_told_apart() -> None:
    """Both are a 400, but need different repairs."""
    task = answer(400, {"message": "Invalid task id"})
    selector = answer(400, {"message": "Could not parse label selector: a=="})
    assert "/tasks" in task.repair
    assert "name==value" in selector.repair


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b'{"message": 1, "details": 5, "deployments": "x"}'])
def test_nonsense_is_still_an_error(body: bytes) -> None:
    """A proxy before Marathon may answer anything."""
    assert classify("GET /", 418, {}, body).status == 418
