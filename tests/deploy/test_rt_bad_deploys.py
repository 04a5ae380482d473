"""Bad deploys of a real RT never replace a good one: found, rolled back, the old one proved live.

What does not depend on RT (wrong port, image that does not start, flapping, healthy and then dead) is tried on a
small image in tests/harness/marathon/test_marathon_deploy.py.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.baseline import Baseline
from harness.database import Database
from harness.lifecycle import Lifecycle
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.follow import Pace
from harness.marathon.lint import lint
from harness.marathon.probe import rt_probe
from harness.rt import secret_files
from harness.verdict import Report
from tests.deploy.conftest import PASSWORD, RELEASE
from tests.deploy.rt_on_marathon import definition, remove

pytestmark = [pytest.mark.engine, pytest.mark.slow]

App = dict[str, Any]
INSTANCES = 2


class Site:
    """A good RT on a Marathon, and what is needed to make bad ones of it."""

    def __init__(
        self, client: Marathon, good: App, database: Database, lifecycle: Lifecycle, folder: Path
    ) -> None:
        """Deploy nothing yet."""
        self.client, self.good, self.database, self.lifecycle = client, good, database, lifecycle
        self.folder = folder
        self.deployer = Deployer(client, pace=Pace(pull=60, interval=0.2, soak=1))

    def secrets(self, name: str, host: str = "", password: str = "") -> dict[str, Any]:
        """Return a volume with other database settings."""
        folder = self.folder / name
        folder.mkdir()
        files = secret_files(
            host or self.database.host, password or self.database.credentials.password, healthcheck=PASSWORD
        )
        for path, content in files:
            (folder / Path(path).name).write_bytes(content)
        return {"containerPath": "/opt/share/docker/secrets/rt", "hostPath": str(folder), "mode": "RO"}

    def live(self) -> list[str]:
        """Ask every instance for its release, at its own address."""
        app = self.client.app(self.good["id"])
        answers = [rt_probe(self.good)(*where) for task in app.tasks if (where := app.endpoint(task))]
        return [one.identity if one.good else one.said for one in answers]


@pytest.fixture(scope="module")
def site(
    lifecycle: Lifecycle, deployable: Baseline, marathon_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The good release, deployed and proven once; every bad deploy begins and ends with it."""
    folder = tmp_path_factory.mktemp("bad")
    database = lifecycle.baselines.clone(deployable)
    good = definition(lifecycle, database, folder / "good", instances=INSTANCES)
    good["env"] |= {"RT_DB_WAIT": "1", "RT_WORKERS": "2"}
    with Marathon(marathon_url) as client:
        try:
            found = Site(client, good, database, lifecycle, folder)
            report = found.deployer.deploy(good)
            assert report, str(report)
            yield found
        finally:
            remove(client, good["id"])
            lifecycle.baselines.discard(database)


def absent_database(site: Site, bad: App) -> None:
    """The settings name a server that does not exist."""
    bad["container"]["volumes"][0] = site.secrets("absent", host="absent.invalid")


def wrong_password(site: Site, bad: App) -> None:
    """The server refuses RT's user."""
    bad["container"]["volumes"][0] = site.secrets("wrong", password="not it")


def other_schema(site: Site, bad: App) -> None:
    """The image is of another release, and the labels do not say so: the guard in the image is the last hold."""
    bad["container"]["docker"]["image"] = site.lifecycle.rt_image("5.0.7")


def install_mode(site: Site, bad: App) -> None:
    """RT offers its installer to the world, and the check believes it: a redirect is healthy to Marathon.

    Neither guard nor readiness check, as in a definition from before there were any.
    """
    bad["container"]["volumes"][0] = site.secrets("install", host="absent.invalid")
    bad["env"] |= {"RT_GUARD": "off", "RT_DB_WAIT": "0"}
    bad["container"]["docker"]["parameters"] = [{"key": "entrypoint", "value": "/bin/sh"}]
    bad["args"] = ["-c", "chmod u+w /opt/rt/etc/RT_SiteConfig.pm && exec /opt/rt/run"]
    bad["healthChecks"] = [
        {"protocol": "HTTP", "path": "/", "portIndex": 0, "intervalSeconds": 2, "timeoutSeconds": 8}
    ]
    del bad["readinessChecks"]


BAD: dict[str, tuple[Callable[[Site, App], None], str]] = {
    "database unreachable": (absent_database, "status 70"),
    "database password wrong": (wrong_password, "status 70"),
    "schema of another release": (other_schema, "status 71|status 72"),
    "install mode": (install_mode, "/Install"),
}


def bad_one(site: Site, case: str) -> App:
    """Return the good definition with one thing wrong."""
    bad = copy.deepcopy(site.good)
    BAD[case][0](site, bad)
    return bad


def test_a_good_deploy_is_proved_on_every_instance(site: Site) -> None:
    """Another configuration of the same release: every instance is asked, and says so itself."""
    site.good = {**site.good, "env": {**site.good["env"], "RT_NAME": "again.example.org"}}
    before = {task.id for task in site.client.app(site.good["id"]).tasks}
    report: Report = site.deployer.deploy(site.good)
    assert report, str(report)
    assert report.looked_at == INSTANCES
    assert site.live() == [RELEASE] * INSTANCES
    assert not before & {task.id for task in site.client.app(site.good["id"]).tasks}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_deploy_never_replaces_a_good_one(site: Site, case: str) -> None:
    """It is found for the right reason; every instance of the old one serves afterwards, by its own word."""
    report = site.deployer.deploy(bad_one(site, case))
    assert re.search(BAD[case][1], str(report)), str(report)
    assert report.facts["old release live again"] is True
    assert site.live() == [RELEASE] * INSTANCES


def test_lint_says_that_a_redirect_is_no_health(site: Site) -> None:
    """The check that is fooled by install mode shows in the definition already."""
    bad = copy.deepcopy(site.good)
    bad["healthChecks"] = [{"protocol": "HTTP", "path": "/", "portIndex": 0}]
    assert "L08" in {finding.rule.id for finding in lint(bad)}


def test_a_path_behind_login_never_passes(site: Site) -> None:
    """Nobody logs in for Marathon: RT answers 401, which is not healthy; and lint says so before."""
    bad = copy.deepcopy(site.good)
    bad["healthChecks"] = [{"protocol": "HTTP", "path": "/REST/2.0/tickets", "portIndex": 0}]
    app = site.client.app(site.good["id"])
    where = [where for task in app.tasks if (where := app.endpoint(task))]
    answers = [requests.get(f"http://{host}:{port}/REST/2.0/tickets", timeout=20) for host, port in where]
    assert [answer.status_code for answer in answers] == [401] * INSTANCES
    assert "L09" in {finding.rule.id for finding in lint(bad)}
