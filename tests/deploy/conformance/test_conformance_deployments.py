"""Deployments proceed, stop, are cancelled and rolled back (conformance items C06, C26-C31)."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.marathon_trial import Json, Recorder, Trial

pytestmark = pytest.mark.engine
LAUNCHED = ("Provisioned", "Created", "Staging", "Starting")
ENDED = ("Killed", "Failed", "Finished", "Error", "Dropped", "Gone")


def check(**changes: Any) -> Json:
    """Return an HTTP check with a short interval that kills late."""
    return {
        "protocol": "HTTP",
        "path": "/cgi-bin/health",
        "portIndex": 0,
        "gracePeriodSeconds": 0,
        "intervalSeconds": 2,
        "timeoutSeconds": 5,
        "maxConsecutiveFailures": 0,
        **changes,
    }


def seldom(trial: Trial) -> Json:
    """Return a check for long waits: every probe runs a script in a task, also if a manual clock advances fast."""
    return check(intervalSeconds=trial.seconds(20, 2))


def strategy(minimum: float, over: float) -> Json:
    """Return an upgrade strategy."""
    return {"minimumHealthCapacity": minimum, "maximumOverCapacity": over}


def stuck(trial: Trial, **changes: Any) -> tuple[Json, str]:
    """Deploy an app that never gets healthy; returns definition and deployment id."""
    definition = trial.definition(healthChecks=[seldom(trial)], env={"HEALTH": "503"}, **changes)
    deployment = trial.create(definition, settled=False)
    trial.eventually("An unhealthy task", lambda: trial.app()["tasksUnhealthy"] == 1)
    return definition, deployment


def deployment_events(recorder: Recorder, *deployments: str) -> list[Json]:
    """Return the events that end these deployments: on a real Marathon there may be other deployments."""
    return [
        event for event in recorder.of("deployment_failed", "deployment_success") if event["id"] in deployments
    ]


def extremes(changes: list[Json], before: int) -> tuple[int, int]:
    """Return the maximum number of instances and the minimum of running ones, from `before` running ones.

    changes: instance_changed_event of one app. A launch is an instance's first event: Mesos has not reported by
    then, so a real Marathon sends no status_update_event for it.
    """
    new: set[str] = set()
    running: set[str] = set()
    over: set[str] = set()
    most = fewest = before
    for change in changes:
        instance, condition = change["instanceId"], change["condition"]
        if condition in ENDED:
            over.add(instance)
            running.discard(instance)
        elif condition == "Running":
            running.add(instance)
        elif condition in LAUNCHED:
            new.add(instance)
        here = before + len(new) - len(over)
        most = max(most, here)
        fewest = min(fewest, before - len(over - new) + len(running))
    return most, fewest


def test_c06_an_app_in_a_deployment_is_locked_unless_forced(trial: Trial) -> None:
    """The harness never forces, so it must recognise the lock and name its deployment."""
    definition, deployment = stuck(trial)
    fixed = definition | {"env": {"HEALTH": "200"}}
    refused = trial.call("PUT", f"/v2/apps{definition['id']}", fixed)
    assert refused.status_code == 409
    assert refused.json()["message"] == (
        "App is locked by one or more deployments. Override with the option '?force=true'. "
        "View details at '/v2/deployments/<DEPLOYMENT_ID>'."
    )
    assert refused.json()["deployments"] == [{"id": deployment}]
    with trial.events("deployment_failed", "deployment_success") as recorder:
        trial.update(fixed, force="True")
        ended = trial.eventually("deployment_failed", lambda: deployment_events(recorder, deployment), step=0)
    assert [event["eventType"] for event in ended] == ["deployment_failed"]
    assert trial.app()["tasksHealthy"] == 1


def test_c26_a_deployment_waits_for_health(trial: Trial) -> None:
    """It never fails by itself, so a client needs a deadline."""
    _, deployment = stuck(trial)
    waiting = trial.seconds(200, 10)
    trial.throughout("The deployment stays", lambda: bool(trial.deployment(deployment)), waiting, step=100)
    assert trial.app()["tasksRunning"] == 1


@pytest.mark.parametrize(
    ("instances", "shares", "bounds"),
    [
        (1, (1, 1), (2, 1)),
        (1, (1, 0), (2, 1)),
        (1, (0.5, 0), (2, 1)),
        (1, (0, 0), (1, 0)),
        (2, (0.5, 0), (2, 1)),
        (3, (0.7, 0.3), (4, 3)),
        (3, (0.5, 0), (3, 2)),
        (4, (0.75, 0.25), (5, 3)),
        (2, (0, 0), (2, 0)),
    ],
)
def test_c27_replacement_keeps_to_its_bounds(
    trial: Trial, instances: int, shares: tuple[float, float], bounds: tuple[int, int]
) -> None:
    """shares: minimumHealthCapacity and maximumOverCapacity; bounds: most tasks at once, fewest running."""
    definition = trial.definition(instances=instances, healthChecks=[check()], upgradeStrategy=strategy(*shares))
    trial.create(definition)
    assert trial.app()["tasksHealthy"] == instances
    old = len(trial.ids())
    with trial.events("instance_changed_event", "deployment_success") as recorder:
        deployment = trial.update(definition | {"labels": {"release": "next"}})
        trial.eventually(
            "deployment_success",
            lambda: any(e.get("id") == deployment for e in recorder.of("deployment_success")),
            step=0,
        )
    assert extremes(recorder.of("instance_changed_event", app=definition["id"]), old) == bounds


def test_c28_an_unhealthy_update_keeps_the_old_tasks(trial: Trial) -> None:
    """With capacity 1 a bad release takes nothing away from the users."""
    definition = trial.definition(instances=2, healthChecks=[seldom(trial)])
    trial.create(definition)
    old = trial.ids()
    deployment = trial.update(definition | {"env": {"HEALTH": "503"}}, settled=False)
    trial.eventually("Two unhealthy new tasks", lambda: trial.app()["tasksUnhealthy"] == 2)
    waiting = trial.seconds(120, 8)
    trial.throughout("The old tasks stay healthy", lambda: old < trial.ids(), waiting, step=20)
    assert (trial.app()["tasksHealthy"], bool(trial.deployment(deployment))) == (2, True)


def test_c29_strategy_zero_zero_ends_all_old_tasks_first(trial: Trial) -> None:
    """No old and new task may run at once then."""
    definition = trial.definition(instances=2, upgradeStrategy=strategy(0, 0))
    trial.create(definition)
    old = trial.ids()
    with trial.events("status_update_event") as recorder:
        trial.update(definition | {"labels": {"release": "next"}})
        trial.eventually(
            "Two new tasks running",
            lambda: len([e for e in recorder.of(app=definition["id"]) if e["taskStatus"] == "TASK_RUNNING"]) >= 2,
            step=0,
        )
    told = [e for e in recorder.of(app=definition["id"]) if e["taskStatus"] in ("TASK_KILLED", "TASK_RUNNING")]
    order = [(e["taskStatus"], e["taskId"] in old) for e in told]
    assert order[0] == ("TASK_KILLED", True)
    assert order.index(("TASK_RUNNING", False)) >= 1
    assert not old & trial.ids()


def test_c30_deleting_a_deployment_goes_back_in_a_deployment_of_its_own(trial: Trial) -> None:
    """A rollback has to be followed like a deploy."""
    definition = trial.definition(healthChecks=[check()], labels={"release": "good"})
    trial.create(definition)
    bad = trial.update(definition | {"env": {"HEALTH": "503"}, "labels": {"release": "bad"}}, settled=False)
    counted = ("tasksRunning", "tasksUnhealthy")
    trial.eventually("An unhealthy new task", lambda: [trial.app()[key] for key in counted] == [2, 1])
    with trial.events("deployment_failed", "deployment_success") as recorder:
        back = trial.json("DELETE", f"/v2/deployments/{bad}")
        assert back["deploymentId"] != bad
        trial.settle(back["deploymentId"])
        trial.eventually(
            "Both events", lambda: len(deployment_events(recorder, bad, back["deploymentId"])) == 2, step=0
        )
    assert {(e["eventType"], e["id"]) for e in deployment_events(recorder, bad, back["deploymentId"])} == {
        ("deployment_failed", bad),
        ("deployment_success", back["deploymentId"]),
    }
    app = trial.app()
    assert (app["labels"], app["tasksHealthy"], app["tasksUnhealthy"]) == ({"release": "good"}, 1, 0)


def test_c30_taking_back_a_new_app_removes_it(trial: Trial) -> None:
    """There is no earlier version to return to."""
    definition, deployment = stuck(trial)
    back = trial.json("DELETE", f"/v2/deployments/{deployment}")
    trial.settle(back["deploymentId"])
    assert trial.call("GET", f"/v2/apps{definition['id']}").status_code == 404


def test_c31_force_deleting_a_deployment_leaves_everything_as_it_is(trial: Trial) -> None:
    """Only the deployment ends: what it has started goes on."""
    definition = trial.definition(cpus=100_000)
    deployment = trial.create(definition, settled=False)

    def waiting() -> list[Json]:
        return [q for q in trial.json("GET", "/v2/queue")["queue"] if q["app"]["id"] == definition["id"]]

    assert trial.eventually("The app in the queue", waiting)[0]["delay"]["overdue"] is True
    with trial.events("deployment_failed", "deployment_success") as recorder:
        answer = trial.call("DELETE", f"/v2/deployments/{deployment}", params={"force": "true"})
        assert (answer.status_code, answer.text) == (202, "")
        trial.settle(deployment)
        ended = trial.eventually("Its event", lambda: deployment_events(recorder, deployment), step=0)
    assert [event["eventType"] for event in ended] == ["deployment_failed"]
    assert trial.app()["instances"] == 1
    assert [entry["delay"]["overdue"] for entry in waiting()] == [True]


def test_a_deploy_tool_that_knows_only_container_and_deployments_gets_along(trial: Trial) -> None:
    """Many sites' tools do only this: PUT the container alone, then poll app.deployments."""
    trial.create(trial.definition(instances=2, healthChecks=[check()]))
    before = trial.app()
    assert before["deployments"] == []
    container = before["container"]
    container["docker"]["parameters"] = [{"key": "label", "value": "release=next"}]
    old = trial.ids()
    trial.json("PUT", f"/v2/apps{before['id']}", {"container": container})
    trial.eventually("No deployment in the app", lambda: not trial.app()["deployments"])
    after = trial.app()
    assert (after["tasksHealthy"], old & trial.ids()) == (2, set())
    assert after["container"]["portMappings"] == before["container"]["portMappings"]
