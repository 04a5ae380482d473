"""`make clean` and `make distclean` remove the files on this machine, whether an engine answers or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness import leftovers
from harness.common import cache, owner, private
from harness.errors import InfrastructureError


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the private directory of a killed run, in a cache of the test's own; no engine answers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere.sock")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(owner.SESSION_VARIABLE, f"{os.getpid()}-1-abcdef")
    directory = private.directory()
    (directory / "raw.sql").write_text("somebody's data")
    return directory


def alive() -> Path:
    """Return the private directory of a run that goes on: this process's own."""
    pid = os.getpid()
    directory = private.root() / f"{pid}-{owner.process_start_time(pid)}-abcdef"
    directory.mkdir()
    return directory


def test_clean_removes_raw_data(dead: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a reboot the engine may not run yet, and somebody's data lies in the cache."""
    other = alive()
    assert leftovers.main([]) == 0
    assert (dead.exists(), other.exists()) == (False, True)
    said = capsys.readouterr().out
    assert said.startswith("clean: only files were removed. No container engine answers.")
    assert "nowhere.sock: no such socket" in said


@pytest.mark.usefixtures("dead")
def test_distclean_empties_the_cache(tmp_path: Path) -> None:
    """The engine may have been removed for good."""
    cache.secret()
    cache.cached(lambda: 1, "something")
    assert leftovers.main(["--cache"]) == 0
    assert list((tmp_path / "cache").iterdir()) == []


def test_distclean_does_not_forget_what_is_on_the_engine(dead: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A prepared database may be a copy of real data; without its note, only its labels would tell of it."""
    cache.cached(lambda: 1, "something")
    note = cache.directory("baselines") / f"{cache.digest('mine')}.json"
    note.write_text('{"volume": "rt-harness-baseline"}')
    assert leftovers.main(["--cache"]) == InfrastructureError.exit_code
    assert [path for path in cache.directory().rglob("*") if path.is_file()] == [note]
    assert not dead.exists()
    said = capsys.readouterr().err
    assert f"Prepared databases stay on an engine, and their notes in {note.parent}: 1." in said
    assert "nowhere.sock: no such socket" in said
