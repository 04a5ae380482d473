"""Helpers for HTTP: query booleans, JSON bodies, and the common answer to changes."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from harness.marathon.standin.deployment import Deployment
from harness.marathon.standin.errors import ApiError, bad_request
from harness.marathon.unsendable import unsendable


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """Read a boolean of the query; Python clients send "True"."""
    value = request.query_params.get(name)
    return default if value is None else value.lower() in ("true", "1", "")


async def body(request: Request, *, needed: bool = True) -> Any:
    """Read a JSON body. Raises ApiError 415 for another type, 400 for an empty or malformed one.

    needed: False if the body is optional; its content type must be JSON all the same.
    """
    raw = await request.body()
    kind = request.headers.get("content-type", "")
    if (raw or kind or not needed) and kind.partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, {"message": "Unsupported Media Type"})
    if not raw.strip():
        if needed:
            raise bad_request("Please specify data in JSON format", "The request body is empty")
        return None
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise bad_request("Invalid JSON", str(error)) from None
    # Python reads more than JSON; once stored, it could be sent to nobody again, and every list would fail.
    for where, what in unsendable(document):
        raise bad_request("Invalid JSON", f"{where} {what}")
    return document


def outcome(deployment: Deployment) -> Response:
    """Return the answer to a change: version and deployment id, the latter as a header too."""
    return JSONResponse(
        {"version": deployment.version, "deploymentId": deployment.id},
        headers={"Marathon-Deployment-Id": deployment.id},
    )
