"""`make test` includes certain tests at every change, which must not be moved to the slow ones to save time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.releases import ROOT

STATE = "tests/deploy/test_rt_state_on_disk.py::test_state_on_an_instances_disk_is_found"
HEALTH = "tests/smoke/test_healthcheck.py::test_install_mode"


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        (STATE, {"sessions on a disk", "attachments on a disk"}),
        (HEALTH, {"4.4.6", "5.0.3", "5.0.10"}),
    ],
    ids=["state on a disk", "both sides of the usual upgrade, and the newest release"],
)
def test_it_is_there(test: str, wanted: set[str]) -> None:
    """pytest itself is asked, with the marks of `make test`."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        test,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    listed = {line.partition("[")[2].partition("]")[0] for line in done.stdout.splitlines() if "::" in line}
    assert listed >= wanted, done.stdout + done.stderr
