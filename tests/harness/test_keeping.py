"""A copy that stays behind to be looked at: it does, its client opens, and the next start takes it away."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import NotFound

from harness import dump, keeping, leftovers, owner
from harness.choice import choose
from harness.database import Database
from harness.lifecycle import Lifecycle
from harness.releases import ROOT
from harness.stage import Stage

pytestmark = pytest.mark.engine


@pytest.fixture(params=["mariadb-10.11", "mysql-9.7"])
def copy(request: pytest.FixtureRequest, lifecycle: Lifecycle) -> Iterator[Database]:
    """A copy of a bundled dump."""
    made = lifecycle.baselines.clone(lifecycle.restored(dump.load(dump.bundled("5.0.7")), request.param))
    yield made
    with suppress(NotFound):
        lifecycle.baselines.discard(made)


def test_its_client_opens_without_a_password(copy: Database) -> None:
    """The command is in the report, so nothing secret may be in it; who types it wants to run a finding's SQL."""
    kept = keeping.keep(copy)
    assert copy.credentials.password not in kept.command
    command = [word for word in shlex.split(kept.command) if word != "-it"]  # there is no terminal here
    done = subprocess.run(
        [*command, "-N", "-e", "SELECT COUNT(*) FROM Tickets"], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == str(copy.value("SELECT COUNT(*) FROM Tickets")), done.stderr


def test_it_is_named_with_all_that_it_needs(copy: Database) -> None:
    """Its data, its network, and the prepared database that it was copied from; else it could not be spared."""
    names = keeping.keep(copy).names
    assert copy.container.name in names
    assert [name for name in names if "-clone-" in name]
    assert [name for name in names if name.startswith("rt-harness-baseline-")]
    assert {*copy.container.docker.attrs["NetworkSettings"]["Networks"]} <= names


def test_what_is_spared_stays_and_the_rest_goes(engine: DockerClient) -> None:
    """The end of a session takes everything that is its own, but what somebody asked to keep."""
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
def test_a_stage_leaves_the_copy_and_takes_everything_else(lifecycle: Lifecycle, upgraded: bool) -> None:
    """It is closed like any other; the copy is no longer its own, and what it is is said."""
    stage = Stage(lifecycle, choose("5.0.7", "5.0.10", "mariadb-10.11"))
    assert stage.keep() is None
    copy, other = stage.after() if upgraded else stage.untouched(), stage.before()
    try:
        kept = stage.keep()
        stage.close()
        assert kept is not None
        assert kept.upgraded == upgraded
        assert ("The upgraded copy stays" in str(kept)) == upgraded
        assert copy.container.name in kept.names
        assert copy.value("SELECT 1") == 1
        assert other.container.ended()
    finally:
        lifecycle.baselines.discard(copy)


def test_a_gate_leaves_what_it_names(engine: DockerClient, tmp_path: Path) -> None:
    """A dump of somebody's own: the copy stays with what it hangs on, and opens by the words of the report."""
    dumped = tmp_path / "own.sql.zst"
    shutil.copy(dump.bundled("4.4.6"), dumped)
    # From a release that the dump is not of: refused by preflight, so that it takes a few seconds.
    arguments = [
        "--from",
        "5.0.3",
        "--to",
        "5.0.7",
        "--dump",
        str(dumped),
        "--keep",
        "--reports",
        str(tmp_path / "r"),
    ]
    settings = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    done = subprocess.run(
        [str(ROOT / "gate"), *arguments], capture_output=True, text=True, check=False, env=settings, cwd=tmp_path
    )
    found = re.search(r"stays until the next run or make clean: (\w+ exec -it (\S+) \w+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    container = engine.containers.get(found[2])
    session = container.labels[owner.SESSION]
    try:
        command = [word for word in shlex.split(found[1]) if word != "-it"]
        said = subprocess.run(
            [*command, "-N", "-e", "SELECT COUNT(*) > 0 FROM Tickets"], capture_output=True, text=True, check=False
        )
        assert said.stdout.strip() == "1", said.stderr
        left = [kind for kind, _, labels, _ in leftovers._labelled(engine) if labels.get(owner.SESSION) == session]
        assert sorted(left) == ["container", "network", "volume", "volume"]
    finally:
        leftovers.remove(engine, lambda labels: labels.get(owner.SESSION) == session)
    assert not [1 for _, _, labels, _ in leftovers._labelled(engine) if labels.get(owner.SESSION) == session]
