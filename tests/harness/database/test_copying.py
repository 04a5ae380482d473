"""A large prepared database may take as long to copy as its disk needs, and a lack of space is reported first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from docker.errors import NotFound

from fixtures.databases import CloneFactory
from harness import database, dump
from harness.database import copying
from harness.database.baseline_record import Baseline
from harness.database.copying import Room
from harness.dump import FOLDER
from harness.dump.choice import Choice
from harness.dump.text import Text
from harness.errors import InfrastructureError
from harness.releases import Pair, server
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
SERVER, OTHER = "mariadb-10.11", "mariadb-10.5"
PLAIN = FOLDER / "rt-4.4.6-plain.sql.zst"
PATIENCE = 8.0
SLOW = (
    f"for n in $(seq 12); do head -c 1M /dev/zero >>{copying.DATA}/slow; sleep 1; done; rm {copying.DATA}/slow; "
)
STUCK = f"head -c 1M /dev/zero >{copying.DATA}/stuck; sleep 600; "


@pytest.fixture
def empty(lifecycle: Lifecycle) -> Baseline:
    """Return an empty prepared server."""
    return lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER))


@pytest.fixture
def plain(lifecycle: Lifecycle) -> Baseline:
    """Return a bundled dump, restored on a disk with enough space."""
    return lifecycle.restored(dump.load(PLAIN), SERVER)


@pytest.fixture
def measured(plain: Baseline, small_disks: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:  # noqa: ARG001 - on a disk with room, before small ones
    """Put every new volume on a small disk, and check space for every size; return the volumes' names."""
    monkeypatch.setattr(copying, "SPARED", 0)
    return small_disks


def test_a_copy_may_take_longer_than_a_server(
    empty: Baseline, clone: CloneFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten gigabytes on a slow disk take long; the server's own time limit must start after the copy."""
    monkeypatch.setattr(copying, "COMMAND", SLOW + copying.COMMAND)
    monkeypatch.setattr(database, "PATIENCE", PATIENCE)
    assert clone(empty).value("SELECT 1") == 1


def test_a_copy_that_stands_still_is_told(
    empty: Baseline, clone: CloneFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a hanging disk would be waited for without end."""
    monkeypatch.setattr(copying, "COMMAND", STUCK + copying.COMMAND)
    monkeypatch.setattr(database, "PATIENCE", 1.0)
    with pytest.raises(
        InfrastructureError, match=r"^The copy of the prepared data of mariadb-10\.11 stands still"
    ):
        clone(empty)


def test_a_server_that_was_killed_finds_its_own_data(empty: Baseline, clone: CloneFactory) -> None:
    """It is started again with the same command, which must not copy over its data."""
    first = clone(empty)
    first.execute("CREATE TABLE mine (a int)")
    first.container.signal("KILL")
    first.restart()
    assert "mine" in first.tables()


def test_a_copy_of_a_copy_is_whole(lifecycle: Lifecycle, empty: Baseline, clone: CloneFactory) -> None:
    """The marker of the first copy must not be taken for the second one's."""
    made = lifecycle.baselines.of_clone(
        empty, ["copying"], "a copy", lambda copy: copy.execute("CREATE TABLE IF NOT EXISTS mine (a int)")
    )
    found = clone(made)
    assert "mine" in found.tables()
    assert found.container.run(["find", copying.DATA, "-name", ".*copied"]).out == ""


def test_no_room_is_told_before_a_restore_of_hours(
    lifecycle: Lifecycle, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dump's text alone gives a lower bound of the space needed. Nothing may be left behind."""
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
    """After the restore the need is known exactly, including the largest table that the upgrade rebuilds."""
    whole, largest = plain.size
    assert 30_000 < whole < 200_000
    assert 0 < largest < whole
    with pytest.raises(InfrastructureError, match=r"0\.2 GB free; needed: 0\.\d GB for 3 copies of"):
        lifecycle.prepared(dump.load(PLAIN), SERVER, None)
    lifecycle.baselines.need_room(plain.image, Room(100_000, 0), "what fits", plain)
    _gone(lifecycle, measured)


def test_a_second_server_needs_room_of_its_own(
    lifecycle: Lifecycle, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the old release does not run on the new server, the whole dump is restored on another one too."""
    monkeypatch.setattr(lifecycle.baselines, "has", lambda *_: False)
    with pytest.raises(InfrastructureError) as told:
        lifecycle.prepared(dump.load(PLAIN), SERVER, Text(size=2_000_000_000), OTHER)
    assert told.value.sentence == (
        "The engine's disk has 0.2 GB free; needed: 10.8 GB for rt-4.4.6-plain.sql.zst, restored and copied 2 "
        "times, at the least; and for it on mariadb-10.5, where the old release is asked."
    )
    monkeypatch.setattr(lifecycle.baselines, "has", lambda _, on, __: on.name == OTHER)
    # already restored there, so less space is needed
    with pytest.raises(InfrastructureError, match=r"needed: 9\.0 GB"):
        lifecycle.prepared(dump.load(PLAIN), SERVER, Text(size=2_000_000_000), OTHER)
    _gone(lifecycle, measured)


@pytest.mark.parametrize(("another", "needed"), [(None, "3.6"), (OTHER, "5.4")])
def test_a_disk_that_shares_blocks_needs_what_is_written(
    lifecycle: Lifecycle, measured: list[str], monkeypatch: pytest.MonkeyPatch, another: str | None, needed: str
) -> None:
    """The dump needs space per server, and once more for what an upgrade rewrites; unwritten copies need none."""
    monkeypatch.setattr(copying, "SHARES", "echo shared")
    monkeypatch.setattr(lifecycle.baselines, "has", lambda *_: False)
    with pytest.raises(InfrastructureError, match=rf"needed: {needed} GB for .*; copies share blocks there"):
        lifecycle.prepared(dump.load(PLAIN), SERVER, Text(size=2_000_000_000), another)
    _gone(lifecycle, measured)


def test_an_upgrade_that_writes_all_of_its_copy_anew_is_told_before_it(
    lifecycle: Lifecycle, plain: Baseline, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rewritten blocks are no longer shared, however small the copies were at first."""
    monkeypatch.setattr(copying, "SHARES", "echo shared")
    monkeypatch.setattr(lifecycle, "restored", lambda *_: replace(plain, size=(200_000, 50_000)))
    with pytest.raises(
        InfrastructureError, match=r"needed: 0\.2 GB for 3 copies of .*; copies share blocks there"
    ):
        lifecycle.prepared(dump.load(PLAIN), SERVER, None)
    monkeypatch.setattr(lifecycle, "restored", lambda *_: replace(plain, size=(100_000, 50_000)))
    lifecycle.prepared(dump.load(PLAIN), SERVER, None)
    _gone(lifecycle, measured)


@pytest.mark.parametrize(
    ("origin", "server_name", "asked_on"),
    [
        ("4.4.6", "mysql-9.7", SERVER),
        ("4.4.5", "mysql-9.7", SERVER),
        ("5.0.7", "mysql-9.7", None),
        ("4.4.5", SERVER, None),
    ],
)
def test_whoever_speaks_for_the_old_release_does_so_where_it_runs(
    lifecycle: Lifecycle, origin: str, server_name: str, asked_on: str | None
) -> None:
    """A release without an image is replaced by the closest one with its tables, which has its own servers."""
    found = lifecycle.server_of_old_release(Choice(Pair(origin, "5.0.10", server_name), dump.load(PLAIN)))
    assert found == asked_on


def _gone(lifecycle: Lifecycle, names: list[str]) -> None:
    assert names
    for name in names:
        with pytest.raises(NotFound):
            lifecycle.client.volumes.get(name)
