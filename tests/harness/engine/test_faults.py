"""Every command ends with its documented exit code, for every kind of error."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from docker.errors import DockerException

from harness.engine import faults
from harness.errors import InfrastructureError, UsageError
from harness.releases import ROOT


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("There is no such thing."), 3, "There is no such thing"),
        (InfrastructureError("It went away."), 2, "It went away"),
        (DockerException("no space left on device"), 2, "The engine's disk is full"),
        (OSError(errno.ENOSPC, "No space left", "/a/file"), 2, "The disk is full: /a/file"),
        (KeyboardInterrupt(), 2, "interrupted"),
        (ValueError("invalid literal: 'Anna Mueller'"), 2, "ValueError: invalid literal"),
    ],
)
def test_what_gives_way_is_no_finding(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    """Exit code 1 is for findings only, and data quoted by a database must not get into a CI server's log."""

    def work() -> NoReturn:
        raise error

    assert faults.run_command("program", work) == code
    told = capsys.readouterr().err
    assert f"program: {said}" in told
    assert "Anna" not in told
    assert ("in work" in told) == isinstance(error, ValueError), "the place of an error that nobody expected"


def test_a_good_end_is_handed_on() -> None:
    """The exit codes for success and for findings must be passed on."""
    assert [faults.run_command("program", lambda code=code: code) for code in (0, 1)] == [0, 1]  # type: ignore[misc]


@pytest.mark.parametrize(
    "command",
    [
        ["harness.images", "rt-5.0.3"],
        ["harness.dumpmaking", "rt-4.4.6-campus"],
        ["harness.forecast"],
        ["harness.dumpmaking.vocabulary"],
    ],
    ids=lambda words: words[0],
)
def test_commands_without_an_engine_end_with_2(command: list[str], tmp_path: Path) -> None:
    """Real commands must end with a sentence and without a traceback."""
    alone = {"DOCKER_HOST": "unix:///nowhere.sock", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=alone, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "engine answers" in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
