"""The upgraded site, deployed by the definition in the repo to a scratch group, must report itself healthy.

Part of a gate with a Marathon (`./gate --marathon-url`, `stand-in` for the one in this project). Agents of a real
Marathon can neither mount this machine's secrets nor reach the copy of the database: there the definition is
deployed with other secrets that lie on the agents, and the answer is NOT PROVEN at best, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fixtures.gate_shared import SHARED
from fixtures.outcome import Remark, Verify
from harness.common import private
from harness.database import Database
from harness.engine.shared_files import need_seen
from harness.marathon import scratch
from harness.marathon.client import Marathon
from harness.marathon.definition import App
from harness.marathon.deploy import Deployer
from harness.marathon.follow import CHECK, Pace
from harness.marathon.in_image import check_commands_in_image, lint_errors, need_scratch_switch
from harness.marathon.mounts import leave_absent_out, put_mount
from harness.marathon.standin.process import StandinProcess
from harness.rt import MAIL_SINK, secret_files
from harness.rt.configuration import SITE_CONFIGURATION
from harness.rt.health_user import HealthUser, health_user
from harness.stage import Stage
from tests.deploy.on_trial import hand_in, remove_or_remark
from tests.deploy.shared import DEFINITION, OWN_DEFINITION, on_stage

pytestmark = pytest.mark.engine


class Site(NamedTuple):
    """An app definition. left_out: mounts that this machine lacks. doubts: about its health check."""

    app: dict[str, Any]
    left_out: Sequence[str] = ()
    doubts: Sequence[str] = ()


Made = Callable[..., Site]


@pytest.fixture
def private_path() -> Iterator[Path]:
    """A directory for the passwords and the site's own configuration: pytest keeps those of `tmp_path`."""
    with private.mountable() as path:
        yield path


@pytest.fixture
def place(request: pytest.FixtureRequest) -> scratch.Place:
    """The target of this run's deploys: the stand-in, unless an option or MARATHON_URL names a Marathon."""
    return scratch.place(request.config.getoption("--marathon-url"), DEFINITION)


@pytest.fixture
def marathon(place: scratch.Place, private_path: Path, request: pytest.FixtureRequest) -> Iterator[Marathon]:
    """A client of it. A gate shows the time that it was used."""
    gate = request.config.stash.get(SHARED, None)
    with gate.progress.step("deploy") if gate else nullcontext():
        if place.real:
            with place.client() as client:
                yield client
            return
        standin = StandinProcess(private_path / "standin", ["--end-tasks"])
        try:
            with Marathon(standin.start()) as client:
                yield client
        finally:
            standin.stop()


@pytest.fixture
def pace(place: scratch.Place, request: pytest.FixtureRequest) -> Pace:
    """In a gate and on a real Marathon, wait as a deploy does, until each check has run again; else a second."""
    gate = SHARED in request.config.stash
    return Pace(interval=0.5) if gate or place.real else Pace(interval=0.2, soak=1)


def others_look(request: pytest.FixtureRequest) -> bool:
    """Whether other tests of this run compare both sides; reading them takes longer than the deploy."""
    return any(on_stage(one) and one.path != request.node.path for one in request.session.items)


@pytest.fixture
def definition(stage: Stage, place: scratch.Place, private_path: Path) -> Made:
    """Make marathon.json for this release and a database of this machine (None: that of the agents' secrets).

    Its checks are unchanged except for shorter intervals.
    """

    def make(database: Database | None, check: HealthUser | None, origin: App = DEFINITION) -> Site:
        lifecycle = stage.sides.lifecycle
        image = place.image or lifecycle.rt_image(stage.pair.target)
        if database is None:
            need_scratch_switch(lifecycle.client, image)
        else:
            need_seen(lifecycle.client, image, private_path)  # else missing files look like its own fault
        folder = place.secrets if database is None else str(mounted(database, check))
        app = scratch.definition(origin, image=image, secrets=folder)
        app["labels"] |= {"RT_RELEASE": stage.pair.target, "RT_SCHEMA": stage.sides.new().upgrade_steps()[-1]}
        app["healthChecks"][0] |= {"intervalSeconds": 2, "timeoutSeconds": 6, "delaySeconds": 1}
        app["readinessChecks"][0] |= {"intervalSeconds": 2, "timeoutSeconds": 1}
        if database is None:
            return Site(app)  # the agents' secrets name the account
        app["env"] |= {"RT_MAIL_COMMAND": MAIL_SINK, **(check.environment if check else {})}
        put_mount(app, SITE_CONFIGURATION, str(site_files()))
        lacking = scratch.add_own_columns(app, stage.sides.own_columns())
        return Site(app, [*leave_absent_out(app), *lacking], check.doubts if check else ())

    def site_files() -> Path:
        """Write the files that all copies have: the site's own configuration, and the ban on mail."""
        own = private_path / "site.d"
        for path, content in stage.sides.lifecycle.new_side.configuration.inside():
            file = own / Path(path).relative_to(SITE_CONFIGURATION)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return own

    def mounted(database: Database, check: HealthUser | None) -> Path:
        database.container.join("bridge")
        networks = database.container.docker.attrs["NetworkSettings"]["Networks"]
        address, password = networks["bridge"]["IPAddress"], database.credentials.password
        for path, content in secret_files(address, password, healthcheck=check.password if check else ""):
            (private_path / Path(path).name).write_bytes(content)
        return private_path

    return make


@pytest.fixture
def upgraded(stage: Stage, place: scratch.Place, request: pytest.FixtureRequest) -> Database | None:
    """The upgraded copy; None if the agents cannot reach it."""
    if place.real:
        return None
    if others_look(request):
        stage.read_everything()  # using a site writes
    return stage.sides.after()


@pytest.fixture
def upgraded_site(stage: Stage, upgraded: Database | None, definition: Made) -> Site:
    """The definition of the upgraded copy, with remarks on it."""
    if upgraded is None:
        return definition(None, None)
    known = stage.sides.dump.accounts.get("healthcheck", "")
    return definition(upgraded, health_user(stage.sides.new(), DEFINITION["env"], known))


@pytest.mark.gate("marathon-deploy")
def test_the_upgraded_site_deploys_and_is_healthy(
    marathon: Marathon, place: scratch.Place, upgraded_site: Site, pace: Pace, *, verify: Verify, remark: Remark
) -> None:
    """Every instance must report the wanted release, and its health check must read a ticket.

    Before that, the definition is linted and the check's command is run once in the image, if that is on this
    machine: one that only the agents can pull is not pulled here.
    """
    app, left_out, doubts = upgraded_site
    wrong = lint_errors(app, CHECK) + ([] if place.real else check_commands_in_image(app, CHECK))
    try:
        report = Deployer(marathon, pace=pace).deploy(app)
        report.findings += wrong
        report.unanswered += doubts
        report.out_of_scope += left_out
        hand_in(report, place.reservation(), verify)
    finally:
        remove_or_remark(marathon, app["id"], remark, real=place.real)


def test_a_copy_that_was_not_upgraded_is_not_deployed(
    marathon: Marathon, place: scratch.Place, stage: Stage, definition: Made, remark: Remark
) -> None:
    """The defect that the test above must catch: the guard in the image refuses, and that is a finding.

    With a definition adapted by a site, so that its mounts do not prevent an instance from reporting it.
    """
    if place.real:
        pytest.skip("a real Marathon's agents cannot reach the copies of this machine")
    app = definition(stage.sides.before(), None, OWN_DEFINITION).app | {"instances": 1}
    try:
        report = Deployer(marathon, pace=Pace(interval=0.2)).deploy(app)
    finally:
        remove_or_remark(marathon, app["id"], remark, real=place.real)
    assert report.findings
    assert "status 71" in str(report), str(report)
