"""Run readiness checks of new tasks during a deployment, until the first success."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.marathon.standin import probes
from harness.marathon.standin.checks import ReadinessCheck
from harness.marathon.standin.scheduler import Scheduler
from harness.marathon.standin.task import Task


class Readiness:
    """Checks each task repeatedly; a task stays ready after the first success."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Attach to one scheduler."""
        self.scheduler = scheduler
        self._asked: set[str] = set()

    def watch(self, task: Task) -> None:
        """Start to check a running task, if its app has a check and it is not being checked yet."""
        if task.app.readiness_checks and task.running and not task.ready and task.id not in self._asked:
            self._asked.add(task.id)
            self.scheduler.clock.spawn(self._ask(task, task.app.readiness_checks[0]))

    def forget(self, task: Task) -> None:
        """Stop checking a task."""
        self._asked.discard(task.id)

    async def _ask(self, task: Task, check: ReadinessCheck) -> None:
        if task.id not in self._asked or not task.running or task.placed is None:
            return
        answer, error = await self._answer(task, check)
        if answer is not None:
            task.ready = answer.status in check.http_status_codes_for_ready
        task.readiness = result(task, check, answer, error)
        if task.ready:
            self.forget(task)
            self.scheduler.on_change(task.app.id)
        else:
            clock = self.scheduler.clock
            timer = clock.call_later(max(check.interval_seconds, 0.1), lambda: clock.spawn(self._ask(task, check)))
            task.timers.append(timer)

    async def _answer(self, task: Task, check: ReadinessCheck) -> tuple[probes.Answer | None, str]:
        assert task.placed is not None
        host, port = task.placed.addresses[task.app.port_names().index(check.port_name)]
        try:
            async with asyncio.timeout(check.timeout_seconds):
                tls = check.protocol == "HTTPS"
                return await probes.get(host, port, check.path, tls=tls, want_body=True), ""
        except probes.CONNECTION_ERRORS as error:
            return None, probes.reason_of(error)


def result(task: Task, check: ReadinessCheck, answer: probes.Answer | None, error: str) -> dict[str, Any]:
    """Return a readiness check result in the form of deployments and apps."""
    found: dict[str, Any] = {"name": check.name, "taskId": task.id, "ready": task.ready}
    if check.preserve_last_response:
        found["lastResponse"] = (
            {"status": answer.status, "contentType": answer.content_type, "body": answer.body}
            if answer is not None
            else {
                "status": 504,
                "contentType": "text/plain",
                "body": f"Marathon could not query {check.path} of {task.id}: {error}",
            }
        )
    return found
