"""A test of real containers is left out only where it passed a short while ago with the same inputs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.unchanged import DAY, PASSED
from tests.harness.other_session import pytest_in

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("unchanged")]
PLUGINS = (
    "fixtures.options",
    "fixtures.session",
    "fixtures.longest",
    "fixtures.engine",
    "fixtures.tally",
    "fixtures.unchanged",
)
FILES = {
    "conftest.py": 'pytest_plugins = ("benchmarks.plugin",)',
    "benchmarks/__init__.py": "",
    "benchmarks/helper.py": "",
    "benchmarks/plugin.py": """
import pytest
from benchmarks import helper

@pytest.fixture
def helped(): return helper
""",
    "tests/__init__.py": "",
    "tests/conftest.py": "",
    "tests/test_it.py": """
import pathlib, pytest
HERE = pathlib.Path(__file__).parent

def note(name):
    with (HERE.parent / ".ran").open("a") as file:
        print(name, file=file)

@pytest.mark.engine
def test_alone(): note("alone")

@pytest.mark.engine
@pytest.mark.xdist_group("one")
def test_helped(helped): note("helped")

@pytest.mark.engine
def test_skipped():
    note("skipped")
    pytest.skip("not today")

@pytest.mark.engine
def test_moody():
    note("moody")
    assert not (HERE.parent / ".bad").exists()

def test_unit(): note("unit")
""",
    "image/file": "",
}
ALL = ["alone", "helped", "moody", "skipped", "unit"]
ALWAYS = ["skipped", "unit"]
Run = Callable[..., tuple[list[str], str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a small project's tests; it returns which were run, and what pytest said."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ran = tmp_path / ".ran"

    def run(*arguments: str) -> tuple[list[str], str]:
        command, environment = pytest_in(tmp_path, PLUGINS, remembers=True)
        command += arguments or ("--unchanged", "skip")
        ran.write_text("")
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return sorted(ran.read_text().split()), done.stdout + done.stderr

    return run


@pytest.mark.parametrize("workers", [[], ["-n2", "--dist=loadgroup"]], ids=["alone", "workers"])
def test_what_passed_is_left_out(run: Run, workers: list[str]) -> None:
    """The second run says so, and does not take a skipped test for one that passed."""
    first, said = run("--unchanged", "skip", *workers)
    assert first == ALL, said
    assert "left out" not in said
    second, said = run("--unchanged", "skip", *workers)
    assert second == ALWAYS, said
    assert re.search(
        r"3 tests of real containers were left out: they passed since \d{4}-\d\d-\d\d \d\d:\d\d ", said
    )
    assert "ALL=1" in said


@pytest.mark.parametrize(
    ("changed", "text", "again"),
    [
        ("benchmarks/helper.py", "a = 1", ["helped"]),
        ("tests/test_it.py", FILES["tests/test_it.py"] + "\n", ["alone", "helped", "moody"]),
        ("tests/conftest.py", FILES["tests/conftest.py"] + "\n", ["alone", "helped", "moody"]),
        ("conftest.py", FILES["conftest.py"] + "\n", ["alone", "helped", "moody"]),
        ("image/file", "changed", ["alone", "helped", "moody"]),
        ("README.md", "words", []),
    ],
    ids=["what a fixture needs", "its own file", "a conftest", "all plugins", "the image", "a document"],
)
def test_what_changed_is_run_again(run: Run, tmp_path: Path, changed: str, text: str, again: list[str]) -> None:
    """Too much may be run, but never too little."""
    run()
    (tmp_path / changed).write_text(text)
    ran, said = run()
    assert ran == sorted(again + ALWAYS), said


def test_a_file_that_is_no_module_of_the_project_is_always_run(run: Run, tmp_path: Path) -> None:
    """Its digest is not known."""
    (tmp_path / "tests" / "__init__.py").unlink()
    run()
    assert run()[0] == ALL


def test_a_result_becomes_too_old(run: Run, tmp_path: Path) -> None:
    """What mirrors, certificates and clocks change is in no file."""
    run()
    file = tmp_path / ".pytest_cache" / "v" / PASSED
    results = {name: (key, when - DAY) for name, (key, when) in json.loads(file.read_text()).items()}
    file.write_text(json.dumps(results))
    assert run()[0] == ALL


@pytest.mark.parametrize("arguments", [("--unchanged", "run"), ("--pair", "4.4.6:5.0.3", "--unchanged", "skip")])
def test_everything_is_run_if_the_user_wants_it(run: Run, arguments: tuple[str, ...]) -> None:
    """For ALL=1 of make, and for an upgrade that the user names."""
    run()
    assert run(*arguments)[0] == ALL


def test_another_environment_is_another_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any of the harness's variables may change what a test does."""
    run()
    monkeypatch.setenv("RT_HARNESS_KEEP", "1")
    assert run()[0] == ALL
    assert run()[0] == ALWAYS


@pytest.mark.parametrize("arguments", [("--unchanged", "run"), ("-k", "moody")], ids=["all again", "a part"])
def test_what_failed_since_is_run_until_it_passes(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Files do not tell everything: a failure counts whoever asked for it."""
    run()
    (tmp_path / ".bad").touch()
    assert "moody" in run(*arguments)[0]
    for _ in range(2):
        ran, said = run()
        assert (ran, "1 failed" in said) == (["moody", *ALWAYS], True), said
    (tmp_path / ".bad").unlink()
    assert run()[0] == ["moody", *ALWAYS]
    assert run()[0] == ALWAYS
