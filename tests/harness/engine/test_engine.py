"""An engine is found or started.

Started in a mount namespace without one, so that the real engine is not touched.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from harness import engine
from harness.common import cache
from harness.engine import NoEngineError
from tests.harness.without_engine import SUCCEEDING, needs_root, setup_without_engine

FAILING = """#!/bin/sh
echo "dockerd $*, iptables is $(command -v iptables)"
echo 'failed to start daemon: no such luck'
exit 1
"""


def test_an_engine_that_was_named_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another engine than the named one may hold containers that the user did not mean."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    assert [one.address for one in engine.candidates()] == ["unix:///nowhere.sock"]
    with pytest.raises(NoEngineError, match="make engine") as caught:
        engine.connect()
    assert caught.value.exit_code == 2


def test_the_usual_places_are_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Docker's socket comes first, then the user's own, then Podman's."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    found = [one.address for one in engine.candidates()]
    assert found[0] == "unix:///var/run/docker.sock"
    assert found[-2:] == [f"unix://{tmp_path}/podman/podman.sock", "unix:///run/podman/podman.sock"]


@needs_root
def test_an_engine_that_does_not_come_up_is_tried_in_other_ways_and_then_explained(tmp_path: Path) -> None:
    """Legacy iptables and another storage driver are common remedies; the log has the details."""
    done = setup_without_engine(tmp_path, {"dockerd": FAILING})
    assert done.returncode == 2
    assert "starting with its defaults" in done.stdout
    assert "starting with the vfs storage driver" in done.stdout
    assert "failed to start daemon: no such luck" in done.stderr
    assert "dockerd --storage-driver=vfs" in done.stderr
    if Path("/usr/sbin/iptables-legacy").exists():
        assert "starting with legacy iptables" in done.stdout
        log = (tmp_path / "cache" / "logs" / "engine.log").read_text()
        assert "iptables is /usr/sbin/iptables-legacy" not in log  # linked under its usual name, for dockerd alone
        assert f"iptables is {tmp_path}/cache/engine-" in log


@needs_root
def test_whoever_is_not_root_is_told_what_to_do(tmp_path: Path) -> None:
    """A clear message is more helpful than a failing apt-get."""
    tmp_path.chmod(0o777)
    for folder in [tmp_path, *tmp_path.parents][:4]:
        if folder.stat().st_uid == os.geteuid() and str(folder).startswith("/tmp/pytest"):
            folder.chmod(folder.stat().st_mode | 0o055)
    done = setup_without_engine(tmp_path, {}, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    assert done.returncode == 2
    assert "only root may install and start one" in done.stderr
    assert "What to do: run `make engine` as root" in done.stderr


@needs_root
def test_another_storage_driver_helps_and_that_engine_can_be_stopped(tmp_path: Path) -> None:
    """Its pid is recorded, so that `make engine-stop` ends this very process, and a second stop ends none."""
    setup = f"{sys.executable} -m harness.setup.engine"
    (tmp_path / "all").write_text(
        f"{setup} && cat {tmp_path}/cache/engine.pid && echo && {setup} --stop && {setup} --stop"
    )
    done = setup_without_engine(tmp_path, {"dockerd": SUCCEEDING}, "sh", "-e", str(tmp_path / "all"))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    vfs = lines.index("engine: starting with the vfs storage driver")
    assert lines[0] == "engine: starting with its defaults"
    assert lines[vfs + 1] == "engine: unix:///var/run/docker.sock answers"
    pid = lines[vfs + 2].split()[0]
    assert lines[vfs + 3 :] == [
        f"engine: stopped (pid {pid})",
        "engine: none that was started from here is running",
    ]
    assert not (tmp_path / "cache" / "engine.pid").exists()
    log = (tmp_path / "cache" / "logs" / "engine.log").read_text()
    assert "overlay2" in log
    assert "dockerd --storage-driver=vfs" in log


@pytest.mark.parametrize("running", [True, False])
def test_an_emptied_cache_still_knows_how_to_stop_its_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, running: bool
) -> None:
    """`make distclean` once left a running engine of ours that could not be stopped any more."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    digest = cache.digest()
    made = ("logs/engine.log", f"baselines/{digest}.json", f"facts/{digest}.json")
    for name in made:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "engine-12345678").mkdir()
    (tmp_path / "engine-12345678" / "iptables").symlink_to("/usr/sbin/iptables-legacy")
    if running:
        (tmp_path / "engine.pid").touch()
    cache.empty()
    kept = {"engine.pid", "logs", "engine-12345678"} if running else set()
    assert {path.name for path in tmp_path.iterdir()} == kept
