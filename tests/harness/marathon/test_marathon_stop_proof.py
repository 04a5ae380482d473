"""What is known of each task at the moment of a stop, by what Marathon lists and reports in between."""

from __future__ import annotations

from typing import Any

import pytest

from harness.marathon import stop_proof
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.errors import AppLockedError
from harness.marathon.follow import Pace
from harness.marathon.model import AppState, Change
from harness.marathon.stop_proof import StopUnprovenError
from harness.marathon.stopping import stop, wait_stopped
from tests.harness.marathon.scripted_marathon import (
    APP,
    DEPLOYMENTS,
    LOCKED,
    TASKS,
    ScriptedMarathon,
    scripted,
    task,
)

STOP = "PUT /v2/apps/rt"
BEFORE = AppState.read({"id": "/rt", "instances": 1, "tasks": [task("rt.1")]})
"""What `replace` has decided on, a while before it stops anything."""


def deployer(server: ScriptedMarathon, **options: Any) -> Deployer:
    """Return a deployer that polls fast."""
    return Deployer(Marathon(server.url), pace=Pace(interval=0.02), **options)


def app(*tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the app as Marathon lists it."""
    return {"app": {"id": "/rt", "instances": 1, "tasks": list(tasks), **fields}}


def ended(state: str, name: str = "rt.1") -> dict[str, Any]:
    """Return the app's last failure."""
    return {
        "lastTaskFailure": {"taskId": name, "state": state, "message": "", "timestamp": "2026-11-01T12:00:00Z"}
    }


UNPROVEN: dict[str, tuple[dict[str, Any], list[tuple[str, str]], str]] = {
    "replaced unheard": (app(task("rt.2")), [], r"rt\.1 \(no status of its end\)"),
    "gone unheard": (app(), [], r"rt\.1 \(no status of its end\)"),
    "called unreachable": (app(task("rt.1", "TASK_UNREACHABLE")), [], r"rt\.1 \(TASK_UNREACHABLE\)"),
    "heard to be cut off": (app(task("rt.2")), [("rt.1", "TASK_UNREACHABLE")], r"rt\.1 \(TASK_UNREACHABLE\)"),
    "ordered to end": (app(task("rt.2"), **ended("TASK_KILLED")), [], r"rt\.1 \(no status of its end\)"),
    "another crashed": (app(task("rt.3"), **ended("TASK_FAILED", "rt.2")), [], r"rt\.1 \(no status of its end\)"),
}


@pytest.mark.parametrize(("now", "heard", "why"), UNPROVEN.values(), ids=UNPROVEN)
def test_a_task_whose_end_nobody_heard_of_may_still_run(
    monkeypatch: pytest.MonkeyPatch, now: dict[str, Any], heard: list[tuple[str, str]], why: str
) -> None:
    """Its agent may have been cut off before the stream was attached: Marathon forgets the task at once."""
    monkeypatch.setattr(stop_proof, "LATEST_STATUS", 0.3)
    unproven = pytest.raises(StopUnprovenError, match=why)
    with scripted({APP: [now], STOP: [LOCKED]}, heard) as server, unproven as caught:
        stop(deployer(server), BEFORE, "of-the-test")
    assert server.count("PUT|POST|DELETE") == 0
    assert "then run it again" in caught.value.repair
    assert "nothing was sent" in str(caught.value)


PROVEN: dict[str, tuple[dict[str, Any], list[tuple[str, str]], dict[str, bool]]] = {
    "it runs": (app(task("rt.1")), [], {}),
    "heard to have ended": (app(task("rt.2")), [("rt.1", "TASK_KILLED")], {}),
    "crashed": (app(task("rt.2"), **ended("TASK_FAILED")), [], {}),
    "known by other means": (app(task("rt.2")), [], {"without_events": True}),
}


@pytest.mark.parametrize(("now", "heard", "options"), PROVEN.values(), ids=PROVEN)
def test_a_task_that_is_known_to_run_or_to_have_ended_is_no_doubt(
    now: dict[str, Any], heard: list[tuple[str, str]], options: dict[str, bool]
) -> None:
    """An old release that crashes again and again is a reason to replace it. The lock shows how far it came."""
    with scripted({APP: [now], STOP: [LOCKED], DEPLOYMENTS: [[]]}, heard) as server, pytest.raises(AppLockedError):
        stop(deployer(server, **options), BEFORE, "of-the-test")
    assert server.count(STOP) == 1


def test_one_empty_list_of_tasks_is_no_stop() -> None:
    """A task that was being launched is listed a moment later, and may serve until its end."""
    listed = [{"tasks": found} for found in ([], [task("rt.2", alive=True)], [], [])]
    with scripted({TASKS: listed, DEPLOYMENTS: [[]]}, [("rt.2", "TASK_KILLED")]) as server:
        asking = deployer(server)
        with asking.listen() as stream:
            assert wait_stopped(asking, "/rt", Change(None, "97c136bf"), 10, stream), "it was healthy"
    assert server.count("tasks") == 4
