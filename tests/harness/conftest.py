"""Provide fixtures shared by the harness's own tests."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.models.volumes import VolumeCollection
from hypothesis import HealthCheck, settings

from harness.common import owner
from harness.common.owner import Host

SMALL = {"type": "tmpfs", "device": "tmpfs", "o": "size=160m"}
"""Options of a disk with room for a server's own files, and little else."""

# A machine that is busy for a moment must not fail a test.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


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
