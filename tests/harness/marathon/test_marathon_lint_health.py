"""The lint rules about health checks: L01, L03 to L05, L08 to L14, L17, L18, L23, L24."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.harness.marathon.lint_cases import FORMS, findings
from tests.harness.marathon.lint_cases_proof import ALWAYS_PASSES


def test_grace_against_a_measured_start() -> None:
    """The minimum grace period is twice the measured start."""
    for form in FORMS:
        assert "L13" in {one.rule.id for one in findings(form, measured_start=50)}
        assert findings(form, measured_start=45) == []


@pytest.mark.parametrize("command", ALWAYS_PASSES)
def test_a_command_that_is_said_to_pass_always_does(tmp_path: Path, command: str) -> None:
    """L24 stops deploys, so it must be right: in a shell that finds no program, and no RT, each of them passes."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": str(tmp_path)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
