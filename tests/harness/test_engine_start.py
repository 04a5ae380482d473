"""An engine started from here outlives the process that started it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.common import owner
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
