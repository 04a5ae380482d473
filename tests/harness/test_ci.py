"""`.ci/run` ends with pytest's closing line and exit code, which its users read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.releases import ROOT

MAKE = """#!/bin/sh
case $1 in
    test) echo "== 3 passed in 1.00s =="; exit "$TESTS" ;;
    engine-stop) echo "engine: word of the stop"; exit "$STOP" ;;
esac
"""
CLOSING, WORD = "== 3 passed in 1.00s ==", "engine: word of the stop"


@pytest.mark.parametrize("tests", [0, 2])
@pytest.mark.parametrize("stop", [0, 2])
def test_the_last_word_is_pytests(tmp_path: Path, tests: int, stop: int) -> None:
    """A failure to stop the engine must be reported, but must not become the result of the tests."""
    (tmp_path / "make").write_text(MAKE)
    (tmp_path / "make").chmod(0o755)
    settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TESTS": str(tests), "STOP": str(stop)}
    command = ["sh", str(ROOT / ".ci" / "run")]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout.strip()) == (tests, CLOSING)
    assert done.stderr.strip() == (WORD if stop else "")
