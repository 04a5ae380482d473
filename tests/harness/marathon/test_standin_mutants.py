"""The tests of the stand-in catch planted defects: each mutant must make the tests named with it fail.

A test must fail in its own body: a server that does not start, or a broken fixture, has caught nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.marathon.planted import CONFORMANCE, ON_ENGINE, PURE, UNITS, Mutant

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "harness/marathon/standin"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the files that the stand-in and its tests need, for planting defects."""
    skip = shutil.ignore_patterns("__pycache__", "dumps")
    for folder in ("harness", "fixtures", "tests/harness/marathon", CONFORMANCE):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=skip)
    for package in ("tests", "tests/harness", "tests/deploy"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "image").symlink_to(ROOT / "image")
    shutil.copy(ROOT / "pytest.ini", tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Outcome:
    """The result of a pytest run: its exit code, and its output."""

    code: int
    text: str

    @property
    def caught(self) -> bool:
        """Tell whether a test itself failed: a failure around it is an ERROR, with the same exit code."""
        return self.code == 1 and re.search(r"^FAILED ", self.text, re.MULTILINE) is not None


def outcome(tree: Path, *arguments: str) -> Outcome:
    """Run tests in the copy."""
    names = (
        "fixtures.engine",
        "fixtures.engine_proxy",
        "fixtures.tiny_image",
        "fixtures.standin",
        "no:cacheprovider",
        "no:xdist",
    )
    plugins = [word for name in names for word in ("-p", name)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_") and k != "MARATHON_URL"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-rfE", "--timeout=90", *plugins, *arguments]
    ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    return Outcome(ran.returncode, ran.stdout + ran.stderr)


def spoil(tree: Path, mutant: Mutant) -> None:
    """Plant the defect; the text to change must be there exactly once."""
    path = tree / PACKAGE / f"{mutant.module}.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.old!r} is there {text.count(mutant.old)} times"
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.mutants("stand-in")
@pytest.mark.parametrize("mutant", PURE, ids=str)
def test_unit_tests_catch(tree: Path, mutant: Mutant) -> None:
    """One defect at a time, in a copy of the stand-in."""
    spoil(tree, mutant)
    found = outcome(tree, *mutant.tests)
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.mutants("stand-in")
@pytest.mark.parametrize("mutant", ON_ENGINE, ids=str)
def test_conformance_items_catch(tree: Path, tiny_image: str, mutant: Mutant) -> None:
    """The same for defects that only a request to a real server shows."""
    del tiny_image
    spoil(tree, mutant)
    found = outcome(tree, CONFORMANCE, "-k", mutant.tests[0])
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.control("stand-in")
def test_the_copy_itself_passes(tree: Path) -> None:
    """Otherwise any mutant would count as caught."""
    found = outcome(tree, *UNITS)
    assert found.code == 0, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.control("stand-in")
def test_the_conformance_items_of_the_copy_itself_pass(tree: Path, tiny_image: str) -> None:
    """Otherwise a mutant could be caught because of a defect of the copy."""
    del tiny_image
    items = sorted({f"({mutant.tests[0]})" for mutant in ON_ENGINE})
    found = outcome(tree, CONFORMANCE, "-k", " or ".join(items))
    assert found.code == 0, found.text


def test_an_error_around_a_test_catches_nothing() -> None:
    """Pytest's exit code is 1 for a failed fixture too."""
    assert Outcome(1, "FAILED a.py::test - assert 1 == 2\n1 failed").caught
    assert not Outcome(1, "ERROR a.py::test - NotReadyError\n1 error").caught
    assert not Outcome(2, "FAILED a.py::test\n!!! Interrupted").caught


@pytest.mark.parametrize("mutant", PURE + ON_ENGINE, ids=str)
def test_what_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    """A slow test would be late to show that the code has changed."""
    text = (ROOT / PACKAGE / f"{mutant.module}.py").read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
