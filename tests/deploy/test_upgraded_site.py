"""The upgraded site, deployed by the definition in the repo to a scratch group, healthy by its own word.

Part of a gate that names a Marathon (`./gate --marathon-url`, `stand-in` for the one in this project). Agents of a
real Marathon can neither mount this machine's secrets nor reach the copy of the database: there the definition is
deployed with the secrets that lie on the agents, and the report says so.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.outcome import Verify
from harness import owner
from harness.marathon.client import Marathon
from harness.marathon.definition import load
from harness.marathon.deploy import Deployer
from harness.marathon.follow import Pace
from harness.marathon.standin.process import StandinProcess
from harness.releases import ROOT
from harness.rt import MAIL_SINK, SITE_CONFIGURATION, secret_files
from harness.stage import Stage
from tests.deploy.conftest import on_stage

STAND_IN = "stand-in"
pytestmark = pytest.mark.engine


@pytest.fixture
def marathon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Marathon]:
    """The Marathon that was named; without a name the stand-in, for the harness's own runs."""
    named = request.config.getoption("--marathon-url") or STAND_IN
    if named != STAND_IN:
        with Marathon.from_environment() as client:
            yield client
        return
    standin = StandinProcess(tmp_path / "standin", ["--end-tasks"])
    try:
        with Marathon(standin.start()) as client:
            yield client
    finally:
        standin.stop()


def others_look(request: pytest.FixtureRequest) -> bool:
    """Whether other tests of this run compare both sides; reading them costs more than the deploy."""
    return any(on_stage(one) and one.path != request.node.path for one in request.session.items)


@pytest.fixture
def definition(stage: Stage, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """marathon.json for this release, in a group of its own; its checks as they are, only asked more often."""
    app: dict[str, Any] = copy.deepcopy(load(ROOT / "marathon.json"))
    steps = stage.new().upgrade_steps()
    app["id"] = f"/rt-harness-{owner.session()}/rt"
    app["labels"] |= {"RT_RELEASE": stage.pair.target, "RT_SCHEMA": steps[-1]}
    app["healthChecks"][0] |= {"intervalSeconds": 2, "timeoutSeconds": 6, "delaySeconds": 1}
    app["readinessChecks"][0] |= {"intervalSeconds": 2, "timeoutSeconds": 1}
    if os.environ.get("MARATHON_URL"):
        app["container"]["docker"]["image"] = os.environ.get("RT_IMAGE", app["container"]["docker"]["image"])
        return app
    if others_look(request):
        stage.read_everything()  # a site that is used writes
    database = stage.after()
    database.container.join("bridge")
    address = database.container.docker.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    password = (stage.dump.manifest.accounts if stage.dump.manifest else {}).get("healthcheck", "")
    for path, content in secret_files(address, database.credentials.password, healthcheck=password):
        (tmp_path / Path(path).name).write_bytes(content)
    app["env"]["RT_MAIL_COMMAND"] = MAIL_SINK
    own = tmp_path / "site.d"  # as on this side everywhere: the site's configuration, and no mail to anybody
    for path, content in stage.lifecycle.configuration.inside():
        file = own / Path(path).relative_to(SITE_CONFIGURATION)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    app["container"]["docker"]["image"] = stage.lifecycle.rt_image(stage.pair.target)
    app["container"]["volumes"][0]["hostPath"] = str(tmp_path)
    app["container"]["volumes"].append({"containerPath": SITE_CONFIGURATION, "hostPath": str(own), "mode": "RO"})
    return app


@pytest.mark.gate("marathon-deploy")
def test_the_upgraded_site_deploys_and_is_healthy(
    marathon: Marathon, definition: dict[str, Any], verify: Verify
) -> None:
    """Every instance serves the wanted release by its own word, and its health check reads a ticket."""
    try:
        verify(Deployer(marathon, pace=Pace(interval=0.5)).deploy(definition))
    finally:
        marathon.delete(definition["id"], force=True)
    assert definition["id"] not in [app.id for app in marathon.apps()]
