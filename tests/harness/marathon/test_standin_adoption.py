"""State and tasks must survive the stand-in's own death. On real containers and the real clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from fixtures.marathon_trial import Json, Trial
from harness.engine.listed import containers_of
from harness.marathon.standin.labels import TASK
from harness.marathon.standin.process import StandinProcess

pytestmark = pytest.mark.engine
CHECK = {"path": "/cgi-bin/health", "gracePeriodSeconds": 60, "intervalSeconds": 1, "timeoutSeconds": 5}


@pytest.fixture
def restartable(tmp_path: Path, tiny_image: str) -> Iterator[tuple[StandinProcess, Trial]]:
    """Return a stand-in on the real clock, and a way to drive it that survives its restart."""
    process = StandinProcess(tmp_path, ["--end-tasks"])
    yield process, Trial(process.start(), "/adoption", tiny_image, manual=False)
    process.stop()


def again(process: StandinProcess, trial: Trial) -> Trial:
    """Kill the server, start it again on the same state, and return a new way to drive it."""
    process.kill()
    return Trial(process.start(), trial.group, trial.image, manual=False)


def healthy(trial: Trial, number: int) -> Json:
    """Wait until `number` tasks are healthy and return the app."""
    trial.eventually(f"{number} healthy tasks", lambda: trial.app()["tasksHealthy"] == number)
    return trial.app()


def test_running_tasks_are_adopted_and_still_looked_after(restartable: tuple[StandinProcess, Trial]) -> None:
    """They keep id, ports and start time, and are replaced when they crash."""
    process, trial = restartable
    trial.create(trial.definition(instances=2, healthChecks=[CHECK]))
    before = healthy(trial, 2)
    trial = again(process, trial)
    after = healthy(trial, 2)
    for key in ("id", "ports", "startedAt", "version"):
        assert sorted(t[key] for t in after["tasks"]) == sorted(t[key] for t in before["tasks"])
    trial.ask("/cgi-bin/crash")
    trial.eventually("A replacement", lambda: trial.ids() - {t["id"] for t in after["tasks"]})


def test_a_task_that_dies_while_nobody_looks_is_replaced(
    restartable: tuple[StandinProcess, Trial], engine: DockerClient
) -> None:
    """Its end is read from the container afterwards."""
    process, trial = restartable
    trial.create(trial.definition())
    first = trial.tasks()[0]["id"]
    process.kill()
    containers_of(engine, {TASK: first})[0].kill()
    trial = Trial(process.start(), trial.group, trial.image, manual=False)
    trial.eventually("A replacement", lambda: trial.ids() - {first})
    assert trial.app()["lastTaskFailure"]["message"] == "Container exited with status 137"


def test_an_unfinished_deployment_goes_on(restartable: tuple[StandinProcess, Trial]) -> None:
    """It keeps its id, which a client waits for."""
    process, trial = restartable
    definition = trial.definition(healthChecks=[CHECK])
    trial.create(definition)
    old = trial.ids()
    slow = {"env": {"HEALTH": "503 503 503 503 503 200"}, "labels": {"release": "next"}}
    deployment = trial.update(definition | slow, settled=False)
    trial.eventually("The new task", lambda: len(trial.ids()) == 2)
    trial = again(process, trial)
    assert trial.deployment(deployment)["currentActions"][0]["action"] == "RestartApplication"
    trial.settle(deployment)
    assert (trial.app()["labels"], old & trial.ids()) == ({"release": "next"}, set())


def test_stopping_with_end_tasks_leaves_no_container(
    restartable: tuple[StandinProcess, Trial], engine: DockerClient
) -> None:
    """A test run must not leave containers behind."""
    process, trial = restartable
    trial.create(trial.definition())
    task = trial.tasks()[0]["id"]
    assert process.stop() == 0
    assert containers_of(engine, {TASK: task}, ended=True) == []
