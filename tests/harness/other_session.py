"""Run pytest as a subprocess in a session of its own, which at its end removes only its own resources."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.releases import ROOT
from tests.harness.own_environment import NOT_ITS_OWN


def pytest_in(
    folder: Path, plugins: Iterable[str], *, remembers: bool = False
) -> tuple[list[str], dict[str, str]]:
    """Return command and environment of a pytest on a directory, with these plugins and without our settings.

    plugins: names of modules, written in full, so that what a test depends on can be read. remembers: with a
    cache, in that directory.
    """
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        *([] if remembers else ["-p", "no:cacheprovider"]),
        f"--rootdir={folder}",
        "-c/dev/null",
    ]
    for plugin in plugins:
        command += ["-p", plugin]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}
    return command, environment | {"PYTHONPATH": str(ROOT)}
