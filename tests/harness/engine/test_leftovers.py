"""Nothing is left behind after Ctrl-C or SIGKILL, and nothing of other runs is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import APIError, NotFound
from requests import Response

from harness import leftovers
from harness.common import cache, owner
from harness.common.waits import Retry, wait_until
from harness.database.copying import DATA
from harness.engine.containers import Container
from harness.errors import InfrastructureError
from harness.marathon import in_image
from harness.releases import ROOT, server
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.other_session import pytest_in

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
PLUGINS = (
    "fixtures.options",
    "fixtures.session",
    "fixtures.engine",
    "fixtures.databases",
    "fixtures.rt",
    "fixtures.pairs",
    "fixtures.outcome",
    "fixtures.stage",
)
TEST = f'''
import pathlib, signal
from harness.releases import server

def test_it(lifecycle, clone):
    database = clone(lifecycle.baselines.empty(server("{SERVER}"), lifecycle.server_image("{SERVER}")))
    pathlib.Path("started").write_text(database.container.id)
    signal.pause()
'''


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run pytest in a session of its own, in the middle of a test; yield it and the id of its container."""
    (tmp_path / "test_it.py").write_text(TEST)
    command, environment = pytest_in(tmp_path, PLUGINS)
    # A shell starts background jobs with SIGINT ignored, and child processes inherit that.
    process = subprocess.Popen(
        ["env", "--default-signal=INT,TERM,HUP", *command, "test_it.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )

    def started() -> str:
        if process.poll() is not None:
            raise AssertionError(process.stdout.read().decode() if process.stdout else "")
        marker = tmp_path / "started"
        if not marker.exists() or not marker.read_text():
            raise Retry("no container yet")
        return marker.read_text()

    yield process, wait_until("The other session's container", started, 120)
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def exists(engine: DockerClient, identity: str) -> bool:
    """Tell whether a container exists, running or not."""
    try:
        engine.containers.get(identity)
    except NotFound:
        return False
    return True


def swept_of(engine: DockerClient, session: str) -> None:
    """Sweep until nothing is left of a session; another run's sweep may be working on the same resources."""

    def sweep() -> None:
        leftovers.sweep(engine)
        if left := things_of(engine, session):
            raise Retry(f"left: {left}")

    wait_until("An end of what is dead", sweep, 60)


def session_of(engine: DockerClient, identity: str) -> str:
    """Return the session that a container belongs to."""
    return str(engine.containers.get(identity).labels[owner.SESSION])


def things_of(engine: DockerClient, session: str) -> list[str]:
    """Return all resources on the engine with this session's label."""
    query = {"label": f"{owner.SESSION}={session}"}
    found = [one["Id"] for one in engine.api.containers(all=True, filters=query)]
    found += [one["Id"] for one in engine.api.networks(filters=query)]
    return found + [one["Name"] for one in engine.api.volumes(filters=query)["Volumes"] or []]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_whoever_ends_it_nothing_is_left(
    engine: DockerClient, running: tuple[subprocess.Popen[bytes], str], number: signal.Signals
) -> None:
    """Most long runs end by Ctrl-C, by a CI server's time-out, or with their terminal."""
    process, identity = running
    session = session_of(engine, identity)
    assert len(things_of(engine, session)) == 3  # the container, its data, the network
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert things_of(engine, session) == []


def test_a_program_that_joined_the_session_does_not_end_it(engine: DockerClient, lifecycle: Lifecycle) -> None:
    """A test that started pytest, by a pipeline's step for example, once removed all other tests' containers."""
    assert owner.SESSION_VARIABLE in os.environ
    mine = Container(engine, lifecycle.server_image(SERVER), "neighbour", command=["sleep", "infinity"])
    try:
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/smoke/test_image.py"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        assert exists(engine, mine.id)
    finally:
        mine.remove()


def test_what_one_user_keeps_no_other_sweeps(engine: DockerClient, tmp_path: Path) -> None:
    """A copy left behind by --keep must outlive other users' runs, but neither the user's next one nor a day."""
    dead = {owner.SESSION: "1-1-held", owner.HOST: owner.host_identity(), owner.PID: "1", owner.STARTED: "1"}
    own, later = str(cache.directory()), int(time.time()) + 3600
    held = {"own": f"{later}:{own}", "another": f"{later}:{tmp_path}", "past": f"1:{tmp_path}"}
    volumes = {
        name: engine.volumes.create(labels=dead | {owner.SESSION: f"1-1-{tmp_path.name}", owner.HELD: value})
        for name, value in held.items()
    }
    try:
        leftovers.sweep(engine)
        left = things_of(engine, f"1-1-{tmp_path.name}")
        assert left == [volumes["another"].name]
    finally:
        leftovers.remove(engine, lambda found: found[owner.SESSION] == f"1-1-{tmp_path.name}")


def test_a_failure_in_the_middle_leaves_nothing(engine: DockerClient, lifecycle: Lifecycle) -> None:
    """Earlier resources must be removed if a later one cannot be created, including data of copies."""
    origin = lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER))
    begun: list[Container] = []
    data: list[str] = []

    def work() -> None:
        with lifecycle.baselines.cloned(origin) as database:
            begun.append(database.container)
            data.extend(one["Name"] for one in begun[0].docker.attrs["Mounts"] if one["Destination"] == DATA)
            with Container(engine, database.container.image, "second", command=["infinity"], entrypoint=["sleep"]):
                Container(engine, database.container.image, "third", entrypoint=["/no/such/program"])

    with pytest.raises(InfrastructureError, match="did not start"):
        work()
    kinds = {"label": owner.SESSION, "name": f"-{os.getpid()}-second-"}
    assert (exists(engine, begun[0].id), engine.api.containers(all=True, filters=kinds)) == (False, [])
    assert [one.name for one in engine.volumes.list() if one.name in data] == []
    assert data


def test_an_image_that_cannot_be_asked_leaves_nothing(engine: DockerClient, lifecycle: Lifecycle) -> None:
    """A container that was created but not started would stay, as no sweep follows a deploy."""
    with pytest.raises(InfrastructureError, match="could not be asked"):
        in_image._run(lifecycle.server_image(SERVER), "/no/such/thing", [])
    mine = engine.api.containers(all=True, filters={"label": f"{owner.SESSION}={owner.session()}"})
    assert [one["Names"] for one in mine if one["Command"].startswith("/no/such/thing")] == []


def test_one_that_cannot_be_removed_keeps_no_other(
    engine: DockerClient, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a copy of the site's data would stay because an unimportant container was busy.

    Failures are reported.
    """
    mine = [Container(engine, lifecycle.server_image(SERVER), "busy", command=["sleep", "infinity"]) for _ in "ab"]
    remove = engine.api.remove_container

    def busy(identity: str, **options: bool) -> None:
        if identity == mine[0].id:
            raise APIError("device or resource busy", response=Response())
        remove(identity, **options)

    monkeypatch.setattr(engine.api, "remove_container", busy)
    left: list[str] = []
    try:
        mine_alone = {owner.KIND: "busy", owner.SESSION: owner.session()}
        leftovers.remove(engine, lambda found: mine_alone.items() <= found.items(), left)
        assert (left, exists(engine, mine[1].id)) == ([f"container {mine[0].name}"], False)
    finally:
        monkeypatch.undo()
        for one in mine:
            one.remove()


def test_a_process_that_is_hidden_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc may show only the user's own processes, and another user's run must not be removed."""

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(owner, "process_start_time", lambda _: None)
    assert not owner.lives(os.getpid(), "1")
    monkeypatch.setattr(os, "kill", refused)
    assert owner.lives(os.getpid(), "1")
    monkeypatch.setattr(Path, "exists", refused)
    assert not leftovers._is_gone(Path("/root/.cache"))


def test_after_sigkill_the_next_start_sweeps(
    engine: DockerClient, running: tuple[subprocess.Popen[bytes], str], lifecycle: Lifecycle
) -> None:
    """Only a later run can clean up after kill -9, and it must not take living processes for dead ones."""
    process, identity = running
    session = session_of(engine, identity)
    mine = Container(engine, lifecycle.server_image(SERVER), "neighbour", command=["sleep", "infinity"])
    foreign = engine.containers.run(
        mine.image, ["infinity"], entrypoint="sleep", detach=True, labels={"test-of-the-sweep": owner.session()}
    )
    try:
        process.send_signal(signal.SIGSTOP)
        leftovers.sweep(engine)
        assert exists(engine, identity)  # a stopped process is not dead
        process.kill()
        process.wait()
        swept_of(engine, session)
        assert exists(engine, mine.id)
        assert exists(engine, str(foreign.id))
    finally:
        mine.remove()
        foreign.remove(force=True, v=True)
