"""`.ci/run` ends with pytest's closing line and exit code, which its users read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.releases import ROOT

MAKE = """#!/bin/sh
case $1 in
    test) echo "$RT_HARNESS_RUN" >"$NOTED"; echo "== 3 passed in 1.00s =="; exit "$TESTS" ;;
    engine-stop)
        [ "$RT_HARNESS_RUN" = "$(cat "$NOTED")" ] || { echo "engine: another run"; exit 9; }
        echo "engine: word of the stop"; exit "$STOP" ;;
esac
"""
CLOSING, WORD = "== 3 passed in 1.00s ==", "engine: word of the stop"


def run_ci(folder: Path, tests: int, stop: int) -> subprocess.CompletedProcess[str]:
    """Run `.ci/run` with a `make` whose targets end with these codes; the run's name is noted in `folder`."""
    (folder / "make").write_text(MAKE)
    (folder / "make").chmod(0o755)
    settings = {"PATH": f"{folder}:{os.environ['PATH']}", "TESTS": str(tests), "STOP": str(stop)}
    command = ["sh", str(ROOT / ".ci" / "run")]
    return subprocess.run(
        command,
        env=settings | {"NOTED": str(folder / "noted")},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("tests", [0, 2])
@pytest.mark.parametrize("stop", [0, 2])
def test_the_last_word_is_pytests(tmp_path: Path, tests: int, stop: int) -> None:
    """A failure to stop the engine must be reported, but must not become the result of the tests."""
    done = run_ci(tmp_path, tests, stop)
    assert (done.returncode, done.stdout.strip()) == (tests, CLOSING)
    assert done.stderr.strip() == (WORD if stop else "")


def test_each_run_has_a_name_of_its_own(tmp_path: Path) -> None:
    """By that name the engine's set-up knows which run started the engine, and may stop it."""
    names = set()
    for _ in range(2):
        run_ci(tmp_path, 0, 0)
        names.add((tmp_path / "noted").read_text().strip())
    assert (len(names), "" in names) == (2, False)
