"""A deploy that is interrupted: Marathon goes on, and the user must be told what, and what to do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon.client import Marathon
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.follow import Pace
from harness.marathon.interrupted import NOTHING, OngoingChange, Phase, report_if_interrupted
from harness.marathon.model import Change
from harness.marathon.stopping import begin_stop, wait_stopped
from harness.releases import ROOT
from tests.harness.marathon.deploying import good, release


class Pressed(Marathon):
    """A Marathon client that is interrupted (Ctrl-C) while it waits for the answer to a PUT."""

    def put(self, app_id: str, definition: App, *, force: bool = False, whole: bool = False) -> Change:
        """Send the PUT, and raise the interruption."""
        super().put(app_id, definition, force=force, whole=whole)
        raise KeyboardInterrupt


def pressed(deployer: Deployer, when: Callable[[str], bool]) -> Pace:
    """Return a pace that interrupts as soon as the current state matches `when`."""
    before = deployer.pace.clock

    def clock() -> float:
        if when(deployer.ongoing.message):
            raise KeyboardInterrupt
        return before()

    return replace(deployer.pace, clock=clock)


@pytest.mark.parametrize(
    ("phase", "message"),
    [(Phase.UNTOUCHED, NOTHING), (Phase.STOPPED, "Every instance of /rt has stopped.")],
)
def test_what_is_left_is_asked_for_at_the_end(
    phase: Phase, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the start there is nothing to report; later the exit code is 2, not proven."""
    ongoing = OngoingChange()

    def work() -> int:
        ongoing.enter(phase, "/rt")
        raise KeyboardInterrupt

    assert report_if_interrupted(work, lambda: ongoing.message) == 2
    assert capsys.readouterr().err.strip() == f"Interrupted. {message}"


@pytest.mark.engine
def test_a_deployment_that_nobody_watches_any_more_is_named(trial: Trial, deployer: Deployer) -> None:
    """The message must contain the id for undoing it; nothing is undone automatically."""
    deployer.pace = pressed(deployer, lambda said: "goes on unwatched" in said)
    with pytest.raises(KeyboardInterrupt):
        deployer.deploy(release(trial, "1", health="503"))
    [running] = deployer.client.deployments()
    assert f"DELETE /v2/deployments/{running.id} " in deployer.ongoing.message
    assert f"status {trial.group}/app" in deployer.ongoing.message


@pytest.mark.engine
def test_a_rollback_that_nobody_watches_any_more_is_named(trial: Trial, deployer: Deployer) -> None:
    """Its deployment is another one, and whether the old release is live is open."""
    good(deployer.deploy(release(trial, "1")))
    deployer.pace = pressed(deployer, lambda said: said.startswith("The rollback"))
    with pytest.raises(KeyboardInterrupt):
        deployer.deploy(release(trial, "2", health="503"))
    named = re.search(r"\(deployment (\S+)\)", deployer.ongoing.message)
    assert named is not None
    assert named[1] in {one.id for one in deployer.client.deployments()}
    assert "nothing proves the old release live" in deployer.ongoing.message


@pytest.mark.engine
def test_a_change_without_an_answer_may_have_been_taken(trial: Trial, deployer: Deployer) -> None:
    """Then no id is known, so the message must say where to look."""
    with Pressed(os.environ.get("MARATHON_URL") or trial.url) as client:
        deployer.client = client
        with pytest.raises(KeyboardInterrupt):
            deployer.deploy(release(trial, "1"))
    assert f"Whether Marathon took the change of {trial.group}/app is not known" in deployer.ongoing.message


@pytest.mark.engine
def test_what_has_come_to_its_end_is_not_told_of(trial: Trial, deployer: Deployer) -> None:
    """Cases: a rollback to nothing, a proven deploy, a rollback, a definition that Marathon refuses, a stop."""
    assert not deployer.deploy(release(trial, "1", health="503"))
    assert deployer.ongoing.phase is Phase.PROVEN
    good(deployer.deploy(release(trial, "1")))
    assert deployer.ongoing.phase is Phase.PROVEN
    assert not deployer.deploy(release(trial, "2", health="503"))
    assert deployer.ongoing.phase is Phase.PROVEN
    assert not deployer.deploy(release(trial, "2", constraints=[["hostname"]]))
    assert f"status {trial.group}/app" in deployer.ongoing.message  # the message from before the refused deploy
    app_id = f"{trial.group}/app"
    with deployer.listen() as stream:
        change = begin_stop(deployer, app_id)
        assert f"The stop of {app_id} (deployment {change.deployment_id}) goes on" in deployer.ongoing.message
        wait_stopped(deployer, app_id, change, 120, stream)
    assert deployer.ongoing.message == f"Every instance of {app_id} has stopped."


@pytest.mark.engine
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_the_command_says_what_goes_on(trial: Trial, tmp_path: Path, number: int) -> None:
    """On a terminal and in a CI server's log, in the words of the library; not proven, so 2."""
    file = tmp_path / "app.json"
    file.write_text(json.dumps(release(trial, "1", health="503")))
    url = os.environ.get("MARATHON_URL") or trial.url
    child = subprocess.Popen(
        ["env", "--default-signal=INT,TERM", sys.executable, "-m", "harness.marathon", "deploy", str(file)],
        cwd=ROOT,
        env=os.environ | {"MARATHON_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    try:
        trial.eventually("a task of the new release", lambda: bool(trial.own_apps() and trial.tasks()), 60)
        [deployment] = [one["id"] for one in trial.json("GET", "/v2/deployments")]
        child.send_signal(number)
        said = child.communicate(timeout=60)[1]
    finally:
        child.kill()
    assert child.returncode == 2, said
    assert f"Interrupted. Deployment {deployment} of {trial.group}/app goes on unwatched" in said
    assert [one["id"] for one in trial.json("GET", "/v2/deployments")] == [deployment]
