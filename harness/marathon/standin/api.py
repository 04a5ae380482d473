"""The REST interface: paths, query, bodies and statuses; all logic is in other modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from harness.marathon.standin import errors, page
from harness.marathon.standin.clock import ManualClock, stamp
from harness.marathon.standin.core import Standin
from harness.marathon.standin.deployment import Deployment, deployment_json
from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.middleware import Middleware
from harness.marathon.standin.normalize import absolute
from harness.marathon.standin.render import app_json
from harness.marathon.standin.taskapi import TaskApi
from harness.marathon.standin.views import ALWAYS_FOR_LIST, ALWAYS_FOR_ONE, counts, embeds
from harness.marathon.standin.wire import body, flag, outcome


class Api:
    """Handlers by path; each turns a request into a call of `Commands` or `Views`."""

    def __init__(self, standin: Standin) -> None:
        """Serve one stand-in."""
        self.standin = standin
        self.commands, self.views, self.state = standin.commands, standin.views, standin.state

    # Apps

    async def apps(self, request: Request) -> Response:
        """GET lists apps, POST creates one, PUT and PATCH change several."""
        if request.method == "GET":
            wanted = ALWAYS_FOR_LIST | embeds(request.query_params.getlist("embed"))
            return JSONResponse({"apps": self.views.apps(wanted, request.query_params.get)})
        document = await body(request)
        if request.method == "POST":
            return self._create(request, document)
        if not isinstance(document, list):
            raise errors.broken_json((), "error.expected.jsarray")
        updates = {named(item, index): item for index, item in enumerate(document)}
        create = request.method == "PUT"
        partial = flag(request, "partialUpdate", default=True)
        deployment = self.commands.update(
            updates, force=flag(request, "force"), partial=partial, prefix="/", create=create
        )
        return outcome(deployment)

    def _create(self, request: Request, document: Any) -> Response:
        self._posted(request, document)
        deployment = self.commands.create(document, flag(request, "force"))
        return self._created(deployment)

    def _created(self, deployment: Deployment) -> Response:
        app_id = next(iter(deployment.target))
        shown = self.views.app(self.state.apps[app_id], ())
        shown |= {"tasks": [], "deployments": [{"id": deployment.id}], **counts([])}
        headers = {"Location": f"/v2/apps{app_id}", "Marathon-Deployment-Id": deployment.id}
        return JSONResponse(shown, 201, headers)

    def _posted(self, request: Request, document: Any) -> None:
        address = request.client.host if request.client else ""
        self.standin.bus.publish("api_post_event", clientIp=address, uri=request.url.path, appDefinition=document)

    async def app(self, request: Request) -> Response:
        """GET, PUT, PATCH or DELETE one app; `{group}/*` gets all apps of a group."""
        app_id = absolute(request.path_params["app_id"])
        if request.method == "GET":
            return self._show(app_id, request)
        if request.method == "DELETE":
            return outcome(self.commands.delete(app_id, flag(request, "force", default=True)))
        document = await body(request)
        self._posted(request, document)
        existed = app_id in self.state.apps
        deployment = self.commands.update(
            {app_id: document},
            force=flag(request, "force"),
            partial=flag(request, "partialUpdate", default=True),
            create=request.method == "PUT",
        )
        return outcome(deployment) if existed else self._created(deployment)

    def _show(self, app_id: str, request: Request) -> Response:
        wanted = ALWAYS_FOR_ONE | embeds(request.query_params.getlist("embed"))
        if app_id.endswith("/*"):
            inside = app_id[:-1]
            found = [self.views.app(k, wanted) for i, k in self.state.apps.items() if i.startswith(inside)]
            return JSONResponse({"*": found})
        return JSONResponse({"app": self.views.app(self.commands.known(app_id), wanted)})

    async def restart(self, request: Request) -> Response:
        """POST: replace all tasks."""
        await body(request, needed=False)
        return outcome(self.commands.restart(request.path_params["app_id"], flag(request, "force")))

    async def versions(self, request: Request) -> Response:
        """GET the versions of an app, or one of them."""
        known = self.commands.known(request.path_params["app_id"])
        version = request.path_params.get("version")
        if version is None:
            return JSONResponse({"versions": sorted(known.versions, reverse=True)})
        if version not in known.versions:
            raise errors.unknown_app(known.app.id, version)
        return JSONResponse(app_json(known.versions[version], self.views.dialect))

    async def group(self, request: Request) -> Response:
        """DELETE a group with its apps."""
        return outcome(self.commands.delete_group(request.path_params["group_id"], flag(request, "force")))

    # Deployments and queue

    async def deployments(self, request: Request) -> Response:
        """GET the running deployments."""
        del request
        rollout = self.standin.rollout
        found = list(self.state.deployments.values())
        results = {app_id: rollout.readiness_of(app_id) for d in found for app_id in d.affected}
        return JSONResponse([deployment_json(deployment, results) for deployment in found])

    async def deployment(self, request: Request) -> Response:
        """DELETE a deployment: roll it back, or with force only end it."""
        force = flag(request, "force")
        result = self.commands.rollback(request.path_params["deployment_id"], force)
        return Response(status_code=202) if result is None else outcome(result)

    async def queue(self, request: Request) -> Response:
        """GET the apps that wait to launch tasks."""
        offers = "lastUnusedOffers" in request.query_params.getlist("embed")
        return JSONResponse({"queue": self.views.queue(offers=offers)})

    async def delay(self, request: Request) -> Response:
        """DELETE the delay of an app in the queue."""
        app_id = absolute(request.path_params["app_id"])
        if app_id not in self.standin.scheduler.queue:
            raise errors.not_found(f"Application {app_id} not found in tasks queue.")
        self.state.backoff.reset(app_id)
        self.standin.scheduler.pump(app_id)
        return Response(status_code=204)

    # The server itself

    async def ping(self, request: Request) -> Response:
        """GET pong in a content type that the client accepts."""
        accept = request.headers.get("accept", "*/*").lower()
        if "*/*" in accept or "text/" in accept:
            return PlainTextResponse("pong")
        return JSONResponse("pong") if "application/json" in accept else Response(status_code=204)

    async def info(self, request: Request) -> Response:
        """GET information about this server."""
        return JSONResponse(self.views.info(request.url.port or 80))

    async def leader(self, request: Request) -> Response:
        """GET the leader, which is always this server; DELETE changes nothing, as there is no other server."""
        if request.method == "DELETE":
            return JSONResponse({"message": "Leadership abdicated"})
        return JSONResponse({"leader": self.views.info(request.url.port or 80)["leader"]})

    async def metrics(self, request: Request) -> Response:
        """GET totals as JSON, or as Prometheus text."""
        found = self.views.metrics()
        if not request.url.path.endswith("prometheus"):
            return JSONResponse(found)
        lines = [f"{name.replace('.', '_')} {gauge['value']}\n" for name, gauge in sorted(found["gauges"].items())]
        return PlainTextResponse("".join(lines))

    async def events(self, request: Request) -> Response:
        """GET the event stream; repeatable event_type filters it, plan-format=light is the only form in 1.8+."""
        if "text/event-stream" not in request.headers.get("accept", ""):
            return HTMLResponse("<html><body><h2>HTTP ERROR 405</h2></body></html>", 405)
        address = request.client.host if request.client else ""
        wanted = set(request.query_params.getlist("event_type"))
        light = request.query_params.get("plan-format") == "light" or self.standin.settings.dialect == "1.10"
        stream = self.standin.bus.stream(wanted, address, light=light)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    async def page(self, request: Request) -> Response:
        """GET the HTML page."""
        del request
        return HTMLResponse(page.PAGE)

    async def clock(self, request: Request) -> Response:
        """GET the time; POST {"seconds": n} moves a manual clock. For tests, not part of Marathon."""
        clock = self.standin.clock
        if request.method == "POST":
            if not isinstance(clock, ManualClock):
                raise ApiError(409, {"message": "This stand-in runs on the real clock"})
            await clock.advance(float((await body(request))["seconds"]))
        return JSONResponse({"now": stamp(clock.now()), "manual": isinstance(clock, ManualClock)})


def named(item: Any, index: int) -> str:
    """Return the id of an app in an array. Raises ApiError 422 if it has none."""
    if not isinstance(item, dict):
        raise errors.broken_json((index,), "error.expected.jsobject")
    if not isinstance(item.get("id"), str):
        code = "error.path.missing" if item.get("id") is None else "error.expected.jsstring"
        raise errors.broken_json((index, "id"), code)
    return str(item["id"])


def build(standin: Standin, credentials: str = "", listen: str = "localhost") -> ASGIApp:
    """Return the application; credentials: "user:password" for HTTP basic authentication, or empty.

    listen: the address or name at which it is reached, beside localhost.
    """
    api, tasks = Api(standin), TaskApi(standin)
    one = "/v2/apps/{app_id:path}"
    table: list[tuple[str, Callable[..., Any], list[str]]] = [
        ("/", api.page, ["GET"]),
        ("/ping", api.ping, ["GET"]),
        ("/metrics", api.metrics, ["GET"]),
        ("/metrics/prometheus", api.metrics, ["GET"]),
        ("/standin/clock", api.clock, ["GET", "POST"]),
        ("/standin/lost", tasks.lost, ["POST"]),
        ("/v2/info", api.info, ["GET"]),
        ("/v2/leader", api.leader, ["GET", "DELETE"]),
        ("/v2/events", api.events, ["GET"]),
        ("/v2/deployments", api.deployments, ["GET"]),
        ("/v2/deployments/{deployment_id}", api.deployment, ["DELETE"]),
        ("/v2/queue", api.queue, ["GET"]),
        ("/v2/queue/{app_id:path}/delay", api.delay, ["DELETE"]),
        ("/v2/tasks", tasks.all, ["GET"]),
        ("/v2/tasks/delete", tasks.delete_many, ["POST"]),
        ("/v2/apps", api.apps, ["GET", "POST", "PUT", "PATCH"]),
        ("/v2/apps/", api.apps, ["GET", "POST", "PUT", "PATCH"]),
        ("/v2/groups/{group_id:path}", api.group, ["DELETE"]),
        (f"{one}/restart", api.restart, ["POST"]),
        (f"{one}/versions", api.versions, ["GET"]),
        (f"{one}/versions/{{version}}", api.versions, ["GET"]),
        (f"{one}/tasks", tasks.of_app, ["GET", "DELETE"]),
        (f"{one}/tasks/{{task_id}}", tasks.one, ["DELETE"]),
        (one, api.app, ["GET", "PUT", "PATCH", "DELETE"]),
    ]
    routes = [Route(path, handler, methods=methods) for path, handler, methods in table]
    application = Starlette(routes=routes)
    application.router.redirect_slashes = False
    return Middleware(application, standin, credentials, listen)
