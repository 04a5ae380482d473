"""Readiness checks, which run only for new tasks during their deployment (conformance item C32)."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.marathon_trial import Json, Trial

pytestmark = pytest.mark.engine
READINESS: Json = {
    "portName": "http",
    "path": "/cgi-bin/health",
    "intervalSeconds": 3,
    "timeoutSeconds": 2,
    "preserveLastResponse": True,
}


def seen(trial: Trial, deployment: str) -> list[tuple[bool, int]]:
    """Return (ready, status of the last answer) of each task for which a deployment has results."""
    actions = trial.deployment(deployment).get("currentActions", [])
    found = [result for action in actions for result in action["readinessCheckResults"]]
    return [(result["ready"], result["lastResponse"]["status"]) for result in found]


def embedded(trial: Trial) -> list[Json]:
    """Return the results embedded in the app on request."""
    app = trial.json("GET", f"/v2/apps{trial.group}/app", params={"embed": "app.readiness"})["app"]
    return list(app.get("readinessCheckResults") or [])


def test_c32_a_new_task_counts_only_when_it_is_ready(trial: Trial) -> None:
    """It becomes ready before it becomes healthy: results are gone with their deployment."""
    command = {
        "protocol": "COMMAND",
        "command": {"value": "check"},
        "gracePeriodSeconds": 300,
        "intervalSeconds": 3,
        "timeoutSeconds": 5,
        "delaySeconds": 1,
    }
    env = {"HEALTH": "503 200", "CHECKS": "1 1 1 1 1 0"}
    definition = trial.definition(readinessChecks=[READINESS], healthChecks=[command], env=env)
    deployment = trial.create(definition, settled=False)
    trial.eventually(
        "A task that says it is not ready", lambda: seen(trial, deployment) == [(False, 503)], step=0.5
    )
    trial.eventually("The same being ready", lambda: seen(trial, deployment) == [(True, 200)], step=0.5)
    task, result = trial.tasks()[0], embedded(trial)[0]
    assert (result["ready"], result["name"], result["taskId"]) == (True, "readinessCheck", task["id"])
    assert trial.app()["tasksHealthy"] == 0
    trial.settle(deployment)
    assert (trial.app()["tasksHealthy"], embedded(trial)) == (1, [])


def test_c32_ready_is_one_of_the_statuses_that_were_named_and_no_other(trial: Trial) -> None:
    """Redirects are not followed, a port without a listener is a 504, and the old task waits for all of it."""
    named = READINESS | {"httpStatusCodesForReady": [201]}

    def answering(answer: str) -> dict[str, Any]:
        return {"readinessChecks": [named | {"path": f"/cgi-bin/answer?{answer}"}]}

    trial.create(trial.definition(**answering("201")))
    old = trial.ids()
    deployments = [trial.update(trial.definition(**answering("200")), settled=False)]
    redirected = trial.definition("redirected", **answering("302,/cgi-bin/answer?201"))
    dead = trial.definition("dead", readinessChecks=[named | {"portName": "dead"}])
    dead["container"]["portMappings"].append({"containerPort": 9, "hostPort": 0, "name": "dead"})
    deployments += [trial.create(definition, settled=False) for definition in (redirected, dead)]
    expected = [[(False, status)] for status in (200, 302, 504)]

    def refused() -> bool:
        return [seen(trial, deployment) for deployment in deployments] == expected

    trial.eventually("A refusal of each", refused)
    trial.throughout("It stays like that", lambda: refused() and old < trial.ids(), 10, step=2)
