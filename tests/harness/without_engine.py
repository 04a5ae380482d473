"""Set an engine up in a mount namespace in which none answers, so that the real one is not touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.common import cache
from harness.releases import ROOT
from harness.setup import started

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a mount namespace")
SUCCEEDING = """#!/usr/bin/env python3
# An engine that comes up with one storage driver only.
import http.server, pathlib, socketserver, sys
listed = pathlib.Path(__file__).with_name("containers.json")
print("dockerd", *sys.argv[1:], flush=True)
if "--storage-driver=vfs" not in sys.argv:
    sys.exit("failed to start daemon: error initializing graphdriver: overlay2")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.path.partition("?")[0].rpartition("/")[2]
        bodies = {"networks": b"[]", "volumes": b'{"Volumes": []}'}
        body = bodies.get(asked, b'{"ApiVersion": "1.41"}')
        if "/containers/" in self.path:
            body = listed.read_bytes() if listed.exists() else b"[]"
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "here"
pathlib.Path("/run/docker.sock").unlink(missing_ok=True)
socketserver.ThreadingUnixStreamServer("/run/docker.sock", Answer).serve_forever()
"""
"""A `dockerd`; a file containers.json beside it has the containers that it lists."""


def setup_without_engine(
    tmp_path: Path, programs: dict[str, str], *before: str
) -> subprocess.CompletedProcess[str]:
    """Run the engine's set-up where no engine answers and these programs come first on PATH."""
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    settings = {key: value for key, value in os.environ.items() if key not in ("DOCKER_HOST", "XDG_RUNTIME_DIR")}
    settings |= {"PATH": f"{tmp_path}:{os.environ['PATH']}", cache.VARIABLE: str(tmp_path / "cache")}
    settings.pop(started.RUN_VARIABLE, None)
    command = " ".join([*before, sys.executable, "-m", "harness.setup.engine"])
    inside = f"mount -t tmpfs none /run && cd {ROOT} && exec {command}"
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", inside],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
