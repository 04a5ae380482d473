"""Tasks must die, back off, be killed and report events as in Marathon (conformance items C33-C38)."""

from __future__ import annotations

import pytest

from fixtures.marathon_trial import Json, Trial

pytestmark = pytest.mark.engine
ALL_APPS = ("group_change_success",)
"""Events that name no app."""


def queued(trial: Trial, definition: Json) -> list[Json]:
    """Return the app's queue entries that are held back by a delay."""
    listed = trial.json("GET", "/v2/queue")["queue"]
    return [q for q in listed if q["app"]["id"] == definition["id"] and not q["delay"]["overdue"]]


def last_failure(trial: Trial) -> Json:
    """Return the app's lastTaskFailure, empty if there is none."""
    return dict(trial.app().get("lastTaskFailure") or {})


def test_c33_a_dead_task_is_replaced_by_one_with_another_id(trial: Trial) -> None:
    """A replaced task is how a crash shows."""
    trial.create(trial.definition())
    first = trial.ids()
    trial.ask("/cgi-bin/crash")
    trial.eventually("The replacement", lambda: len(new := trial.ids() - first) == 1 and new)
    failure = trial.app()["lastTaskFailure"]
    assert ({failure["taskId"]}, failure["state"], trial.app()["instances"]) == (first, "TASK_FAILED", 1)


def test_c33_a_killed_task_is_replaced_by_one_with_another_id(trial: Trial) -> None:
    """A kill on request is no failure, so none is on record."""
    trial.create(trial.definition())
    task = trial.tasks()[0]
    answer = trial.json("DELETE", f"/v2/apps{task['appId']}/tasks/{task['id']}")
    assert answer["task"]["id"] == task["id"]
    trial.eventually("The replacement", lambda: trial.ids() - {task["id"]})
    assert "lastTaskFailure" not in trial.app()


def test_c33_killing_with_scale_takes_one_instance_away(trial: Trial) -> None:
    """The chosen task goes, and nothing replaces it."""
    trial.create(trial.definition(instances=2))
    other, chosen = trial.tasks()
    answer = trial.json("POST", "/v2/tasks/delete", {"ids": [chosen["id"]]}, params={"scale": "True"})
    trial.settle(answer["deploymentId"])
    assert (trial.app()["instances"], trial.ids()) == (1, {other["id"]})


def test_c33_a_task_that_is_named_twice_takes_one_instance_away(trial: Trial) -> None:
    """The count must follow the tasks and not the list."""
    trial.create(trial.definition(instances=3))
    *others, chosen = trial.tasks()
    answer = trial.json("POST", "/v2/tasks/delete", {"ids": [chosen["id"]] * 2}, params={"scale": "true"})
    trial.settle(answer["deploymentId"])
    assert (trial.app()["instances"], trial.ids()) == (2, {one["id"] for one in others})


def test_c34_the_delay_grows_with_every_crash(trial: Trial) -> None:
    """A crashing app must not take up an agent."""
    base = int(trial.seconds(100, 4))
    definition = trial.definition(cmd="exit 3", backoffSeconds=base, backoffFactor=3)
    trial.create(definition, settled=False)
    first = trial.eventually("The first delay", lambda: queued(trial, definition), step=0)
    left = first[0]["delay"]["timeLeftSeconds"]
    later = trial.eventually(
        "A longer delay",
        lambda: [q for q in queued(trial, definition) if q["delay"]["timeLeftSeconds"] > base],
        within=base * 5,
        step=base / 2,
    )
    assert 0 < left <= base < later[0]["delay"]["timeLeftSeconds"] <= base * 3


def test_c34_a_health_kill_adds_no_delay(trial: Trial) -> None:
    """Only crashes do, although Marathon's documentation says otherwise."""
    check = {
        "path": "/cgi-bin/health",
        "gracePeriodSeconds": 0,
        "intervalSeconds": 2,
        "timeoutSeconds": 1,
        "maxConsecutiveFailures": 1,
    }
    definition = trial.definition(healthChecks=[check], env={"HEALTH": "503"}, backoffSeconds=1000)
    trial.create(definition, settled=False)
    first = trial.eventually("A task", trial.ids)
    trial.eventually("Its replacement", lambda: trial.ids() - first, within=60)
    assert queued(trial, definition) == []


def test_c35_a_task_has_its_grace_between_sigterm_and_sigkill(trial: Trial) -> None:
    """RT needs that time to finish the requests at hand."""
    grace = int(trial.seconds(600, 8))
    deaf = "trap '' TERM; while true; do sleep 1; done"
    definition = trial.definition(cmd=deaf, taskKillGracePeriodSeconds=grace)
    trial.create(definition)
    doomed = trial.ids()
    with trial.events("status_update_event") as recorder:

        def dead() -> list[Json]:
            return [e for e in recorder.of(app=definition["id"]) if e["taskStatus"] == "TASK_KILLED"]

        trial.json("DELETE", f"/v2/apps{definition['id']}/tasks/{doomed.copy().pop()}")
        trial.throughout("It lives on", lambda: not dead(), grace - trial.seconds(20, 3), step=100)
        trial.eventually("Its end", dead, within=trial.seconds(60, 20))


def test_c35_a_task_that_heeds_sigterm_goes_at_once(trial: Trial) -> None:
    """The grace period is a limit and no delay."""
    definition = trial.definition(taskKillGracePeriodSeconds=3600)
    trial.create(definition)
    first = trial.ids()
    trial.ask("/cgi-bin/env")  # the task handles SIGTERM only once it serves
    trial.json("DELETE", f"/v2/apps{definition['id']}/tasks/{first.copy().pop()}")
    trial.eventually("Its replacement", lambda: trial.ids() and not first & trial.ids(), within=20, step=0)
    trial.ask("/cgi-bin/env")


def about(event: Json, deployment: str, definition: Json) -> bool:
    """Tell whether an event concerns this deployment or this app: others may use a real Marathon too."""
    plan, posted = event.get("plan") or {}, event.get("appDefinition") or {}
    apps = (event.get("appId"), event.get("runSpecId"), posted.get("id"))
    return deployment in (event.get("id"), plan.get("id")) or definition["id"] in apps


def in_order(events: list[Json], *wanted: str) -> bool:
    """Tell whether the first events of these types exist, in this order."""
    names = [event["eventType"] for event in events]
    assert set(wanted) <= set(names), names
    places = [names.index(name) for name in wanted]
    return places == sorted(places)


def test_c36_events_come_in_order(trial: Trial) -> None:
    """Only a partial order holds: api_post_event and group_change_success race with their own deployment."""
    with trial.events() as recorder:
        definition = trial.definition()
        deployment = trial.create(definition)
        trial.eventually(
            "deployment_success",
            lambda: [e for e in recorder.of("deployment_success") if e["id"] == deployment],
            step=0,
        )
    mine = [
        event for event in recorder.of() if event["eventType"] in ALL_APPS or about(event, deployment, definition)
    ]
    assert in_order(mine, "deployment_info", "deployment_step_success", "deployment_success")
    assert in_order(mine, "deployment_info", "instance_changed_event", "status_update_event", "deployment_success")
    for racing in ("api_post_event", "group_change_success"):
        assert in_order(mine, racing, "deployment_success")
    states = [e["taskStatus"] for e in recorder.of("status_update_event", app=definition["id"])]
    assert (states[-1], states.count("TASK_RUNNING")) == ("TASK_RUNNING", 1)


def test_c36_a_filter_lets_only_its_types_through(trial: Trial) -> None:
    """Client libraries fail on events that they do not know."""
    with trial.events("deployment_success", "deployment_info") as recorder:
        deployment = trial.create(trial.definition(instances=0))
        trial.eventually(
            "deployment_success",
            lambda: [e for e in recorder.of("deployment_success") if e["id"] == deployment],
            step=0,
        )
    assert {event["eventType"] for event in recorder.of()} == {"deployment_success", "deployment_info"}


def test_c36_without_its_accept_header_the_stream_is_405(trial: Trial) -> None:
    """A client without the header must not hang on an endless answer."""
    assert trial.call("GET", "/v2/events", headers={"Accept": "application/json"}).status_code == 405


def test_c37_the_last_failure_is_told_and_outlives_a_good_deployment(trial: Trial) -> None:
    """So a client must compare its time with that of the deploy."""
    definition = trial.definition(cmd="exit 3", backoffSeconds=1)
    trial.create(definition, settled=False)
    failure = trial.eventually("A failure", lambda: last_failure(trial))
    assert failure["state"] == "TASK_FAILED"
    assert "status 3" in failure["message"]
    trial.update(definition | {"cmd": "sleep 3600"}, force="true")
    kept = trial.app()
    assert (kept["tasksRunning"], kept["lastTaskFailure"]["state"]) == (1, "TASK_FAILED")


def test_c37_a_health_kill_is_told_with_its_reason(trial: Trial) -> None:
    """The reason is the only trace of the answer that the check got."""
    # Without a grace period: a busy machine may miss the one answer that would end it.
    check = {"path": "/cgi-bin/health", "gracePeriodSeconds": 0, "intervalSeconds": 2, "maxConsecutiveFailures": 1}
    definition = trial.definition(healthChecks=[check], env={"HEALTH": "200 500"})
    trial.create(definition, settled=False)
    failure = trial.eventually("A failure", lambda: last_failure(trial))
    assert failure["state"] == "TASK_KILLED"
    assert failure["message"].startswith("Task was killed since health check failed. Reason: 500")


def test_c38_a_task_finds_its_variables(trial: Trial) -> None:
    """A task learns its ports and its id from nothing else."""
    trial.create(trial.definition(labels={"tier.one": "yes"}, env={"OWN": "value", "HOST": "mine"}))
    task = trial.tasks()[0]
    found = dict(line.split("=", 1) for line in trial.ask("/cgi-bin/env").splitlines() if "=" in line)
    expected = {
        "MESOS_TASK_ID": task["id"],
        "MARATHON_APP_ID": task["appId"],
        "MARATHON_APP_VERSION": task["version"],
        "MARATHON_APP_DOCKER_IMAGE": trial.image,
        "MARATHON_APP_RESOURCE_CPUS": "0.05",
        "MARATHON_APP_RESOURCE_MEM": "16.0",
        "MARATHON_APP_RESOURCE_DISK": "0.0",
        "MARATHON_APP_RESOURCE_GPUS": "0",
        "MARATHON_APP_LABELS": "TIER_ONE",
        "MARATHON_APP_LABEL_TIER_ONE": "yes",
        "PORT": str(task["ports"][0]),
        "PORT0": str(task["ports"][0]),
        "PORT_8080": str(task["ports"][0]),
        "PORT_HTTP": str(task["ports"][0]),
        "PORTS": str(task["ports"][0]),
        "OWN": "value",
        "HOST": "mine",
    }
    assert {name: found.get(name) for name in expected} == expected
