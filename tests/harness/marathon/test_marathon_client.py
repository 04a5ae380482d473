"""The client against a Marathon: every call, every refusal that can be provoked, authentication, events."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon import errors
from harness.marathon.client import Marathon
from harness.marathon.events import EventStream
from harness.marathon.refusals import classify
from harness.marathon.standin.process import StandinProcess

pytestmark = pytest.mark.engine


@pytest.fixture
def client(trial: Trial) -> Iterator[Marathon]:
    """A client of the Marathon under test, with its credentials."""
    with Marathon(os.environ.get("MARATHON_URL") or trial.url, token=os.environ.get("MARATHON_TOKEN", "")) as made:
        yield made


def test_server(client: Marathon) -> None:
    """The client must recognise a Marathon and read its version."""
    assert client.ping()
    assert client.info()["name"] == "marathon"


def test_life_of_an_app(trial: Trial, client: Marathon) -> None:
    """Create, list, change, read versions, kill a task, delete."""
    app_id = f"{trial.group}/app"
    created = client.create(trial.definition())
    assert created.deployment_id in [one.id for one in client.deployments()]
    trial.settle(created.deployment_id)
    app = client.app(app_id)
    assert (app.instances, app.running, app.image, len(app.tasks)) == (1, 1, trial.image, 1)
    assert app.id in [one.id for one in client.apps(id=trial.group)]
    changed = client.put(app_id, trial.definition(cpus=0.06))
    trial.settle(changed.deployment_id)
    last = client.app(app_id)
    assert last.version == changed.version
    versions = [one.version_text for one in (app, last)]
    assert [client.version(app_id, one)["cpus"] for one in versions] == [0.05, 0.06]
    before = client.tasks(app_id)[0]
    client.kill(app_id, before.id)
    trial.eventually("Another task", lambda: [one for one in client.tasks(app_id) if one.id != before.id])
    trial.settle(client.delete(app_id, force=True).deployment_id)
    assert client.find_app(app_id) is None


def test_deployments_are_cancelled_in_two_ways(trial: Trial, client: Marathon) -> None:
    """They are rolled back by a new deployment, or forgotten; waiting tasks in the queue must be readable."""
    app_id = f"{trial.group}/app"
    trial.create(trial.definition(instances=0))
    bad = trial.definition(args=["sh", "-c", "exit 3"], backoffSeconds=600, healthChecks=[{"path": "/health"}])
    hanging = client.put(app_id, bad)
    waiting = trial.eventually("A task that backs off", lambda: client.queued(app_id))
    assert waiting is not None
    assert (waiting.count, waiting.overdue) == (1, False)
    rollback = client.cancel(hanging.deployment_id)
    assert rollback is not None
    trial.settle(rollback.deployment_id)
    again = client.put(app_id, bad)
    assert client.cancel(again.deployment_id, force=True) is None
    assert client.app(app_id).instances == 1


def test_refusals(trial: Trial, client: Marathon) -> None:
    """Each answer of Marathon must raise the exception for it."""
    app_id = f"{trial.group}/app"
    trial.create(trial.definition(instances=0))
    refused: dict[type[errors.MarathonError], Callable[[], object]] = {
        errors.AppExistsError: lambda: client.create(trial.definition()),
        errors.WrongTypeError: lambda: client.put(app_id, {"instances": "two"}),
        errors.InvalidDefinitionError: lambda: client.put(app_id, {"constraints": [["hostname"]]}),
        errors.AppNotFoundError: lambda: client.app(f"{app_id}-other"),
        errors.VersionNotFoundError: lambda: client.version(app_id, "2000-01-01T00:00:00.000Z"),
        errors.TaskNotFoundError: lambda: client.kill(app_id, "other.1"),
        errors.DeploymentNotFoundError: lambda: client.cancel("other"),
        errors.MalformedJsonError: lambda: send(trial, b"{"),
        errors.EmptyBodyError: lambda: send(trial, b""),
    }
    for kind, act in refused.items():
        with pytest.raises(kind):
            act()


def send(trial: Trial, body: bytes) -> None:
    """Send a request that the client itself never would, and let it classify the answer."""
    answer = trial.call("POST", "/v2/apps", data=body, headers={"Content-Type": "application/json"})
    raise classify("POST /v2/apps", answer.status_code, answer.headers, answer.content)


def test_events_arrive_and_the_stream_ends_at_once(trial: Trial, client: Marathon) -> None:
    """The stream is attached before the change, so that the change's end is received."""
    with EventStream(client) as stream:
        assert stream.available, stream.trouble
        made = client.create(trial.definition(instances=0))
        trial.settle(made.deployment_id)
        heard = trial.eventually(
            "The end of the deployment",
            lambda: [one for one in stream.take() if one.data.get("id") == made.deployment_id],
            step=0,
        )
    assert heard[-1].type == "deployment_success"
    assert "plan" not in heard[-1].data


def test_basic_authentication(tmp_path: Path) -> None:
    """Credentials come from the address; wrong or missing ones must be reported, also for /ping, but not shown."""
    server = StandinProcess(tmp_path, credentials="deployer:s3cret/é")
    address = urlsplit(server.start()).netloc.rpartition("@")[2]
    try:
        with Marathon(f"http://deployer:s3cret%2F%C3%A9@{address}") as good:
            assert good.ping()
            with EventStream(good) as stream:
                assert stream.available, stream.trouble
        for pair in ("", "deployer:wrong@"):
            with Marathon(f"http://{pair}{address}") as bad:
                with pytest.raises(errors.AuthenticationError) as caught:
                    bad.ping()
                assert "wrong" not in str(caught.value)
                with EventStream(bad) as stream:
                    assert stream.trouble == "no event stream: HTTP 401"
    finally:
        server.stop()


def test_commands(trial: Trial, tmp_path: Path) -> None:
    """status, deploy --dry-run and deadline must work as called by a person or a pipeline."""
    trial.create(trial.definition(instances=0))
    (tmp_path / "app.json").write_text("{}")
    url = os.environ.get("MARATHON_URL") or trial.url

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "harness.marathon", *arguments],
            cwd=Path(__file__).parents[3],
            env=os.environ | {"MARATHON_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert run("status", f"{trial.group}/app")[0] == 0
    code, said = run("status", f"{trial.group}/other")
    assert (code, "does not exist" in said) == (2, True)
    code, said = run("deploy", "marathon.json", "--dry-run")
    assert (code, "deploy first" in said) == (0, True)
    assert run("deploy", str(tmp_path / "app.json"))[0] == 1
    assert run("deadline", "marathon.json")[0] == 0
