"""A prepared database is found again by who made it, and never taken for somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound

from fixtures.databases import CloneFactory
from harness import cache, owner
from harness.baseline import Baseline, _note, _noted
from harness.lifecycle import Lifecycle
from harness.releases import server

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
Prepare = Callable[[Path], Baseline]


@pytest.fixture
def prepare(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prepare]:
    """Ask for an empty prepared database with a cache directory of the test's own."""
    image = lifecycle.server_image(SERVER)
    made: dict[str, Baseline] = {}

    def asked(directory: Path) -> Baseline:
        monkeypatch.setenv(cache.VARIABLE, str(directory))
        found = lifecycle.baselines.empty(server(SERVER), image)
        return made.setdefault(found.volume, found)

    yield asked
    for volume in made:
        lifecycle.client.api.remove_volume(volume, force=True)


def test_two_caches_on_one_engine(prepare: Prepare, clone: CloneFactory, tmp_path: Path) -> None:
    """The second cache must not put its own passwords under a data directory that the first one still uses."""
    first, second = prepare(tmp_path / "one"), prepare(tmp_path / "two")
    assert first.key == second.key
    assert prepare(tmp_path / "one") == first
    assert [clone(one).value("SELECT 1") for one in (first, second)] == [1, 1]


def test_what_a_killed_maker_left_is_no_baseline(prepare: Prepare, lifecycle: Lifecycle, tmp_path: Path) -> None:
    """A data directory whose making never ended is removed, and made again."""
    key = prepare(tmp_path).key
    half = lifecycle.client.volumes.create(f"rt-harness-half-{tmp_path.name}", labels=owner.labels("baseline"))
    _note(key, {"volume": half.name})
    made = prepare(tmp_path)
    assert made.volume != half.name
    assert _noted(key)["volume"] == made.volume
    with pytest.raises(NotFound):
        lifecycle.client.volumes.get(half.name)
