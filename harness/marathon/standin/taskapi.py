"""The task endpoints."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from harness.marathon.standin import errors
from harness.marathon.standin.core import Standin
from harness.marathon.standin.normalize import service_ports
from harness.marathon.standin.partition import lose
from harness.marathon.standin.task import RUNNING, STAGING, Task, app_id_of, prefix_of
from harness.marathon.standin.wire import body, flag, outcome

STATES = {"running": RUNNING, "staging": STAGING}


def table(tasks: Collection[Task], host: str) -> str:
    """Return running tasks as the text of 1.4 to 1.9: a line per app and service port, a tab after each cell."""
    lines: dict[tuple[str, int], list[str]] = {}
    for task in tasks:
        placed = task.placed.host_ports if task.placed and task.state == RUNNING else ()
        for service_port, port in zip(service_ports(task.app), placed, strict=False):
            lines.setdefault((prefix_of(task.app.id), service_port), []).append(f"{host}:{port}")
    rows = [[name, str(port), *cells] for (name, port), cells in lines.items()]
    return "".join("".join(f"{cell}\t" for cell in row) + "\n" for row in rows)


class TaskApi:
    """List tasks and end them."""

    def __init__(self, standin: Standin) -> None:
        """Serve one stand-in."""
        self.commands, self.views, self.state = standin.commands, standin.views, standin.state
        self.dialect = standin.settings.dialect

    def _list(self, request: Request, tasks: Collection[Task]) -> Response:
        if request.headers.get("accept", "").startswith("text/plain"):
            if self.dialect == "1.10":
                return Response(status_code=406)
            return PlainTextResponse(table(tasks, self.views.scheduler.agent.host))
        return JSONResponse({"tasks": [self.views.task(task) for task in tasks]})

    async def all(self, request: Request) -> Response:
        """GET all tasks, or those that are running or staging."""
        wanted = request.query_params.getlist("status") + request.query_params.getlist("status[]")
        states = {STATES[word] for word in wanted if word in STATES}
        found = [task for task in self.state.tasks.values() if not states or task.state in states]
        return self._list(request, sorted(found, key=lambda task: (task.app.id, task.staged_at)))

    async def of_app(self, request: Request) -> Response:
        """GET an app's tasks, or DELETE them (those on `host` only, when it is given)."""
        known = self.commands.known(request.path_params["app_id"])
        tasks = self.state.tasks_of(known.app.id)
        if request.method == "GET":
            return self._list(request, tasks)
        host = request.query_params.get("host")
        return self._end(request, [task for task in tasks if host in (None, "*", self.views.scheduler.agent.host)])

    async def one(self, request: Request) -> Response:
        """DELETE one task."""
        known = self.commands.known(request.path_params["app_id"])
        task = self.state.tasks.get(request.path_params["task_id"])
        if task is None or task.app.id != known.app.id:
            raise errors.not_found(f"Task '{request.path_params['task_id']}' does not exist")
        return self._end(request, [task], single=True)

    async def delete_many(self, request: Request) -> Response:
        """POST the ids of tasks to end; unknown ids are ignored, and duplicates count once."""
        document = await body(request)
        ids = document.get("ids") if isinstance(document, dict) else None
        if not isinstance(ids, list):
            raise errors.bad_request("Invalid JSON", "ids: error.expected.jsarray")
        for task_id in ids:
            if not isinstance(task_id, str) or app_id_of(task_id) is None:
                raise errors.bad_request(
                    f"Invalid task id '{task_id}'. Expected a task id of the form <app>.<uuid>"
                )
        return self._end(request, [self.state.tasks[i] for i in dict.fromkeys(ids) if i in self.state.tasks])

    async def lost(self, request: Request) -> Response:
        """POST {"id": task}: its agent is unreachable from now on. For tests, no part of Marathon."""
        document = await body(request)
        task = self.state.tasks.get(document.get("id", "")) if isinstance(document, dict) else None
        if task is None:
            raise errors.not_found("Task does not exist")
        lose(self.views.scheduler, task)
        return JSONResponse({"task": self.views.task(task)})

    def _end(self, request: Request, tasks: Collection[Task], *, single: bool = False) -> Response:
        scale, wipe = flag(request, "scale"), flag(request, "wipe")
        if scale and wipe:
            raise errors.bad_request("You cannot use scale and wipe at the same time.")
        shown = [self.views.task(task) for task in tasks]
        deployment = self.commands.kill(tasks, scale=scale, force=flag(request, "force"))
        if deployment is not None:
            return outcome(deployment)
        return JSONResponse({"task": shown[0]} if single else {"tasks": shown})
