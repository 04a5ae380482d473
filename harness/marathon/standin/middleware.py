"""The layer before every path: whom to answer, the leader's name, and errors in Marathon's form."""

from __future__ import annotations

import base64
import hmac
import logging

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from harness.marathon.standin.core import Standin
from harness.marathon.standin.credentials import is_own_host
from harness.marathon.standin.errors import ApiError

log = logging.getLogger(__name__)


class Middleware:
    """Wraps the application; plain ASGI, because streams must pass through unchanged."""

    def __init__(self, application: Starlette, standin: Standin, credentials: str, listen: str) -> None:
        """Require "user:password" unless it is empty. listen: the address or name at which it is reached."""
        self.application, self.standin, self.listen = application, standin, listen
        self.expected = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""
        application.add_exception_handler(ApiError, self.refused)
        application.add_exception_handler(HTTPException, self.unrouted)
        application.add_exception_handler(Exception, self.broken)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 401, or pass the request on."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        host, port = scope.get("server") or ("127.0.0.1", 80)

        async def with_leader(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Marathon-Leader"] = f"http://{host}:{port}"
            await send(message)

        headers = Request(scope).headers
        asked, origin = headers.get("host", ""), headers.get("origin", "")
        if not is_own_host(asked, self.listen) or origin not in ("", f"http://{asked}"):
            # A browser asks on behalf of a page from elsewhere, with the credentials that it keeps.
            stranger = JSONResponse({"message": "The stand-in is not what Host and Origin name"}, 403)
            await stranger(scope, receive, with_leader)
            return
        given = headers.get("authorization", "")
        if self.expected and not hmac.compare_digest(given.encode(), self.expected.encode()):
            refusal = HTMLResponse(
                "<html><head><title>Error 401</title></head><body><h2>HTTP ERROR 401</h2>"
                "<p>Unauthorized</p></body></html>",
                401,
                {"WWW-Authenticate": 'basic realm="Mesosphere"'},
            )
            await refusal(scope, receive, with_leader)
            return
        await self.application(scope, receive, with_leader)

    def refused(self, request: Request, error: Exception) -> Response:
        """Answer an ApiError; 1.4 says 400 instead of later versions' 422 for a wrong JSON type."""
        del request
        assert isinstance(error, ApiError)
        status = error.status
        if self.standin.settings.dialect == "1.4" and error.body.get("message") == "Invalid JSON":
            status = 400
        return JSONResponse(error.body, status)

    def unrouted(self, request: Request, error: Exception) -> Response:
        """Answer an unknown path: 404 in 1.4, and the 500 that 1.6 to 1.10 really give."""
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            if self.standin.settings.dialect == "1.4":
                return JSONResponse({"message": f"URI not found: {request.url.path}"}, 404)
            return JSONResponse({"message": "URI not found"}, 500)
        return JSONResponse({"message": error.detail}, error.status_code, error.headers)

    def broken(self, request: Request, error: Exception) -> Response:
        """Answer a defect of the stand-in itself."""
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return JSONResponse({"message": f"The stand-in failed: {type(error).__name__}: {error}"}, 500)
