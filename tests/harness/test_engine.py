"""Finding an engine, and starting one: in a mount namespace where none answers, so the real one stays alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cache, engine, leftovers
from harness.engine import NoEngineError
from harness.releases import ROOT

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a mount namespace")
FAILING = """#!/bin/sh
echo "dockerd $*, iptables is $(command -v iptables)"
echo 'failed to start daemon: no such luck'
exit 1
"""


def test_an_engine_that_was_named_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Using another engine than the one that was named could touch containers that nobody meant."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    assert list(engine.candidates()) == ["unix:///nowhere.sock"]
    with pytest.raises(NoEngineError, match="make engine") as caught:
        engine.connect()
    assert caught.value.exit_code == 2


def test_the_usual_places_are_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Docker's socket first, then a person's own, then Podman's."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    found = list(engine.candidates())
    assert found[0] == "unix:///var/run/docker.sock"
    assert found[-2:] == [f"unix://{tmp_path}/podman/podman.sock", "unix:///run/podman/podman.sock"]


def setup_without_engine(
    tmp_path: Path, programs: dict[str, str], *before: str
) -> subprocess.CompletedProcess[str]:
    """Run the engine's set-up where no engine answers and these programs come first on PATH."""
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    settings = {key: value for key, value in os.environ.items() if key not in ("DOCKER_HOST", "XDG_RUNTIME_DIR")}
    settings |= {"PATH": f"{tmp_path}:{os.environ['PATH']}", cache.VARIABLE: str(tmp_path / "cache")}
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


@needs_root
def test_an_engine_that_does_not_come_up_is_tried_in_other_ways_and_then_explained(tmp_path: Path) -> None:
    """Legacy iptables and another storage driver are what commonly helps; the log says the rest."""
    done = setup_without_engine(tmp_path, {"dockerd": FAILING})
    assert done.returncode == 2
    assert "starting with its defaults" in done.stdout
    assert "starting with the vfs storage driver" in done.stdout
    assert "failed to start daemon: no such luck" in done.stderr
    assert "dockerd --storage-driver=vfs" in done.stderr
    if Path("/usr/sbin/iptables-legacy").exists():
        assert "starting with legacy iptables" in done.stdout
        log = (tmp_path / "cache" / "logs" / "engine.log").read_text()
        assert "iptables is /usr/sbin/iptables-legacy" not in log  # found under its usual name, for dockerd alone
        assert f"iptables is {tmp_path}/cache/engine-" in log


@needs_root
def test_whoever_is_not_root_is_told_what_to_do(tmp_path: Path) -> None:
    """One clear message instead of a failing apt-get."""
    tmp_path.chmod(0o777)
    for folder in [tmp_path, *tmp_path.parents][:4]:
        if folder.stat().st_uid == os.geteuid() and str(folder).startswith("/tmp/pytest"):
            folder.chmod(folder.stat().st_mode | 0o055)
    done = setup_without_engine(tmp_path, {}, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    assert done.returncode == 2
    assert "only root may install and start one" in done.stderr
    assert "What to do: run `make engine` as root" in done.stderr


@pytest.mark.parametrize("running", [True, False])
def test_an_emptied_cache_still_knows_how_to_stop_its_engine(tmp_path: Path, *, running: bool) -> None:
    """`make distclean` beside an engine of ours left one that nobody could stop."""
    for name in ("logs/engine.log", "engine-x/iptables", "baselines/one.json", "facts/one.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    if running:
        (tmp_path / "engine.pid").touch()
    leftovers._empty(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == ({"engine.pid", "logs", "engine-x"} if running else set())
