"""Run the gate as a subprocess, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.common import owner
from harness.errors import UsageError
from harness.releases import ROOT
from harness.verdict import Verdict

NO_GO, NOT_PROVEN = Verdict.NO_GO.exit_code, Verdict.NOT_PROVEN.exit_code
USAGE = UsageError.exit_code


def gate(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the gate in a session of its own, with its reports in `folder`."""
    settings = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE} | environment
    command = [sys.executable, "-m", "fixtures.gate", "--reports", str(folder), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False, timeout=300
    )
