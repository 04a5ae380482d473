"""`python -m harness.marathon lint`: what it reads, what it prints, what it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.marathon.lint import main
from harness.releases import ROOT
from tests.harness.marathon.lint_cases import NEW_FORMS, Change, drop, good

STOP = "taskKillGracePeriodSeconds"


def written(path: Path, change: Change) -> Path:
    """Write the repository's definition with one change."""
    app = good(NEW_FORMS[0])
    change(app)
    path.write_text(json.dumps(app))
    return path


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes 0, 1 and 3, and findings as JSON."""
    warned, broken = written(tmp_path / "warned.json", drop(STOP)), tmp_path / "broken.json"
    broken.write_text("[1]")
    assert main([str(ROOT / "marathon.json")]) == 0
    assert main([str(warned), "--errors-only"]) == 0
    capsys.readouterr()
    assert main([str(warned), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["findings"][0]["rule"] == "L15"
    assert main([str(broken)]) == main([]) == 3
    assert "What to do" in capsys.readouterr().err


def test_usable_alone() -> None:
    """`python -m harness.marathon lint` is what a pipeline and a person call."""
    command = [sys.executable, "-m", "harness.marathon"]
    assert subprocess.run([*command, "lint", "marathon.json"], cwd=ROOT, check=False).returncode == 0
    assert subprocess.run([*command, "--help"], cwd=ROOT, check=False).returncode == 0
    assert subprocess.run([*command, "lint", "--no-such"], cwd=ROOT, check=False).returncode == 3
