"""Deploy the definition in marathon.json, unchanged except for image, id, and mounts from this machine."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import CHEAP_LOGINS, PASSWORD
from fixtures.marathon_trial import Trial
from fixtures.standin import moving_clock
from harness.database import Database
from harness.database.baseline_record import Baseline
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.follow import Pace
from harness.marathon.in_image import check_commands_in_image
from harness.marathon.mounts import leave_absent_out, put_mount
from harness.marathon.rolling import Decision, decide
from harness.rt import SECRETS, secret_files
from harness.rt.configuration import SITE_CONFIGURATION
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy import shared
from tests.deploy.shared import DEFINITION

pytestmark = pytest.mark.engine

RELEASE = DEFINITION["labels"]["RT_RELEASE"]
STEP = 4
"""Seconds by which Marathon's clock advances per poll: two RTs must become ready within its deadline."""
SOAK = 25
"""Seconds of Marathon's time: slightly more than an interval of the file's check."""


@pytest.fixture
def database(deployable: Baseline, clone: CloneFactory, engine: DockerClient) -> Database:
    """A site of the definition's release, on the network of the tasks too."""
    assert RELEASE == shared.RELEASE
    found = clone(deployable)
    engine.networks.get("bridge").connect(found.container.id)
    return found


@pytest.fixture
def wanted(trial: Trial, lifecycle: Lifecycle, database: Database, tmp_path: Path) -> dict[str, Any]:
    """marathon.json with an image, an id and secrets that exist here."""
    host = database.container.docker.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    for path, content in secret_files(host, database.credentials.password, healthcheck=PASSWORD):
        (tmp_path / Path(path).name).write_bytes(content)
    app = copy.deepcopy(DEFINITION)
    app["id"] = f"{trial.group}/rt"
    app["container"]["docker"]["image"] = lifecycle.rt_image(RELEASE)
    own = tmp_path / "site.d"
    own.mkdir()
    name, text = CHEAP_LOGINS
    (own / name).write_text(text)
    put_mount(app, SECRETS, str(tmp_path))
    put_mount(app, SITE_CONFIGURATION, str(own))
    leave_absent_out(app)
    return app


@pytest.fixture
def deployer(trial: Trial) -> Iterator[Deployer]:
    """A deployer on a stand-in, whose clock advances with every poll, about ten times as fast as the real one."""
    with Marathon(trial.url) as client:
        yield Deployer(client, pace=Pace(interval=0.2, clock=moving_clock(trial, STEP)))


@pytest.mark.skipif(
    bool(os.environ.get("MARATHON_URL")), reason="a real Marathon's agents cannot mount this machine's secrets"
)
def test_the_definition_deploys_a_real_rt_and_refuses_a_wrong_secret(
    wanted: dict[str, Any], deployer: Deployer, tmp_path: Path
) -> None:
    """Both instances must report the wanted release; with a wrong password the old one must stay."""
    report = deployer.deploy(wanted)
    assert report, str(report)
    assert report.looked_at == 2
    # The file's own soak has been waited for; from now on each check runs once more between the two good polls.
    # One instance is enough: the behaviour with several is covered by the conformance tests.
    deployer = replace(deployer, pace=replace(deployer.pace, soak=SOAK))
    assert deployer.scale(wanted["id"], 1)
    bad = copy.deepcopy(wanted) | {"instances": 1}
    secrets = tmp_path / "wrong"
    secrets.mkdir()
    (secrets / "rt-db").write_bytes((tmp_path / "rt-db").read_bytes())
    (secrets / "healthcheck.passwd").write_text("not the password\n")
    put_mount(bad, SECRETS, str(secrets))
    # Unchanged, the kill comes after five minutes: that many logins cost this test a minute and prove no more.
    bad["healthChecks"][0] |= {"maxConsecutiveFailures": 3, "gracePeriodSeconds": 30}
    # Another folder could mean another database, so by default it would not roll; here it is the same one.
    report = deployer.deploy(bad, Decision("rolling", ("the health check's password alone differs",)))
    assert report.findings
    assert report.facts["old release live again"], str(report)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("/opt/rt/healthcheck 127.0.0.1 80", None),
        ("echo '404 page not found'; exit 1", None),
        ("/opt/rt/health", 127),
        ("no-such-program -fs http://127.0.0.1/ || exit 1", 1),
        ("no-such-program -fs http://127.0.0.1/ | grep -q pass", 1),
        ("exec no-such-program", 127),
        ("cd /tmp; no-such-program", 127),
        ("no-such-program || { echo 'RT: it: not found'; exit 1; }", 1),
        ("echo 'backend: page: not found' && false", None),
    ],
)
def test_the_checks_command_is_in_the_image(lifecycle: Lifecycle, command: str, code: int | None) -> None:
    """A check whose program is missing fails for ever, and Marathon only reports an unhealthy task.

    code: the exit code of a command whose program the image lacks.
    """
    app = copy.deepcopy(DEFINITION)
    app["container"]["docker"]["image"] = lifecycle.rt_image(RELEASE)
    app["healthChecks"][0]["command"] = {"value": command}
    found = check_commands_in_image(app, "marathon-deploy")
    assert bool(found) == (code is not None), found
    assert all(f"exit code {code})" in str(one) for one in found)


@pytest.mark.parametrize(
    ("command", "beside", "found"),
    [
        ("true", [], True),
        ("exit 0", [], True),
        ("/opt/rt/healthcheck 127.0.0.1 80 || true", [], True),
        ("no-such-program || true", [], True),
        ("test -x /opt/rt/healthcheck", [], True),
        ("true", [{"protocol": "TCP"}], True),
        ("test -w /tmp", [{"protocol": "HTTP", "path": "/health"}], False),
    ],
)
def test_the_checks_command_must_fail_where_nothing_serves(
    lifecycle: Lifecycle, command: str, beside: list[dict[str, Any]], found: bool
) -> None:
    """Else each instance is healthy, also with a hung RT. Beside a check that asks RT it may look at a disk."""
    app = copy.deepcopy(DEFINITION)
    app["container"]["docker"]["image"] = lifecycle.rt_image(RELEASE)
    app["healthChecks"][0]["command"] = {"value": command}
    app["healthChecks"] += beside
    said = [str(one) for one in check_commands_in_image(app, "marathon-deploy")]
    assert ["without an RT, so it says nothing of one" in one for one in said] == [True] * found, said


@pytest.mark.parametrize(
    "command",
    ["no-such-program || perl -e 'exit 1'", "no-such-program; perl -e 'exit 1'", "false || no-such-program"],
)
def test_a_check_that_may_work_without_a_program_is_told_of(lifecycle: Lifecycle, command: str) -> None:
    """Without a network every alternative fails, so that also the last one's exit code says nothing."""
    app = copy.deepcopy(DEFINITION)
    app["container"]["docker"]["image"] = lifecycle.rt_image(RELEASE)
    app["healthChecks"][0]["command"] = {"value": command}
    told: list[str] = []
    assert check_commands_in_image(app, "marathon-deploy", told.append) == []
    assert ["no-such-program: not found" in one for one in told] == [True]


@pytest.mark.parametrize(
    ("release", "how"), [("4.4.4", "stop-all"), ("4.4.6", "stop-all"), ("5.0.7", "refused"), ("5.0.10", "refused")]
)
def test_every_other_release_is_a_schema_step_away(release: str, how: str) -> None:
    """The label must distinguish them: no rolling deploy from an older release, none at all from a newer one."""
    other = copy.deepcopy(DEFINITION)
    other["labels"] |= {"RT_RELEASE": release, "RT_SCHEMA": release}
    assert decide(other, DEFINITION).how == how
