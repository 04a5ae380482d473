"""What is said about the commands of health checks, which may hold a password."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest

from harness.marathon import in_image
from harness.marathon.in_image import check_commands_in_image


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("no-such-program -u health:s3cretpw", ["healthChecks(1)"]),
        ("echo health:s3cretpw; true", ["healthChecks(1)"]),
        ("no-such-program -u health:s3cretpw || test health = s3cretpw", []),
    ],
    ids=["missing", "passes", "may do without"],
)
def test_no_command_is_shown(command: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A check is named by its place, and by the program that is missing. This machine's shell is the image's."""

    def here(image: str, program: str, arguments: Sequence[str]) -> tuple[int, str]:
        del image
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    monkeypatch.setattr(in_image, "_run", here)
    told: list[str] = []
    checks = [{"protocol": "TCP"}, {"protocol": "COMMAND", "command": {"value": command}}]
    findings = check_commands_in_image({"healthChecks": checks}, "marathon-deploy", told.append)
    shown = " ".join([*map(str, findings), *told])
    assert [one.where for one in findings] == found
    assert "s3cretpw" not in shown
    assert ("no-such-program" in command) == ("no-such-program: " in shown), shown
