"""A large prepared database is copied for as long as its disk needs, and a disk without room is told first."""

from __future__ import annotations

from typing import Any

import pytest
from docker.errors import NotFound
from docker.models.volumes import VolumeCollection

from fixtures.databases import CloneFactory
from harness import copying, database, dump
from harness.baseline import Baseline
from harness.dump import FOLDER
from harness.dumptext import Text
from harness.errors import InfrastructureError
from harness.lifecycle import Lifecycle
from harness.releases import server

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
SMALL = {"type": "tmpfs", "device": "tmpfs", "o": "size=160m"}
PLAIN = FOLDER / "rt-4.4.6-plain.sql.zst"
PATIENCE = 8.0
SLOW = (
    f"for n in $(seq 12); do head -c 1M /dev/zero >>{copying.DATA}/slow; sleep 1; done; rm {copying.DATA}/slow; "
)
STUCK = f"head -c 1M /dev/zero >{copying.DATA}/stuck; sleep 600; "


@pytest.fixture
def empty(lifecycle: Lifecycle) -> Baseline:
    """A prepared server with nothing in it."""
    return lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER))


@pytest.fixture
def plain(lifecycle: Lifecycle) -> Baseline:
    """A bundled dump, restored on a disk with room."""
    return lifecycle.restored(dump.load(PLAIN), SERVER)


@pytest.fixture
def measured(plain: Baseline, monkeypatch: pytest.MonkeyPatch) -> list[str]:  # noqa: ARG001 - not on the small disk
    """Every new volume is on a small disk, and no size is spared the question; return their names as they come."""
    made: list[str] = []
    create = VolumeCollection.create

    def small(volumes: VolumeCollection, name: str, **options: Any) -> Any:
        made.append(name)
        return create(volumes, name, driver="local", driver_opts=SMALL, **options)

    monkeypatch.setattr(VolumeCollection, "create", small)
    monkeypatch.setattr(copying, "SPARED", 0)
    return made


def test_a_copy_may_take_longer_than_a_server(
    empty: Baseline, clone: CloneFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten gigabytes on a slow disk; the server's own time begins when they are there."""
    monkeypatch.setattr(copying, "COMMAND", SLOW + copying.COMMAND)
    monkeypatch.setattr(database, "PATIENCE", PATIENCE)
    assert clone(empty).value("SELECT 1") == 1


def test_a_copy_that_stands_still_is_told(
    empty: Baseline, clone: CloneFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs would be waited for until the person gives up."""
    monkeypatch.setattr(copying, "COMMAND", STUCK + copying.COMMAND)
    monkeypatch.setattr(database, "PATIENCE", 1.0)
    with pytest.raises(
        InfrastructureError, match=r"^The copy of the prepared data of mariadb-10\.11 stands still"
    ):
        clone(empty)


def test_a_server_that_was_killed_finds_its_own_data(empty: Baseline, clone: CloneFactory) -> None:
    """It is started again with the same command, and what it had is not copied over."""
    first = clone(empty)
    first.execute("CREATE TABLE mine (a int)")
    first.container.signal("KILL")
    first.restart()
    assert "mine" in first.tables()


def test_a_copy_of_a_copy_is_whole(lifecycle: Lifecycle, empty: Baseline, clone: CloneFactory) -> None:
    """The mark of the first copy must not be taken for the second one's."""
    made = lifecycle.baselines.of_clone(
        empty, ["copying"], "a copy", lambda copy: copy.execute("CREATE TABLE IF NOT EXISTS mine (a int)")
    )
    found = clone(made)
    assert "mine" in found.tables()
    assert found.container.run(["find", copying.DATA, "-name", ".*copied"]).out == ""


def test_no_room_is_told_before_a_restore_of_hours(
    lifecycle: Lifecycle, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text alone says what is needed at the least. Nothing stays behind."""
    monkeypatch.setattr(lifecycle.baselines, "has", lambda *_: False)
    with pytest.raises(InfrastructureError) as told:
        lifecycle.prepared(dump.load(PLAIN), SERVER, Text(size=2_000_000_000))
    assert told.value.sentence == (
        "The engine's disk has 0.2 GB free; needed: 7.2 GB for rt-4.4.6-plain.sql.zst, restored and copied 3 "
        "times, at the least."
    )
    _gone(lifecycle, measured)


def test_no_room_for_the_copies_is_told_before_them(
    lifecycle: Lifecycle, plain: Baseline, measured: list[str]
) -> None:
    """Then it is known exactly, the table that the upgrade builds anew included."""
    whole, largest = plain.size
    assert 30_000 < whole < 200_000
    assert 0 < largest < whole
    with pytest.raises(InfrastructureError, match=r"0\.2 GB free; needed: 0\.\d GB for 3 copies of"):
        lifecycle.prepared(dump.load(PLAIN), SERVER, None)
    lifecycle.baselines.need_room(plain.image, 100_000, "what fits", plain)
    _gone(lifecycle, measured)


def _gone(lifecycle: Lifecycle, names: list[str]) -> None:
    assert names
    for name in names:
        with pytest.raises(NotFound):
            lifecycle.client.volumes.get(name)
