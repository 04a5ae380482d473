"""Images are built side by side, two at a time, and building them ends at once when it is told to."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from docker import DockerClient

from harness.common import cache, owner
from harness.common.waits import Retry, wait_until
from harness.errors import InfrastructureError
from harness.images import CONCURRENT_BUILDS, _build_slot, mmdebstrap
from harness.images.together import build_together
from harness.releases import ROOT

PROMPT = 10.0
"""Maximum seconds until an interrupted build ends; less than one on a quiet machine. It would take an hour."""
HELD = "image-held-0123456789abcdef"
BUILDING = """
import pathlib, runpy, sys
from harness.images import Images, together

folder, tag = pathlib.Path(sys.argv[1]), sys.argv[2]

def makers(images, names):
    wait = lambda: images._once("rt-harness/rt:held-0123456789abcdef", "what another one builds", lambda: None)
    return {"waits": wait, "builds": lambda: images._build(tag, folder, {}), "begins": lambda: print("BEGUN")}

together.makers_of = makers
sys.argv[1:] = []
runpy.run_module("harness.images", run_name="__main__")
"""
BOOTSTRAPPING = """
import sys, tempfile
from harness.images import together, mmdebstrap

def make():
    with tempfile.TemporaryFile() as tree, tempfile.TemporaryFile() as errors:
        return str(mmdebstrap.run(["--of-the-test"], {}, tree, errors))

if sys.argv[1] == "thread":
    together.build_together({"base": make}, print)
make()
"""
OBSTINATE = """#!/bin/sh
trap '' TERM
echo $$ >"$TMPDIR/unpacked"
echo $$ >>"$NOTED"
exec sleep 3600
"""
MMDEBSTRAP = """#!/bin/sh
echo $$ >"$TMPDIR/unpacked"
trap 'echo told >>"$NOTED"; exit 1' TERM
sleep 3600 &
echo $$ $! >>"$NOTED"
wait
"""


def program(*words: str, **settings: str) -> subprocess.Popen[str]:
    """Start Python with these arguments in its own session of the harness. Signals end it, as in a terminal."""
    environment = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE} | settings
    return subprocess.Popen(
        ["env", "--default-signal=INT,TERM", sys.executable, *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end_of(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    """Send a signal to a program and return what it has printed when it has ended, which must be soon."""
    begun = time.monotonic()
    process.send_signal(number)
    try:
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.monotonic() - begun < PROMPT, printed
    return printed


@pytest.mark.engine
def test_it_ends_at_once_when_it_is_told_to(engine: DockerClient, tiny_image: str, tmp_path: Path) -> None:
    """Neither a build nor the wait for another process's lock can be interrupted, for both are in threads."""
    mark, tag = secrets.token_hex(8), f"rt-harness/rt:never-built-{secrets.token_hex(3)}"
    (tmp_path / "Dockerfile").write_text(f"FROM {tiny_image}\nRUN : {mark}; sleep 3600\n")

    def builders() -> list[str]:
        return [one["Id"] for one in engine.api.containers() if mark in one["Command"]]

    def begun() -> None:
        if not builders():
            raise Retry("no container of it runs")

    def gone() -> None:
        if builders():
            raise Retry("its container runs")

    with cache.lock(HELD):
        process = program("-c", BUILDING, str(tmp_path), tag)
        try:
            wait_until("The build", begun, 60, gone=lambda: None if process.poll() is None else "it ended")
        finally:
            said = end_of(process)
    assert process.returncode == 2, said
    assert "left unfinished, so without a tag: waits, builds" in said
    assert "images: interrupted" in said
    assert ("Traceback" in said, "BEGUN" in said) == (False, False)
    wait_until("The end of the build on the engine", gone, 60)
    assert engine.api.images(tag) == []


def interrupted_bootstrap(
    folder: Path, script: str, way: str, number: signal.Signals, patience: str = ""
) -> tuple[str, str, Path]:
    """Return what a program printed, what its mmdebstrap (a script) noted, and where its temporary files would be.

    way: of BOOTSTRAPPING. patience: lines of Python before that.
    """
    (folder / "mmdebstrap").write_text(script)
    (folder / "mmdebstrap").chmod(0o755)
    temporary, noted = folder / "temporary", folder / "noted"
    temporary.mkdir()

    def begun() -> None:
        if not noted.exists() or not noted.read_text():
            raise Retry("it has not begun")

    process = program(
        "-c",
        f"from harness.common.interrupts import signals_as_interrupt\nwith signals_as_interrupt():\n"
        f"    exec({patience + BOOTSTRAPPING!r})",
        way,
        PATH=f"{folder}:{os.environ['PATH']}",
        TMPDIR=str(temporary),
        NOTED=str(noted),
        RT_HARNESS_CACHE=str(folder / "cache"),
    )
    try:
        wait_until("The bootstrap", begun, 60, gone=lambda: None if process.poll() is None else "it ended")
        assert [*temporary.rglob("unpacked")]
    finally:
        said = end_of(process, number)
    return said, noted.read_text(), temporary


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way", ["thread", "alone"])
def test_an_interrupted_bootstrap_leaves_nothing(tmp_path: Path, way: str, number: signal.Signals) -> None:
    """It left hundreds of megabytes, mounts and a process in the temporary directory."""
    said, noted, temporary = interrupted_bootstrap(tmp_path, MMDEBSTRAP, way, number)
    pids, told = noted.splitlines()
    assert told == "told", said

    def gone() -> None:
        """A process that was killed is there until the kernel has got round to it; one that was not, stays."""
        if alive := [pid for pid in pids.split() if owner.process_start_time(int(pid))]:
            raise Retry(f"{alive} still run")

    wait_until("The bootstrap's processes end", gone, 5)
    assert [*temporary.iterdir()] == [], said


def test_a_bootstrap_that_does_not_end_does_not_outlive_the_builds(tmp_path: Path) -> None:
    """The thread that waits for it could not kill it any more: the process has ended by then."""
    short = "from harness.images import mmdebstrap\nmmdebstrap.PATIENCE = 0.5\n"
    said, noted, temporary = interrupted_bootstrap(tmp_path, OBSTINATE, "thread", signal.SIGINT, short)
    assert owner.process_start_time(int(noted)) is None, said
    assert [*temporary.iterdir()] == [], said


def test_no_bootstrap_begins_when_all_are_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A thread may come to it just then, and nobody would end that one."""
    (tmp_path / "mmdebstrap").write_text('#!/bin/sh\ntouch "$NOTED"\n')
    (tmp_path / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    environment = {"NOTED": str(tmp_path / "noted")}
    monkeypatch.setattr(mmdebstrap, "_ending", False, raising=False)
    with (tmp_path / "tree").open("wb") as tree:
        mmdebstrap.end_all()
        assert mmdebstrap.run(["--of-the-test"], environment, tree, tree) == -signal.SIGTERM
        assert not (tmp_path / "noted").exists()
        monkeypatch.setattr(mmdebstrap, "_ending", False)
        assert mmdebstrap.run(["--of-the-test"], environment, tree, tree) == 0
        assert (tmp_path / "noted").exists()


def test_a_bootstrap_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise Ctrl-C would wait for it without a limit."""
    monkeypatch.setattr(mmdebstrap, "PATIENCE", 0.1)
    process = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; echo; sleep 3600"], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    assert process.stdout.readline() == b"\n"
    mmdebstrap._end(process)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL


def test_the_error_that_ended_it_is_told() -> None:
    """Images that were not begun for it, or were built beside it, must not hide why it ended."""

    def fail() -> str:
        raise InfrastructureError("no room for the package")

    with pytest.raises(InfrastructureError, match="no room"):
        build_together({"first": lambda: "tag", "fails": fail, **dict.fromkeys("345", lambda: "tag")}, print)
    assert build_together({"first": lambda: "a", "second": lambda: "b"}, print) == {"first": "a", "second": "b"}


def test_at_most_two_builds_run_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """More of them slow each other down, whichever process has begun them."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    inside, most = 0, 0
    guard, full = threading.Lock(), threading.Event()

    def build() -> None:
        nonlocal inside, most
        with _build_slot():
            with guard:
                inside += 1
                most = max(most, inside)
                if inside >= CONCURRENT_BUILDS:
                    full.set()
            full.wait(30)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=build) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (most, CONCURRENT_BUILDS) == (2, 2)
