"""Marathon's error answers: status, JSON body, and the format of validation errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

Json = dict[str, Any]

CODES = {
    "missing": "error.path.missing",
    "string_type": "error.expected.jsstring",
    "int_type": "error.expected.jsnumber",
    "float_type": "error.expected.jsnumber",
    "int_from_float": "error.expected.int",
    "bool_type": "error.expected.jsboolean",
    "list_type": "error.expected.jsarray",
    "dict_type": "error.expected.jsobject",
    "model_type": "error.expected.jsobject",
    "string_pattern_mismatch": "error.pattern",
    "greater_than_equal": "error.min",
    "less_than_equal": "error.max",
    "string_too_short": "error.minLength",
    "string_too_long": "error.maxLength",
    "literal_error": "error.unknown.enum.literal",
}
"""Maps pydantic's error types to the codes of Play JSON, which Marathon 1.5+ passes on."""


class ApiError(Exception):
    """An answer other than success: `status` and the JSON `body` that goes with it."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        """Keep status and body; the exception's text is the body's message."""
        super().__init__(str(body.get("message", "")))
        self.status = status
        self.body = dict(body)


def path_of(location: Iterable[int | str]) -> str:
    """Format a location as Marathon does: ("healthChecks", 0, "path") is "/healthChecks(0)/path"."""
    text = "".join(f"({part})" if isinstance(part, int) else f"/{part}" for part in location)
    return text or "/"


def is_arm(part: int | str) -> bool:
    """Tell whether a part of a location names the arm of a union, which is not in the JSON."""
    return isinstance(part, str) and ("[" in part or part in ("str", "UnreachableStrategy"))


def invalid_json(error: ValidationError, prefix: tuple[int | str, ...] = ()) -> ApiError:
    """Return the 422 for a value of the wrong type or outside its range."""
    details: dict[str, list[str]] = {}
    for problem in error.errors():
        location = tuple(part for part in problem["loc"] if not is_arm(part))
        code = CODES.get(problem["type"], problem["type"])
        found = details.setdefault(path_of((*prefix, *location)), [])
        if code not in found:
            found.append(code)
    return ApiError(
        422,
        {
            "message": "Invalid JSON",
            "details": [{"path": path, "errors": errors} for path, errors in details.items()],
        },
    )


def broken_json(location: Iterable[int | str], code: str) -> ApiError:
    """Return the 422 for one value that cannot be read."""
    details = [{"path": path_of(location), "errors": [code]}]
    return ApiError(422, {"message": "Invalid JSON", "details": details})


def not_valid(problems: Iterable[tuple[str, str]]) -> ApiError:
    """Return the 422 for broken rules, given (path, text) pairs."""
    details: dict[str, list[str]] = {}
    for path, text in problems:
        details.setdefault(path, []).append(text)
    return ApiError(
        422,
        {
            "message": "Object is not valid",
            "details": [{"path": path, "errors": errors} for path, errors in details.items()],
        },
    )


def bad_request(message: str, details: str | None = None) -> ApiError:
    """Return a 400."""
    return ApiError(400, {"message": message} | ({"details": details} if details else {}))


def not_found(message: str) -> ApiError:
    """Return a 404."""
    return ApiError(404, {"message": message})


def unknown_app(app_id: str, version: str | None = None) -> ApiError:
    """Return the 404 for an app, or for one of its versions."""
    return not_found(f"App '{app_id}' does not exist" + (f" in version {version}" if version else ""))


def unknown_group(group: str) -> ApiError:
    """Return the 404 for a group."""
    return not_found(f"Group '{group}' does not exist")


def already_exists(app_id: str) -> ApiError:
    """Return the 409 for a POST of an id that is taken."""
    return ApiError(409, {"message": f"An app with id [{app_id}] already exists."})


def locked(deployment_ids: Iterable[str]) -> ApiError:
    """Return the 409 for a change of an app that running deployments hold."""
    return ApiError(
        409,
        {
            "message": "App is locked by one or more deployments. Override with the option '?force=true'. "
            "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
            "deployments": [{"id": identity} for identity in deployment_ids],
        },
    )


def too_many_deployments(limit: int) -> ApiError:
    """Return the 403 for one running deployment too many."""
    return ApiError(
        403,
        {
            "message": f"Max number ({limit}) of running deployments is achieved. Wait for existing "
            "deployments to complete or cancel one using force=true parameter. You can increase max "
            "deployment number by using --max_running_deployments parameter."
        },
    )
