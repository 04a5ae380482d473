"""If a benchmark is interrupted, the measured command ends too and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.gate import BARE
from harness.common import interrupts

MEASURED = """
import os, pathlib, signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # or it could come just before it is waited for
os.kill(os.getppid(), int(sys.argv[2]))
signal.sigwait([signal.SIGTERM])
pathlib.Path(sys.argv[1]).write_text("cleared up")
"""
DOCKER = """#!/bin/sh
echo "$1 $2" >>"$TOLD"
[ "$1 $2" != "run -d" ] || kill -s "$NUMBER" "$PPID"
"""
"""Replaces the engine's program: records its arguments, and signals the process that starts a container."""
ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.usefixtures("endable")
@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_what_is_measured_clears_up_before_the_benchmark_ends(tmp_path: Path, number: signal.Signals) -> None:
    """A gate that is killed a quarter of a second later would leave its servers running."""
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "said"), str(int(number))]
    with interrupts.signals_as_interrupt(), pytest.raises(KeyboardInterrupt):
        run(command)
    assert (tmp_path / "said").read_text() == "cleared up"


def test_what_a_command_said_and_how_it_ended_is_handed_on(capfd: pytest.CaptureFixture[str]) -> None:
    """Output and exit code must be returned, or the output shown and not kept."""
    command = [sys.executable, "-c", "import os; print(os.environ['WORD']); raise SystemExit('no')"]
    done = run(command, os.environ | {"WORD": "yes"})
    assert (done.returncode, done.stdout, done.stderr) == (1, "yes\n", "no\n")
    shown = run(command, os.environ | {"WORD": "yes"}, shown=True)
    assert (shown.returncode, shown.stdout, shown.stderr, *capfd.readouterr()) == (1, "", "", "yes\n", "no\n")


@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_the_bare_minimum_removes_what_it_started(tmp_path: Path, number: signal.Signals) -> None:
    """Its containers have no labels, as they are not the harness's, so no sweep would find them."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    told = tmp_path / "told"
    settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TOLD": str(told), "NUMBER": number.name[3:]}
    command = ["env", "--default-signal=INT,TERM,HUP", str(BARE), "server", "volume", "rt", "1", "2", "word"]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert told.read_text().splitlines()[-4:] == ["run -d", "rm -fv", "volume rm", "network rm"]
