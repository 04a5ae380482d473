"""A pytest beside this one, in a session of its own: at its end it removes what belongs to its session only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.common import owner
from harness.releases import ROOT

NOT_ITS_OWN = (owner.SESSION_VARIABLE, "PYTEST_ADDOPTS")


def pytest_in(folder: Path, plugins: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Return command and environment of a pytest on a folder, with these plugins and no settings of ours."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={folder}",
        "-c/dev/null",
    ]
    for plugin in plugins:
        command += ["-p", f"fixtures.{plugin}"]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}
    return command, environment | {"PYTHONPATH": str(ROOT)}
