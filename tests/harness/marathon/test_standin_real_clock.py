"""The conformance items as they run against a user's Marathon: an address with a password, and real time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.common import owner
from harness.marathon.standin.process import StandinProcess
from harness.releases import ROOT

PLUGINS = ("-p", "fixtures.tiny_image", "-p", "fixtures.standin", "-p", "no:cacheprovider", "-p", "no:xdist")


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_the_conformance_items_pass_on_a_real_clock(tmp_path: Path, tiny_image: str) -> None:
    """Otherwise their short times, and the credentials, would first be tested on a real Marathon."""
    standin = StandinProcess(tmp_path / "standin", ["--end-tasks"])
    address = standin.start()
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("PYTEST_") and k != owner.SESSION_VARIABLE
    }
    environment |= {"MARATHON_URL": address, "MARATHON_TEST_IMAGE": tiny_image}
    command = [sys.executable, "-m", "pytest", "-q", "-rfEs", "--noconftest", *PLUGINS, "tests/deploy/conformance"]
    try:
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        listed = standin.log()
    finally:
        standin.stop()
    assert ran.returncode == 0, f"{ran.stdout}\n{listed}"
    assert " skipped" not in ran.stdout, ran.stdout
