"""A base is still obtained if a registry refuses, the engine cannot query it, or Debian's keys are missing."""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import docker
import pytest

from harness.errors import InfrastructureError
from harness.images import bootstrap
from harness.images.mirror import Mirror
from harness.releases import Suite

SUITE, NAME = Suite("no-such-suite"), "debian:no-such-suite-slim"


class Engine(http.server.BaseHTTPRequestHandler):
    """The part of an engine's API that a base needs; `answers` holds a status per kind of request."""

    answers: ClassVar[dict[str, int]] = {}
    pulled: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Answer about a registry or a local image."""
        if "/distribution/" in self.path:
            self._say(self.answers["distribution"], {"message": "not so", "Descriptor": {}})
        elif self.path.endswith("/images/json") or "/images/json?" in self.path:
            self._say(200, [])
        else:
            self._say(200 if self.answers["pull"] == 200 else 404, {"Id": "sha256:0a", "message": "no such image"})

    def do_POST(self) -> None:
        """Answer a pull."""
        self.pulled.append(self.path)
        self._say(self.answers["pull"], {"message": "toomanyrequests: you have reached your limit"})

    def _say(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def an_engine(distribution: int, pull: int) -> Iterator[docker.DockerClient]:
    """Serve an engine with these statuses."""
    Engine.answers, Engine.pulled = {"distribution": distribution, "pull": pull}, []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Engine) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        client = docker.DockerClient(base_url=f"tcp://127.0.0.1:{server.server_address[1]}", version="1.41")
        try:
            yield client
        finally:
            client.close()
            server.shutdown()
            thread.join(10)


@pytest.mark.parametrize("distribution", [200, 404, 501], ids=["asked", "Podman", "not implemented"])
def test_a_registry_is_used_by_whatever_engine(monkeypatch: pytest.MonkeyPatch, distribution: int) -> None:
    """Podman cannot be asked whether a registry has an image, but can pull it."""
    for way in ("auto", "registry"):
        monkeypatch.setenv(bootstrap.VARIABLE, way)
        with an_engine(distribution, 200) as client:
            assert bootstrap.origin(client, SUITE, Mirror(), lambda _: None) == NAME
            assert len(Engine.pulled) == 1


@pytest.mark.parametrize("distribution", [200, 404])
@pytest.mark.parametrize("pull", [429, 500, 503])
def test_a_pull_that_is_refused_leads_to_the_mirror(
    monkeypatch: pytest.MonkeyPatch, distribution: int, pull: int
) -> None:
    """A registry that limits pulls answers the query but refuses the pull.

    Users must be told why the mirror is used.
    """
    told: list[str] = []
    monkeypatch.setenv(bootstrap.VARIABLE, "auto")
    with (
        an_engine(distribution, pull) as client,
        pytest.raises(InfrastructureError, match="this machine's apt names no Debian mirror"),
    ):
        bootstrap.origin(client, SUITE, Mirror(), told.append)
    assert any("toomanyrequests" in one for one in told), told


def test_a_registry_that_was_named_says_what_it_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a registry is requested, no other source may be used."""
    monkeypatch.setenv(bootstrap.VARIABLE, "registry")
    with an_engine(200, 429) as client, pytest.raises(InfrastructureError, match="could not be pulled: toomany"):
        bootstrap.origin(client, SUITE, Mirror(), lambda _: None)


@pytest.mark.parametrize("there", [False, True], ids=["Ubuntu", "Debian"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_debians_keys_come_with_what_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Ubuntu's mmdebstrap does not bring Debian's keys, without which no Debian package list is trusted."""
    program = tmp_path / "apt-get"
    program.write_text(
        f"#!/bin/sh\necho \"$@\" >>{tmp_path}/asked\nprintf '#!/bin/sh\\n' >{tmp_path}/mmdebstrap\n"
        f"/bin/chmod +x {tmp_path}/mmdebstrap\n"
    )
    program.chmod(0o755)
    if there:
        (tmp_path / "debian-archive-keyring.gpg").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bootstrap, "KEYRINGS", tmp_path)
    bootstrap._need_mmdebstrap(lambda _: None)
    asked = (tmp_path / "asked").read_text()
    assert ("mmdebstrap" in asked, "debian-archive-keyring" in asked) == (True, not there)
