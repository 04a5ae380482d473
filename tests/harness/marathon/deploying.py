"""Releases of the test image to deploy, good and bad ones, and the releases that are live after a deploy."""

from __future__ import annotations

import re
from typing import Any

from fixtures.marathon_trial import Trial
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.probe import HttpProbe
from harness.marathon.rolling import Decision
from harness.marathon.stopall import DatabaseCommands
from harness.verdict import Report

CHECK = {
    "protocol": "HTTP",
    "path": "/cgi-bin/health",
    "portIndex": 0,
    "gracePeriodSeconds": 8,
    "intervalSeconds": 4,
    "timeoutSeconds": 3,
    "maxConsecutiveFailures": 2,
}
COMMAND = {**CHECK, "protocol": "COMMAND", "command": {"value": "check"}, "delaySeconds": 0}
COMMAND = {key: value for key, value in COMMAND.items() if key not in ("path", "portIndex")}
SILENT = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"]
"""Arguments of an instance that runs and never serves."""
DIES = "serve & until [ -s /tmp/health.uses ]; do sleep 0.1; done; exit 1"


def release_in(environment: str) -> str:
    """Return the release that an instance reports."""
    match = re.search(r"^RELEASE=(.*)$", environment, re.MULTILINE)
    return match[1] if match else ""


def probe_for(definition: App) -> HttpProbe:
    """Return a probe that reads an instance's environment and wants the release of the definition's label."""
    return HttpProbe(path="/cgi-bin/env", wanted=definition["labels"]["RT_RELEASE"], identity=release_in)


def release(
    trial: Trial, number: str, *, health: str = "200", schema: str = "1", **changes: Any
) -> dict[str, Any]:
    """Return a release of the test image: `health` lists the statuses of its health path, the last one repeats."""
    return trial.definition(
        **{
            "env": {"RELEASE": number, "HEALTH": health},
            "labels": {"RT_RELEASE": number, "RT_SCHEMA": schema},
            "healthChecks": [CHECK],
            "taskKillGracePeriodSeconds": 1,
            **changes,
        }
    )


def good(report: Report) -> None:
    """Assert that a report has no findings, and show them if there are any."""
    assert report, str(report)


def releases_live(trial: Trial, deployer: Deployer) -> list[str]:
    """Ask every task itself for its release."""
    app = deployer.client.app(f"{trial.group}/app")
    probe = HttpProbe(path="/cgi-bin/env", identity=release_in)
    return [probe(*where).identity for task in app.tasks if (where := app.endpoint(task))]


def image(name: str) -> dict[str, Any]:
    """Return a container of another image."""
    return {"type": "DOCKER", "docker": {"image": name}, "portMappings": [{"containerPort": 8080, "hostPort": 0}]}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "never healthy": ({"health": "503"}, "503"),
    "behind a login": ({"health": "401"}, "401"),
    "healthy, then ill": ({"health": "200 200 503"}, "healthy to unhealthy|replaced|running"),
    "flapping": ({"health": "200 503 200 503 200 503 200"}, "turned from healthy to unhealthy"),
    "wrong port": (
        {"healthChecks": [{**CHECK, "portIndex": None, "port": 9}]},
        "onnect|refused|replaced",
    ),
    "image that does not start": ({"container": image("rt-harness/no-such-image:1")}, "TASK_FAILED"),
    "process that ends": ({"args": ["sh", "-c", "exit 72"]}, "status 72"),
    "healthy, then dead": ({"args": ["sh", "-c", DIES]}, "replaced|TASK_FAILED|killed a task"),
    "check that always passes": (
        {"labels": {"RT_RELEASE": "3", "RT_SCHEMA": "1"}, "healthChecks": [COMMAND]},
        "names release 2 instead of 3",
    ),
    "command check that fails": (
        {"healthChecks": [COMMAND], "env": {"RELEASE": "2", "CHECKS": "1"}},
        "unhealthy|replaced",
    ),
    "no agent has room": ({"cpus": 10_000}, "no progress for.*wait for an offer"),
    "refused definition": ({"instances": 1.5}, "HTTP 422"),
}


ACROSS = Decision("stop-all", ("of the test",), ("2",))


class Database:
    """Stands in for backup, upgrade and restore; records how many tasks ran meanwhile."""

    def __init__(self, trial: Trial, deployer: Deployer, fails: Exception | None = None) -> None:
        """Prepare; `fails` is raised by the upgrade."""
        self.trial, self.deployer, self.fails = trial, deployer, fails
        self.log: list[tuple[str, int]] = []

    def note(self, what: str) -> None:
        """Record a step and the number of tasks that run meanwhile."""
        self.log.append((what, len(self.deployer.client.tasks(f"{self.trial.group}/app"))))

    def upgrade(self) -> None:
        """Upgrade, or fail."""
        self.note("upgrade")
        if self.fails:
            raise self.fails

    def steps(self, *, restore: bool = True) -> DatabaseCommands:
        """Return the steps in the form that the procedure takes."""
        back = (lambda: self.note("restore")) if restore else None
        return DatabaseCommands(lambda: self.note("backup"), self.upgrade, back)
