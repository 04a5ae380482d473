"""If two runs need the same result, one makes it, and the other reports the holder and waits."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker import DockerClient
from filelock import Timeout

from harness.common import cache
from harness.database.baseline import Baselines
from harness.engine import faults
from harness.errors import InfrastructureError
from harness.images import Images
from harness.releases import ROOT, server

PAUSES = 3
NAME = "baseline-0123456789abcdef"
TAG = "rt-harness/base:bookworm-0123456789abcdef"
IMAGE = "image-bookworm-0123456789abcdef"
HOLDER = f"""
from harness.common import cache
with cache.lock({NAME!r}), cache.lock({IMAGE!r}):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another process that holds the locks until it gets input; waits have no patience here."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(cache, "PATIENCE", 0)
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def given_away(other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the other process release the locks after some attempts."""
    asked: list[float] = []

    def pause(seconds: float) -> None:
        """Replaces the pause between two attempts."""
        asked.append(seconds)
        if len(asked) == PAUSES and other.stdin:
            other.stdin.write("\n")
            other.stdin.flush()

    monkeypatch.setattr(time, "sleep", pause)


@pytest.mark.usefixtures("given_away")
def test_a_prepared_database_is_waited_for_as_long_as_it_takes(
    other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore that takes hours once ended the second run after half an hour with an error."""
    said: list[str] = []
    made = Baselines(DockerClient.__new__(DockerClient), said.append)
    monkeypatch.setattr(made, "_find", lambda *_: None)
    monkeypatch.setattr(made, "_make", lambda *_, **__: "made")
    key = NAME.removeprefix("baseline-")
    assert str(made._made(key, server("mariadb-10.11"), "", "restoring rt.sql", lambda _: None)) == "made"
    assert said == [f"waiting for process {other.pid}: restoring rt.sql", "restoring rt.sql"]


@pytest.mark.usefixtures("given_away")
def test_who_builds_an_image_is_named(other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a message the second of two first runs seems to hang for minutes."""
    monkeypatch.setattr(cache, "PATIENCE", 600)
    said: list[str] = []
    images = Images(DockerClient.__new__(DockerClient), said.append)
    monkeypatch.setattr(images, "_exists", lambda _: False)
    images._once(TAG, "base bookworm", lambda: said.append("made"))
    assert said == [f"waiting for process {other.pid}: building base bookworm", "building base bookworm", "made"]


def test_who_makes_it_himself_is_not_told_to_wait_for_himself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two images of one run share a base, and that this run builds it was already reported."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    held, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.lock(NAME):
            held.set()
            ended.wait()

    monkeypatch.setattr(time, "sleep", lambda _: ended.set())
    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        held.wait()
        said: list[str] = []
        with cache.exclusive_lock(NAME, said.append):
            assert said == []


@pytest.mark.usefixtures("other")
def test_an_image_is_not_waited_for_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build takes minutes, so one that takes half an hour hangs, which must be reported."""
    images = Images(DockerClient.__new__(DockerClient))
    monkeypatch.setattr(images, "_exists", lambda _: False)
    with pytest.raises(Timeout):
        images._once(TAG, "base bookworm", lambda: None)


def test_who_is_waited_for_in_vain_is_named(other: subprocess.Popen[str]) -> None:
    """It is no failure of the harness itself, and the user can do something about it."""
    with pytest.raises(Timeout) as caught, cache.lock(NAME):
        pass
    known = faults.translate_error(caught.value)
    assert isinstance(known, InfrastructureError)
    assert known.sentence == f"Process {other.pid} has held {NAME} for too long, and this waited for it."
    assert f"{NAME}.lock" in str(known)


def test_nobody_is_named_where_nobody_holds_it(tmp_path: Path) -> None:
    """A holder on another machine, with a shared directory, is not in the kernel's list."""
    (tmp_path / "file").touch()
    assert cache.holder(tmp_path / "file") == cache.holder(tmp_path / "none") == "another process"
