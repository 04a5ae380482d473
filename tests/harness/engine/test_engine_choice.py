"""The engine that answers is chosen, with its TLS settings; for every other one the reason is reported."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker
import pytest

from harness import engine
from harness.engine import NoEngineError
from harness.releases import ROOT

VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers a ping as an engine does, or refuses everything."""

    status = 200

    def do_GET(self) -> None:
        """Answer a request with the class's status."""
        body = json.dumps({"ApiVersion": "1.41", "message": "not for you"}).encode()
        body = b"OK" if self.path.endswith("/_ping") else body
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        """Return a fixed text: a peer on a unix socket has no address."""
        return "here"


class Refusing(Answer):
    """An engine, or a proxy before one, that refuses every client."""

    status = 403


class Quiet(socketserver.ThreadingMixIn):
    """Ignores clients that disconnect, which some tests do on purpose."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


class Tcp(Quiet, socketserver.TCPServer):
    """Listens on a port that the kernel picks."""


class Unix(Quiet, socketserver.UnixStreamServer):
    """Listens on a socket file."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve for a `with` block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove this machine's own settings, and restore those that `connect` changes."""
    for name in (*VARIABLES, "TESTCONTAINERS_RYUK_DISABLED"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / "config").mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with ca.pem, cert.pem and key.pem for both ends, self-signed."""
    folder = tmp_path_factory.mktemp("certificates")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made += ["-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(made, check=True, capture_output=True)
    shutil.copy(folder / "cert.pem", folder / "ca.pem")
    return folder


@pytest.fixture
def secured(certificates: Path) -> Iterator[str]:
    """Serve an engine that accepts only TLS with its client certificate."""
    server = Tcp(("127.0.0.1", 0), Answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"tcp://127.0.0.1:{server.server_address[1]}"


def context(tmp_path: Path, name: str, address: str, material: Path | None) -> None:
    """Write a docker context as the docker program does."""
    identity = hashlib.sha256(name.encode()).hexdigest()
    config = tmp_path / "config"
    meta = config / "contexts" / "meta" / identity
    meta.mkdir(parents=True)
    endpoint = {"Host": address, "SkipTLSVerify": False}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    (config / "config.json").write_text("{}")
    if material:
        shutil.copytree(material, config / "contexts" / "tls" / identity / "docker")


def test_tls_as_the_environment_says(monkeypatch: pytest.MonkeyPatch, secured: str, certificates: Path) -> None:
    """Testcontainers, which reads the environment, must get the same settings."""
    monkeypatch.setenv("DOCKER_HOST", secured)
    assert engine.answering() is None
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    assert engine.answering() == secured
    with closing(engine.connect()) as client, closing(docker.from_env()) as other:
        assert client.api.base_url == secured.replace("tcp", "https")
        assert client.ping()
        assert other.ping()


@pytest.mark.parametrize("current", [True, False])
def test_tls_as_the_context_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secured: str, certificates: Path, *, current: bool
) -> None:
    """The settings apply to the current context and to a named one, and no other engine may be tried."""
    context(tmp_path, "far", secured, certificates)
    if current:
        (tmp_path / "config" / "config.json").write_text(json.dumps({"currentContext": "far"}))
    else:
        monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert [one.address for one in engine.candidates()] == [secured]
    with closing(engine.connect()) as client, closing(docker.from_env()) as other:
        assert client.ping()
        assert other.ping()


def test_a_context_without_its_certificates_is_said_to_lack_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secured: str
) -> None:
    """A named context is the only candidate, and the reason must be in the error."""
    context(tmp_path, "far", secured, None)
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    with pytest.raises(NoEngineError) as caught:
        engine.connect()
    [(title, text)] = caught.value.blocks
    assert (title, text.startswith(f"{secured}: "), len(text) > len(secured) + 10) == ("Asked", True, True)


def test_a_context_that_is_not_there_stands_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt context must not lead to this machine's engine."""
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    assert engine.answering() is None
    with pytest.raises(NoEngineError, match="the context gone, which there is not"):
        engine.connect()


def test_whoever_is_refused_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine that refuses a client is running, so the repair must not be to install or start one."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
    with serving(Unix(str(tmp_path / "engine.sock"), Refusing)), pytest.raises(NoEngineError) as caught:
        engine.connect()
    assert "403" in str(caught.value)
    assert "you may not" in str(caught.value)
    assert caught.value.repair == engine.NOT_YOURS


def test_ssh_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    """ssh needs a library that is not installed, and another host for every published port."""
    monkeypatch.setenv("DOCKER_HOST", "ssh://somebody@engine.example.org")
    with pytest.raises(NoEngineError, match=r"ssh -NL .* TESTCONTAINERS_HOST_OVERRIDE"):
        engine.connect()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A directory that every user may enter; another run of pytest closes the one that `tmp_path` is in."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@needs_root
@pytest.mark.parametrize("module", ["harness.setup.engine", "harness.images"])
def test_a_socket_that_is_somebody_elses_is_no_missing_engine(open_folder: Path, module: str) -> None:
    """The usual case: Docker runs, and the user is not in its group."""
    path = open_folder / "engine.sock"
    server = Unix(str(path), Answer)
    path.chmod(0)
    (open_folder / "cache").mkdir()
    (open_folder / "cache").chmod(0o777)
    settings = {"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{path}", "HOME": str(open_folder)}
    settings |= {"RT_HARNESS_CACHE": str(open_folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    somebody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    with serving(server):
        done = subprocess.run(
            [*somebody, sys.executable, "-m", module],
            cwd=ROOT,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2, done.stderr
    assert f"unix://{path}: permission denied" in done.stderr
    assert f"What to do: {engine.NOT_YOURS}" in done.stderr
