"""A site's secrets are in private directories alone, and those are removed however a run ends."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from harness import leftovers
from harness.common import cache, owner, private
from harness.dump.choice import choose
from harness.releases import ROOT
from tests.harness.without_engine import needs_root

MARK = "a-password-of-the-site"


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Make a directory for containers, with a file, in use while the test runs."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    pid = os.getpid()
    monkeypatch.setenv(owner.SESSION_VARIABLE, f"{pid}-{owner.process_start_time(pid)}-abcdef")
    with private.mountable() as path:
        (path / "rt-db").write_text(MARK)
        yield path


def test_what_containers_mount_is_private_and_goes_at_once(mounted: Path) -> None:
    """Others on the machine can list the temporary directory."""
    assert stat.S_IMODE(mounted.stat().st_mode) == 0o700
    with private.mountable() as another:
        assert another.parent == mounted.parent
    assert ([*mounted.parent.iterdir()], len([*private.directory().glob("mounted-*")])) == ([mounted], 1)


def test_an_interrupted_run_removes_it(mounted: Path) -> None:
    """Fixtures of an interrupted worker may not come to their end; the run itself does."""
    private.remove()
    assert [*mounted.parent.iterdir(), *private.root().iterdir()] == []


def test_what_cannot_be_removed_is_found_again(mounted: Path) -> None:
    """It holds secrets; what lies beside its link must be removed all the same."""
    own = private.directory()
    (own / "dump.sql").write_text(MARK)
    (own / "folder").mkdir()
    before = {path.name for path in own.iterdir()}
    with private.mountable() as stuck:
        stuck.rmdir()
        stuck.write_text(MARK)  # what is made to remove directories fails on it, for root too
    [link] = {path.name for path in own.iterdir()} - before
    private.erase(own)
    assert (stuck.exists(), mounted.exists()) == (True, False)
    assert {path.name for path in own.iterdir()} == {link, "host"}
    assert private.labels_of(own)[owner.HOST] == owner.host_identity()
    stuck.unlink()
    private.erase(own)
    assert [*private.root().iterdir()] == []


@needs_root
def test_what_is_mounted_in_it_is_not_erased(mounted: Path) -> None:
    """A killed bootstrap leaves this machine's devices mounted there: erased, they would be gone for everybody."""
    (mounted / "a device").mkdir()
    script = "import sys; from harness.common import private; private.erase(private.directory())"
    inside = 'mount -t tmpfs none "$1" && touch "$1/here" && "$2" -c "$3" && ls "$1"'
    words = ["sh", str(mounted / "a device"), sys.executable, script]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", inside, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr
    assert ((mounted / "rt-db").exists(), len([*private.directory().glob("mounted-*")])) == (True, 1)
    private.erase(private.directory())
    assert not mounted.exists()


@pytest.mark.engine
def test_after_sigkill_the_next_run_removes_it(
    mounted: Path, engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run finds it by the private directory, whatever its own temporary directory is."""
    monkeypatch.setattr(leftovers, "_labelled", lambda _: ())
    leftovers.sweep(engine)
    assert mounted.exists(), "this process lives"
    session = private.directory()
    session.rename(session.with_name(f"{os.getpid()}-1-abcdef"))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/nowhere")
    leftovers.sweep(engine)
    assert [*mounted.parent.iterdir(), *private.root().iterdir()] == []


@pytest.mark.engine
def test_a_deploy_leaves_no_secret_in_the_temporary_directory(tmp_path: Path) -> None:
    """pytest keeps its temporary directories of three runs, with the site's configuration if it was put there."""
    (tmp_path / "site.pm").write_text(f"# {MARK}\n1;\n")
    (tmp_path / "temporary").mkdir()
    pair = choose().pair
    test = "tests/deploy/test_upgraded_site.py::test_a_copy_that_was_not_upgraded_is_not_deployed"
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", test]
    command += ["--pair", f"{pair.origin}:{pair.target}", "--site-config", str(tmp_path / "site.pm")]
    settings = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    settings["TMPDIR"] = str(tmp_path / "temporary")
    done = subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout
    files = [path for path in (tmp_path / "temporary").rglob("*") if path.is_file()]
    secret = [path for path in files if path.name == "rt-db" or MARK in path.read_text(errors="replace")]
    assert secret == []
