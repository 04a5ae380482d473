"""Files mounted from this machine are visible in containers, or instances are not judged without them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import DockerException

from harness.common import owner
from harness.dump.choice import choose
from harness.engine import shared_files
from harness.engine.containers import unique_name
from harness.engine.shared_files import need_seen
from harness.errors import InfrastructureError
from harness.releases import ROOT

pytestmark = pytest.mark.engine
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a folder that the engine does not see needs a mount")
ASK = """
import sys
from pathlib import Path
from harness import engine
from harness.engine import faults
from harness.engine.shared_files import need_seen
image, folder = sys.argv[1:]
sys.exit(faults.run_command("asking", lambda: need_seen(engine.connect(), image, Path(folder))))
"""


def unseen(hidden: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a directory of its own at `hidden`, where the engine sees an empty one.

    That simulates an engine on another machine: the same path with other files.
    """
    hidden.mkdir()
    alone = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    inside = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hidden)]
    return subprocess.run(
        [*inside, *command], cwd=ROOT, env=alone, capture_output=True, text=True, check=False, timeout=300
    )


def test_a_folder_that_is_seen_is_left_as_it_was(
    engine: DockerClient, tiny_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test file and the container must be removed again."""
    name = unique_name("files")
    monkeypatch.setattr(shared_files, "unique_name", lambda _: name)
    need_seen(engine, tiny_image, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert engine.api.containers(all=True, filters={"name": name}) == []


def test_a_missing_image_is_told_as_what_it_is(engine: DockerClient, tmp_path: Path) -> None:
    """A missing image must not be reported as invisible files."""
    with pytest.raises(DockerException) as caught:
        need_seen(engine, "rt-harness/no-such-image:1", tmp_path)
    assert "do not see" not in str(caught.value)


@needs_root
@pytest.mark.parametrize("below", ["", "deeper"])
def test_files_that_the_engine_does_not_see_are_told(tmp_path: Path, tiny_image: str, below: str) -> None:
    """It is no finding, however an instance without its secrets ends, and no directory may be created."""
    hidden = tmp_path / "hidden"
    script = f"import os; os.makedirs({str(hidden / below)!r}, exist_ok=True)\n{ASK}"
    done = unseen(hidden, sys.executable, "-c", script, tiny_image, str(hidden / below))
    assert done.returncode == InfrastructureError.exit_code, done.stderr
    assert f"do not see what this machine has in {hidden / below}" in done.stderr
    assert "TMPDIR" in done.stderr
    assert list(hidden.iterdir()) == []


@needs_root
def test_a_deploy_is_not_begun_with_them(tmp_path: Path) -> None:
    """In the gate's own test, too, invisible files must not be attributed to the site."""
    test = "tests/deploy/test_upgraded_site.py::test_a_copy_that_was_not_upgraded_is_not_deployed"
    hidden = tmp_path / "hidden"
    one = str(choose().pair).partition("@")[0].replace("-to-", ":")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "--pair", one, test]
    done = unseen(hidden, "env", f"TMPDIR={hidden}", *command)
    assert "This engine's containers do not see" in done.stdout, done.stdout
    assert "status 78" not in done.stdout
