"""Provide fixtures shared by the harness's own tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.models.volumes import VolumeCollection
from hypothesis import HealthCheck, settings

from harness.common import owner
from harness.common.owner import Host
from harness.releases import ROOT
from tests.harness.own_environment import NOT_ITS_OWN

SMALL = {"type": "tmpfs", "device": "tmpfs", "o": "size=160m"}
"""Options of a disk with room for a server's own files, and little else."""

COLLECTING = """
import json, pathlib, pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    from fixtures.longest import full_name  # not before pytest rewrites its assertions
    names = {full_name(item): item.get_closest_marker("slow") is not None for item in session.items}
    marks = [(full_name(item), item.get_closest_marker("mutants")) for item in session.items]
    planted = {name: mark.args[0] for name, mark in marks if mark}
    pathlib.Path(__file__).with_name("names.json").write_text(json.dumps([names, planted]))
"""
"""A plugin that writes down every test, with its group, whether it is slow, and which check its defect is for."""

# A machine that is busy for a moment must not fail a test.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bool], dict[str, str]]:
    """Return what `every_test` and `every_planted` need: pytest itself is asked once.

    Who uses them is in the group "collected".
    """
    folder = tmp_path_factory.mktemp("collected")
    (folder / "collecting.py").write_text(COLLECTING, encoding="utf-8")
    plugins = ["-p", "no:cacheprovider", "-p", "collecting"]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *plugins]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}
    environment["PYTHONPATH"] = str(folder)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    names, planted = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    return names, planted


@pytest.fixture(scope="session")
def every_test(collected: tuple[dict[str, bool], dict[str, str]]) -> dict[str, bool]:
    """Return the names of all tests, with their groups, and whether each is slow."""
    return collected[0]


@pytest.fixture(scope="session")
def every_planted(collected: tuple[dict[str, bool], dict[str, str]]) -> dict[str, str]:
    """Return the names of the tests that plant one defect each, and the check that has to catch it."""
    return collected[1]


@pytest.fixture
def small_disks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put every new data directory on a disk of limited size; return their names as they are created."""
    made: list[str] = []
    create = VolumeCollection.create

    def small(volumes: VolumeCollection, name: str, **options: Any) -> Any:
        made.append(name)
        return create(volumes, name, driver="local", driver_opts=SMALL, **options)

    monkeypatch.setattr(VolumeCollection, "create", small)
    return made


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[[Host], None]:
    """Return a function that makes this process appear to run on another host."""
    return lambda host: monkeypatch.setattr(owner, "host", lambda: host)


@pytest.fixture
def endable() -> Iterator[None]:
    """Reset signal handlers: nohup and a shell's background jobs start processes with some signals ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def listening() -> Iterator[None]:
    """Handle Ctrl-C even if it is ignored, as in background jobs of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
