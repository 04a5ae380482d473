"""The stand-in must give the reason in a sentence if it does not start, and then serve nobody but its user."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from fixtures.marathon_trial import split_credentials
from harness.errors import UsageError
from harness.marathon.standin.__main__ import listen
from harness.marathon.standin.credentials import CREDENTIALS
from harness.marathon.standin.process import StandinProcess
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


APP = {"id": "/mine", "cmd": "id", "instances": 0}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Start a stand-in with nothing said about credentials; return its address, which carries them."""
    standin = StandinProcess(tmp_path / "standin")
    yield standin.start()
    standin.stop()


@pytest.mark.engine
def test_only_who_started_it_may_use_it(address: str, tmp_path: Path) -> None:
    """An app may mount the machine's root folder: without a password every local user could become root.

    The password must be readable for nobody else either: not in a list of processes, nor in a file or a log.
    """
    url, headers = split_credentials(address)
    assert requests.post(f"{url}/v2/apps", json=APP, timeout=30).status_code == 401
    assert requests.get(url, timeout=30).status_code == 401, "the page as well"
    assert requests.get(f"{address}/v2/info", timeout=30).status_code == 200
    password = urlsplit(address).password or ""
    assert len(password) >= 20
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "harness.marathon.standin" in listed
    assert password not in listed
    assert password not in (tmp_path / "standin" / "log").read_text(encoding="utf-8")
    assert (tmp_path / "standin" / "address").stat().st_mode & 0o077 == 0
    assert headers


@pytest.mark.engine
def test_a_page_from_elsewhere_may_not_use_it(address: str) -> None:
    """The browser that shows the stand-in's page keeps the password, and would send it for any other page too.

    Such a page comes by a name that leads to this machine (DNS rebinding), or says where it is from.
    """
    host = urlsplit(address).netloc.rpartition("@")[2]
    port = host.rpartition(":")[2]
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{port}"},
        {"Host": f"127.0.0.1.evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ):
        answer = requests.post(f"{address}/v2/apps", json=APP, headers=headers, timeout=30)
        assert (answer.status_code, "is not what Host" in answer.text) == (403, True), headers
    for headers in ({"Host": f"localhost:{port}"}, {"Host": f"[::1]:{port}"}, {"Origin": f"http://{host}"}):
        assert requests.get(f"{address}/v2/info", headers=headers, timeout=30).status_code == 200, headers


@pytest.mark.engine
def test_a_person_is_told_the_address_with_the_password(tmp_path: Path) -> None:
    """`make marathon` starts it so; nobody could open the page otherwise."""
    command = [sys.executable, "-m", "harness.marathon.standin", "--state", str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if key != CREDENTIALS}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        told = running.stdout.readline()
        try:
            page = requests.get(told.split()[3], timeout=30)
        finally:
            running.terminate()
    assert (page.status_code, "/v2/apps" in page.text) == (200, True), told
