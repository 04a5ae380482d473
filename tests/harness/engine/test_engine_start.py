"""An engine started from here outlives the process that started it, and is found where root's PATH lacks it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.common import cache, owner
from harness.images import mirror
from harness.setup import engine as engine_setup
from harness.setup.engine import Attempt


def test_an_engine_is_not_ended_with_a_branch_of_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jenkins kills processes with a node's cookie at the end of its block, while others still use the engine."""
    (tmp_path / "dockerd").write_text(f'#!/bin/sh\nenv >{tmp_path}/told\necho "$@" >{tmp_path}/options\n')
    (tmp_path / "dockerd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("JENKINS_NODE_COOKIE", "5f0c7a52")
    monkeypatch.setenv("BUILD_ID", "17")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv(owner.SESSION_VARIABLE, "somebody")
    monkeypatch.setattr(engine_setup, "log_path", lambda: tmp_path / "engine.log")
    assert engine_setup._spawn(Attempt("a test", ("--storage-driver=vfs",))).wait(30) == 0
    told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines() if "=" in line)
    assert [told["JENKINS_NODE_COOKIE"], told["BUILD_ID"]] == ["dontKillMe", "dontKillMe"]
    assert told["HTTP_PROXY"] == "http://proxy.example.org:3128", "everything else is handed on"
    assert owner.SESSION_VARIABLE not in told, "it belongs to no session"
    assert (tmp_path / "options").read_text() == "--storage-driver=vfs\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for the system's own programs that is not on PATH, as after Debian's plain `su`."""
    folder = tmp_path / "sbin"
    folder.mkdir()
    monkeypatch.setattr(mirror, "SYSTEM_FOLDERS", (str(folder),))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return folder


def program(folder: Path, name: str) -> None:
    """Put a program there that writes its PATH beside itself."""
    (folder / name).write_text('#!/bin/sh\necho "$PATH" >"$0.path"\n')
    (folder / name).chmod(0o755)


def test_an_installed_engine_is_started_without_sbin_on_the_path(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken for missing, installed once more, and never started. It calls iptables from there as well."""
    program(system, "dockerd")
    monkeypatch.setattr(mirror, "install", lambda *_: pytest.fail("it is there"))
    engine_setup._install()
    assert engine_setup._spawn(Attempt("a test")).wait(30) == 0
    assert (system / "dockerd.path").read_text().strip() == f"/usr/bin:/bin:{system}"


def test_packages_are_installed_without_sbin_on_the_path(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dpkg refuses to work without ldconfig and start-stop-daemon, which are there."""
    usual = system.parent / "bin"
    usual.mkdir()
    program(usual, "apt-get")
    monkeypatch.setenv("PATH", f"{usual}:/usr/bin:/bin")
    assert mirror.install("some-package").returncode == 0
    assert (usual / "apt-get.path").read_text().strip() == f"{usual}:/usr/bin:/bin:{system}"
