"""The longest groups of tests begin first, whatever the order of files and the number of tests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fixtures import longest
from tests.harness.other_session import pytest_in

CONFTEST = """
import pathlib
from fixtures import longest
longest.FILE = pathlib.Path(__file__).with_name("durations.json")
"""
TESTS = """
import pathlib, pytest

@pytest.fixture(autouse=True)
def order(request):
    with pathlib.Path(__file__).with_name("order").open("a") as file:
        print(request.node.originalname, file=file)

@pytest.mark.parametrize("number", range(4))
@pytest.mark.xdist_group("many")
def test_many(number): pass

def test_short(): pass

@pytest.mark.xdist_group("one")
def test_long(): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create a project whose longest test is the last one, in a group of its own."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "durations.json").write_text(json.dumps({"test_it.py::test_long@one": 50, "gone": 7}))
    return tmp_path


def run(project: Path, *arguments: str) -> None:
    """Run its tests on one worker, with the plugins that order them."""
    command, environment = pytest_in(project, ("fixtures.session", "fixtures.longest"))
    command += ["-n1", "--dist=loadgroup", *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_longest_is_first(project: Path) -> None:
    """A group of four tests is longer than one test only if no durations are known."""
    run(project)
    assert (project / "order").read_text().split() == ["test_long", *["test_many"] * 4, "test_short"]


DURATIONS = {"test_it.py::test_long@one": 50.0, "test_it.py::test_renamed@one": 40.0, "other.py::test_it": 7.0}


@pytest.mark.parametrize(
    ("asked", "gone"),
    [(["-k", "short"], {"test_it.py::test_renamed@one"}), (["test_it.py::test_short"], set())],
    ids=["of a whole file", "of one test"],
)
def test_what_a_run_left_out_is_kept(project: Path, asked: list[str], gone: set[str]) -> None:
    """A partial run must not remove other tests' durations, only those of no test; short ones are not stored.

    The test that succeeds a renamed one would count as short, and start last.
    """
    (project / "durations.json").write_text(json.dumps(DURATIONS))
    run(project, "--note-durations", *asked)
    assert json.loads((project / "durations.json").read_text()).keys() == DURATIONS.keys() - gone


@pytest.mark.xdist_group("collected")
def test_every_duration_is_of_a_test(every_test: dict[str, bool]) -> None:
    """Otherwise the test that followed it starts last: give it the seconds, or measure with --note-durations."""
    assert sorted(longest.known().keys() - every_test.keys()) == []
