"""Ctrl-C before the gate has begun is NOT PROVEN in a sentence, and neither a traceback nor a finding."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.releases import ROOT
from tests.harness.gate.running_gate import NOT_PROVEN

SAID = "gate: NOT PROVEN. The run was interrupted.\n"
ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
HEARD, HELD = "--default-signal=INT,TERM,HUP", "--block-signal=INT,TERM,HUP"


def clone(folder: Path, setup: str, python: str) -> list[str]:
    """Return the command of a gate whose set-up and whose Python are these shell scripts."""
    shutil.copy(ROOT / "gate", folder)
    for name, text in (("harness/setup/python.sh", setup), (".venv/bin/python", f"#!/bin/sh\n{python}")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return ["env", HEARD, str(folder / "gate"), "--to", "5.0.3"]


def run(command: list[str], **environment: str) -> tuple[int, str, str]:
    """Run a command; return exit code, output and errors."""
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("signals", [HEARD, HELD], ids=["heard", "held-until-then"])
@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_while_its_libraries_are_loaded(tmp_path: Path, number: signal.Signals, signals: str) -> None:
    """That takes most of the time until the plan is shown, and Python would show where it was."""
    (tmp_path / "docker.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n")
    command = ["env", HEARD, signals, sys.executable, "-P", "-m", "fixtures.gate", "--to", "5.0.99"]
    assert run(command, PYTHONPATH=f"{tmp_path}:{ROOT}") == (NOT_PROVEN, "", SAID)


@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_while_they_are_installed(tmp_path: Path, number: signal.Signals) -> None:
    """The first run does that, for twenty seconds; the shell would die by the signal and say nothing."""
    command = clone(tmp_path, f"kill -{int(number)} $PPID; exit 1", "echo begun")
    assert run(command) == (NOT_PROVEN, "", SAID)


@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_while_python_starts(tmp_path: Path, number: signal.Signals) -> None:
    """Python itself ends with 1 then, which is NO-GO; so the signal waits until the gate hears it."""
    command = clone(tmp_path, "", f"kill -{int(number)} $$; echo begun")
    assert run(command) == (0, "begun\n", "")
