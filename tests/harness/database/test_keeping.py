"""A kept copy stays after the run, its client opens, and the next start removes it.

That a gate keeps what it names is tested in tests/upgrade/test_second_run.py.
"""

from __future__ import annotations

import secrets
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from docker import DockerClient
from docker.errors import NotFound

from harness import dump, leftovers
from harness.common import owner
from harness.database import Database, keeping
from harness.database.baseline_record import PRIVATE
from harness.database.copying import DATA
from harness.dump.choice import choose
from harness.engine import session_network
from harness.releases import server
from harness.stage import Stage
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine

HELD = "1:/nowhere"
"""A label of something that is kept until 1970."""


def held(database: Database) -> set[str]:
    """Return the labels, of what is held, of a copy's container and of its data."""
    container = database.container.docker
    data = [mount["Name"] for mount in container.attrs["Mounts"] if mount["Destination"] == DATA]
    volumes = [database.container.client.volumes.get(name) for name in data]
    labels = [container.labels, *(volume.attrs["Labels"] for volume in volumes)]
    return {found.get(owner.HELD, "") for found in labels}


@pytest.fixture(params=["mariadb-10.11", "mysql-9.7"])
def copy(request: pytest.FixtureRequest, lifecycle: Lifecycle) -> Iterator[Database]:
    """Return a copy of a bundled dump."""
    made = lifecycle.baselines.clone(lifecycle.restored(dump.load(dump.bundled("5.0.7")), request.param))
    yield made
    with suppress(NotFound):
        lifecycle.baselines.discard(made)


def test_its_client_opens_without_a_password(copy: Database) -> None:
    """The command is in the report, so it must contain no password, and users run a finding's SQL with it."""
    kept = keeping.keep(copy)
    assert copy.credentials.password not in kept.command
    command = [word for word in shlex.split(kept.command) if word != "-it"]  # there is no terminal here
    done = subprocess.run(
        [*command, "-N", "-e", "SELECT COUNT(*) FROM Tickets"], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == str(copy.value("SELECT COUNT(*) FROM Tickets")), done.stderr


def test_it_is_named_with_all_that_it_needs(copy: Database) -> None:
    """Its data, its network and its prepared database must be named, or they could not be spared."""
    names = keeping.keep(copy).names
    assert copy.container.name in names
    assert [name for name in names if "-clone-" in name]
    assert [name for name in names if name.startswith("rt-harness-baseline-")]
    assert {*copy.container.docker.attrs["NetworkSettings"]["Networks"]} <= names


def test_what_is_spared_stays_and_the_rest_goes(engine: DockerClient) -> None:
    """The end of a session must remove all its resources except those that the user asked to keep."""
    session = f"keeping-{secrets.token_hex(4)}"
    labels = {**owner.labels("test"), owner.SESSION: session}
    names = [f"rt-harness-{session}-{what}" for what in ("kept", "other")]
    made = [engine.volumes.create(name, labels=labels) for name in names]
    try:
        removed = leftovers.remove(engine, lambda found: found.get(owner.SESSION) == session, spared={names[0]})
        assert removed == [f"volume {names[1]}"]
        assert engine.volumes.get(names[0])
    finally:
        for volume in made:
            with suppress(NotFound):
                volume.remove()


@pytest.mark.parametrize("upgraded", [False, True])
def test_a_stage_leaves_the_copy_and_takes_everything_else(
    lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, upgraded: bool
) -> None:
    """The stage is closed as usual; the copy must survive it, and be described correctly.

    Where the run is killed instead, other users' sweeps must take everything else.
    """
    monkeypatch.setenv(owner.HELD_VARIABLE, HELD)
    stage = Stage(lifecycle, choose("5.0.7", "5.0.10", "mariadb-10.11"))
    assert stage.sides.keep() is None
    copy, other = stage.sides.after() if upgraded else stage.sides.untouched(), stage.sides.before()
    try:
        assert [held(database) for database in (copy, other)] == [{HELD}, {""}]
        kept = stage.sides.keep()
        stage.close()
        assert kept is not None
        assert kept.upgraded == upgraded
        assert ("The upgraded copy stays" in str(kept)) == upgraded
        assert copy.container.name in kept.names
        assert copy.value("SELECT 1") == 1
        assert other.container.ended()
    finally:
        lifecycle.baselines.discard(copy)


def test_what_a_copy_needs_is_held_with_it(
    engine: DockerClient, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that other users' sweeps leave alone is of no use without its network and what it was copied from."""
    name = "mariadb-10.11"
    origin = lifecycle.baselines.empty(server(name), lifecycle.server_image(name))
    private = replace(origin, key=f"{PRIVATE}{secrets.token_hex(8)}")
    monkeypatch.setenv(owner.HELD_VARIABLE, HELD)
    made = lifecycle.baselines.of_clone(private, [], "a private baseline", lambda _: None)
    volume = engine.volumes.get(made.volume)
    monkeypatch.setenv(owner.SESSION_VARIABLE, f"{owner.session()}keeping")
    network = engine.networks.get(session_network.network(engine))
    try:
        labels = [volume.attrs["Labels"], network.attrs["Labels"]]
        assert [found.get(owner.HELD) for found in labels] == [HELD, HELD]
    finally:
        network.remove()
        volume.remove()
