"""The stand-in must give the reason in a sentence if it does not start."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.marathon.standin.__main__ import listen
from harness.releases import ROOT

USAGE = UsageError.exit_code


def test_a_taken_port_is_wrong_usage(tmp_path: Path) -> None:
    """Two stand-ins, or a Marathon and its stand-in, are easily started on one port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "harness.marathon.standin", "--port", str(port), "--state", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.splitlines()) == (
        USAGE,
        [
            f"stand-in: Nobody can listen on port {port} of 127.0.0.1: Address already in use.",
            "What to do: name another port; 0 takes a free one",
        ],
    )


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("192.0.2.1", 0), ("nowhere.invalid", 0)])
def test_what_cannot_be_listened_on_is_wrong_usage(host: str, port: int) -> None:
    """An invalid port, and an address that this machine lacks."""
    with pytest.raises(UsageError, match=r"^Nobody can listen on port "):
        listen(host, port)
