"""An engine started from here is stopped by whoever started it, and not while somebody uses it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.common import owner
from harness.setup.started import RUN_VARIABLE
from tests.harness.without_engine import SUCCEEDING, needs_root, setup_without_engine

SETUP = f"{sys.executable} -m harness.setup.engine"
STOPPED = "engine: stopped (pid "
LEFT = "engine: left running, for this run did not start it (pid "


def said_of_stops(tmp_path: Path, *lines: str) -> list[str]:
    """Start an engine as the run "mine", run these commands there, and stop it as a person does.

    Return what was printed since the start.
    """
    script = [f"{RUN_VARIABLE}=mine {SETUP} >&2", *lines, f"{SETUP} --stop"]
    (tmp_path / "all").write_text("\n".join(script))
    done = setup_without_engine(tmp_path, {"dockerd": SUCCEEDING}, "sh", "-e", str(tmp_path / "all"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@needs_root
def test_a_run_stops_no_engine_of_another_one(tmp_path: Path) -> None:
    """Two CI jobs on one agent: the first to end once took the engine away under the other."""
    said = said_of_stops(tmp_path, *(f"{RUN_VARIABLE}={run} {SETUP} --stop" for run in ("another", "mine")))
    expected = (LEFT, STOPPED, "engine: none that was started from here is running")
    assert [one.startswith(begin) for one, begin in zip(said, expected, strict=True)] == [True] * 3


@needs_root
@pytest.mark.parametrize(
    ("labels", "in_use"),
    [
        (owner.labels("test"), True),
        ({}, True),
        ({**owner.labels("test"), owner.STARTED: "1"}, False),
    ],
    ids=["a living run's", "a build's", "a dead run's"],
)
def test_an_engine_in_use_goes_on_running(tmp_path: Path, labels: dict[str, str], *, in_use: bool) -> None:
    """Also its own run must not stop it then: a gate may run beside."""
    listed = [{"Id": "0a", "Names": ["/somebodys"], "Labels": labels}]
    (tmp_path / "containers.json").write_text(json.dumps(listed))
    asked = f"{{ {RUN_VARIABLE}=mine {SETUP} --stop 2>&1 || echo ended with $?; }}"
    *said, last = said_of_stops(tmp_path, asked, f"rm {tmp_path}/containers.json")
    assert (said[0] == "engine: The engine is in use, so it goes on running.") == in_use
    assert said[0].startswith(STOPPED) != in_use
    assert last.startswith(STOPPED) == in_use
    if in_use:
        assert any("container somebodys" in line for line in said)
        assert any("What to do: run `make engine-stop` when those runs have ended" in line for line in said)
        assert said[-1] == "ended with 2"
