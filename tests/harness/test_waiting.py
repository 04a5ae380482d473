"""Two runs that want the same thing: one makes it, the other says for whom it waits, and does not give up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from filelock import Timeout

from harness.common import cache
from harness.database.baseline import Baselines
from harness.engine import faults
from harness.errors import InfrastructureError
from harness.releases import ROOT, server

PAUSES = 3
NAME = "baseline-0123456789abcdef"
HOLDER = f"""
from harness.common import cache
with cache.lock({NAME!r}):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is written to; nobody here has any patience."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(cache, "PATIENCE", 0)
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_prepared_database_is_waited_for_as_long_as_it_takes(
    other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore of hours ended the second run after half an hour, as a failure of the harness itself."""
    said: list[str] = []
    asked: list[float] = []

    def pause(seconds: float) -> None:
        """Stand for the time between two looks at the lock; it is given away after some of them."""
        asked.append(seconds)
        if len(asked) == PAUSES and other.stdin:
            other.stdin.write("\n")
            other.stdin.flush()

    monkeypatch.setattr(time, "sleep", pause)
    made = Baselines(DockerClient.__new__(DockerClient), said.append)
    monkeypatch.setattr(made, "_found", lambda *_: None)
    monkeypatch.setattr(made, "_make", lambda *_, **__: "made")
    key = NAME.removeprefix("baseline-")
    assert str(made._made(key, server("mariadb-10.11"), "", "restoring rt.sql", lambda _: None)) == "made"
    assert said == [f"waiting for process {other.pid}: restoring rt.sql", "restoring rt.sql"]


def test_who_is_waited_for_in_vain_is_named(other: subprocess.Popen[str]) -> None:
    """It is no failure of the harness itself, and there is something to do about it."""
    with pytest.raises(Timeout) as caught, cache.lock(NAME):
        pass
    known = faults.explained(caught.value)
    assert isinstance(known, InfrastructureError)
    assert known.sentence == f"Process {other.pid} has held {NAME} for too long, and this waited for it."
    assert f"{NAME}.lock" in str(known)


def test_nobody_is_named_where_nobody_holds_it(tmp_path: Path) -> None:
    """Another machine, by a shared directory, is not in the kernel's list."""
    (tmp_path / "file").touch()
    assert cache.holder(tmp_path / "file") == cache.holder(tmp_path / "none") == "another process"
