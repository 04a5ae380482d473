"""A prepared database is found again by the cache that made it, and never used by another one."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound

from fixtures.databases import CloneFactory
from harness import leftovers
from harness.common import cache
from harness.common.waits import Retry, wait_until
from harness.database.baseline_record import Baseline
from harness.engine import session_network
from harness.releases import server
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
Prepare = Callable[[Path], Baseline]


@pytest.fixture
def prepare(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prepare]:
    """Return a function that asks for an empty prepared database with a cache directory of the test's own."""
    image = lifecycle.server_image(SERVER)
    session_network.network(lifecycle.client)  # its lock is in the session's usual cache directory
    made: dict[str, Baseline] = {}

    def asked(directory: Path) -> Baseline:
        monkeypatch.setenv(cache.VARIABLE, str(directory))
        found = lifecycle.baselines.empty(server(SERVER), image)
        return made.setdefault(found.volume, found)

    yield asked
    for volume in made:
        with contextlib.suppress(NotFound):
            lifecycle.client.api.remove_volume(volume)


def test_two_caches_on_one_engine(prepare: Prepare, clone: CloneFactory, tmp_path: Path) -> None:
    """The second cache must not use other passwords for a data directory that the first one still uses."""
    first, second = prepare(tmp_path / "one"), prepare(tmp_path / "two")
    assert first.key == second.key
    assert prepare(tmp_path / "one") == first
    assert [clone(one).value("SELECT 1") for one in (first, second)] == [1, 1]


def test_what_a_killed_maker_left_goes(prepare: Prepare, lifecycle: Lifecycle, tmp_path: Path) -> None:
    """A data directory without a note must be removed, and made again."""
    first = prepare(tmp_path)
    (tmp_path / "baselines" / f"{first.key}.json").unlink()
    second = prepare(tmp_path)
    assert second.volume != first.volume
    assert not exists(lifecycle, first)
    assert exists(lifecycle, second)


def test_what_belongs_to_a_cache_that_is_gone_goes(prepare: Prepare, lifecycle: Lifecycle, tmp_path: Path) -> None:
    """A pipeline with a new home directory for each run must not fill the engine's disk."""
    kept, gone = prepare(tmp_path / "kept"), prepare(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    leftovers.sweep(lifecycle.client)  # a sweep of another run that starts now may do it too
    wait_until("The end of what nobody knows", lambda: _not(exists(lifecycle, gone)), 60)
    assert exists(lifecycle, kept)


def _not(there: bool) -> None:
    if there:
        raise Retry("it is there")


def exists(lifecycle: Lifecycle, baseline: Baseline) -> bool:
    """Tell whether the engine still has the baseline's data directory."""
    try:
        lifecycle.client.volumes.get(baseline.volume)
    except NotFound:
        return False
    return True
