"""A good RT on a Marathon, and defects of deploys that are to replace it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.healthcheck_user import PASSWORD
from harness.database import Database
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.follow import Pace
from harness.marathon.model import AppState
from harness.marathon.mounts import put_mount
from harness.marathon.probe import rt_probe
from harness.rt import NOWHERE, SECRETS, secret_files
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.shared import RELEASE

App = dict[str, Any]
SHORTEST_SOAK = 1.0
"""Seconds between two good polls: enough for a defect that shows from the beginning."""
INSTANCES = 1
"""Number of instances in most cases: a rollback of Marathon's replaces every task again."""


class Site:
    """A good RT on a Marathon, and the means to make bad deploys of it."""

    def __init__(
        self, client: Marathon, good: App, database: Database, lifecycle: Lifecycle, folder: Path
    ) -> None:
        """Remember the arguments; nothing is deployed yet."""
        self.client, self.good, self.database, self.lifecycle = client, good, database, lifecycle
        self.folder = folder
        self.deployer = Deployer(client, pace=Pace(pull=60, interval=0.2, soak=SHORTEST_SOAK))

    def other_secrets(self, bad: App, name: str, host: str = "", password: str = "") -> None:
        """Give a definition other database settings."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        password = password or self.database.credentials.password
        files = secret_files(host or self.database.host, password, healthcheck=PASSWORD)
        for path, content in files:
            (folder / Path(path).name).write_bytes(content)
        put_mount(bad, SECRETS, str(folder))

    def clock_until(self, shown: str) -> Callable[[], float]:
        """Return a clock that shows the time of day, and an hour later once a task's check reported `shown`."""
        ahead = 0.0

        def clock() -> float:
            nonlocal ahead
            ahead = ahead or 3600.0 * bool(shown and any(shown in said for said in self.said()))
            return time.monotonic() + ahead

        return clock

    def said(self) -> list[str]:
        """Return the health check messages of ill tasks, and readiness messages of tasks that count as healthy."""
        answer = self.client.json("GET", f"/v2/apps{self.good['id']}", embed="app.readiness")
        app = AppState.read(answer["app"])
        healthy = {task.id for task in app.tasks if task.alive}
        unready = [one for one in answer["app"].get("readinessCheckResults", ()) if not one["ready"]]
        return [
            *(one.cause for task in app.tasks for one in task.health),
            *(str(one.get("lastResponse")) for one in unready if one["taskId"] in healthy),
        ]

    def live(self) -> list[str]:
        """Ask every instance at its own address for its release."""
        app = self.client.app(self.good["id"])
        answers = [rt_probe(self.good)(*where) for task in app.tasks if (where := app.endpoint(task))]
        return [one.identity if one.good else one.said for one in answers]


@dataclass(frozen=True)
class SoakOfOne(Pace):
    """A pace with a soak for one definition only; the good one of the rollback was proven before."""

    definition: App | None = None

    def soak_for(self, app: Mapping[str, Any]) -> float:
        """Return the soak, or the shortest one."""
        return super().soak_for(app) if app is self.definition else SHORTEST_SOAK


@dataclass(frozen=True)
class Bad:
    """A defect of a deploy, and the expected words of the finding.

    soak: seconds between the two good polls, for a defect that shows only after a while. believed: whether
    Marathon calls the bad instance healthy, so that only the deployer prevents the end of the good one. shown:
    Marathon's final message; then the deployer's time is up. fooled: whether the health check passes and only the
    readiness check fails.
    """

    plant: Callable[[Site, App], None]
    told: str
    soak: float = SHORTEST_SOAK
    believed: bool = False
    shown: str = ""
    fooled: bool = False
    instances: int = INSTANCES


def asks(bad: App, command: str) -> None:
    """Replace the health check's command."""
    bad["healthChecks"][0]["command"] = {"value": command}


def runs(bad: App, script: str) -> None:
    """Replace the script that the image starts."""
    bad["container"]["docker"]["parameters"] = [{"key": "entrypoint", "value": "/bin/sh"}]
    bad["args"] = ["-c", script]


def image_without_start(_: Site, bad: App) -> None:
    """The program that the image starts is missing."""
    bad["container"]["docker"]["parameters"] = [{"key": "entrypoint", "value": "/opt/rt/no-such-program"}]


def asks_over_http(bad: App, path: str, **times: float) -> None:
    """Have Marathon check from outside, through the port mapping, and nothing else."""
    check = {"protocol": "HTTP", "path": path, "portIndex": 0, "intervalSeconds": 1, "timeoutSeconds": 8}
    bad["healthChecks"] = [check | times]
    bad["readinessChecks"] = []


def wrong_port(_: Site, bad: App) -> None:
    """Only the mapping is wrong: it leads to a port without a listener.

    The health check runs inside of the container, where RT is on its own port: it passes permanently.
    """
    bad["container"]["portMappings"][0]["containerPort"] = 8080


def wrong_port_outside(site: Site, bad: App) -> None:
    """The same with a health check that comes through the mapping, as users do."""
    wrong_port(site, bad)
    asks_over_http(bad, "/", gracePeriodSeconds=2, maxConsecutiveFailures=2)


def behind_login(_: Site, bad: App) -> None:
    """The checked page requires a login. Marathon would kill at last, after the longest start ever observed."""
    asks_over_http(bad, "/REST/2.0/tickets", gracePeriodSeconds=0, maxConsecutiveFailures=60)


def absent_database(site: Site, bad: App) -> None:
    """The settings name a server that does not exist."""
    site.other_secrets(bad, "absent", host=NOWHERE)


def wrong_password(site: Site, bad: App) -> None:
    """The server refuses RT's user."""
    site.other_secrets(bad, "wrong", password="not it")


def other_schema(site: Site, bad: App) -> None:
    """The image is of another release, and the labels do not say so: only the guard in the image prevents it."""
    bad["container"]["docker"]["image"] = site.lifecycle.rt_image("5.0.7")


def install_mode(site: Site, bad: App) -> None:
    """RT offers its installer to everyone, and the check passes: a redirect is healthy to Marathon.

    Neither guard nor readiness check, as in a definition older than both.
    """
    site.other_secrets(bad, "install", host=NOWHERE)
    bad["env"] |= {"RT_GUARD": "off", "RT_DB_WAIT": "0"}
    runs(bad, "chmod u+w /opt/rt/etc/RT_SiteConfig.pm && exec /opt/rt/run")
    asks_over_http(bad, "/")


def stale_release(_: Site, bad: App) -> None:
    """A check that always passes, on an image that is not the release which the label promises."""
    asks(bad, "true")
    bad["labels"]["RT_RELEASE"] = "5.0.7"


def always_passes(_: Site, bad: App) -> None:
    """A check that always passes, in the right image, whose RT takes every connection and answers nothing.

    Nothing of Marathon's own asks it either: without a readiness check the deployer alone prevents it.
    """
    asks(bad, "/opt/rt/healthcheck 127.0.0.1 80 || true")
    bad["readinessChecks"] = []
    # Who is a container's first process and does not listen for SIGTERM lives until its grace is over.
    mute = "my $door = IO::Socket::INET->new(LocalPort => 80, Listen => 9); close $door->accept while 1"
    runs(bad, f"exec perl -MIO::Socket::INET -e '$SIG{{TERM}} = sub {{ exit }}; {mute}'")


def dies(_: Site, bad: App) -> None:
    """The instance ends when it has been found healthy for the second time."""
    asks(bad, "/opt/rt/healthcheck 127.0.0.1 80 && echo >>/tmp/asked")
    runs(
        bad, "/opt/rt/run & until [ -f /tmp/asked ] && [ $(wc -l </tmp/asked) -ge 2 ]; do sleep 0.1; done; exit 9"
    )


def flaps(_: Site, bad: App) -> None:
    """Every second answer of the health check is a failure, whatever RT says."""
    odd = "[ $(($(wc -l </tmp/asked) % 2)) -eq 1 ]"
    asks(bad, f"/opt/rt/healthcheck 127.0.0.1 80 && echo >>/tmp/asked && {odd}")


BAD: dict[str, Bad] = {
    "image that does not start": Bad(image_without_start, "no-such-program"),
    "wrong port": Bad(
        wrong_port, "rt-login-page is not ready [(]status 504", shown="could not query", fooled=True
    ),
    "health path behind login": Bad(behind_login, "401", shown="401"),
    "database unreachable": Bad(absent_database, "status 70"),
    "database password wrong": Bad(wrong_password, "status 70", instances=2),
    "schema of another release": Bad(other_schema, "status 71|status 72"),
    "install mode": Bad(install_mode, "/Install", believed=True),
    "check that always passes": Bad(always_passes, "no answer", believed=True),
    "label of another release": Bad(stale_release, f"names release {RELEASE} instead of 5.0.7", believed=True),
    "healthy, then dead": Bad(dies, "status 9", soak=15, believed=True),
    "flapping": Bad(flaps, "from healthy to unhealthy [2-9] times", soak=15, believed=True),
    "wrong port, asked from outside": Bad(wrong_port_outside, "Connect call failed"),
}
SLOW = frozenset({"wrong port, asked from outside"})
"""Cases that tests/harness/marathon/test_marathon_deploy.py runs on the small image at every change."""
