"""A selection of upgrades that makes no sense is wrong usage, told once, before any worker starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.releases import ROOT
from tests.harness.other_session import pytest_in

WRONG = {
    "backwards": (["--pair", "5.0.7:5.0.3"], "RT cannot go backwards"),
    "a dump of no release": (["--dump", "{folder}/plain.sql"], "Which RT release is plain.sql from?"),
    "no such server": (["--matrix", "--server", "nope"], "There is no database server 'nope' here"),
    "half a pair": (["--pair", "5.0.7"], "'5.0.7' is not a pair"),
}


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_selection_is_wrong_usage(tmp_path: Path, wrong: str, workers: str) -> None:
    """Exit code 1 means that an upgrade was tried and something was found."""
    said, expected = WRONG[wrong]
    (tmp_path / "plain.sql").write_text("-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\nSELECT 1;\n")
    _, environment = pytest_in(tmp_path, ())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers]
    command += [
        str(ROOT / "tests" / "upgrade" / "test_upgrade.py"),
        *(one.format(folder=tmp_path) for one in said),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    assert (done.returncode, told.count(expected)) == (pytest.ExitCode.USAGE_ERROR, 1), told
    assert "What to do: " in told or wrong == "half a pair"
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) < 8, told
