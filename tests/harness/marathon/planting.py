"""Plant defects in a copy of the code, and run the tests there that must catch them.

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

from harness.releases import ROOT
from tests.harness.marathon.planted import CONFORMANCE, Mutant


def copy_of_the_code(folder: Path) -> Path:
    """Copy the files that the tests of this package need into a folder, and return that."""
    skip = shutil.ignore_patterns("__pycache__", "dumps")
    for part in ("harness", "fixtures", "tests/harness/marathon", CONFORMANCE):
        shutil.copytree(ROOT / part, folder / part, ignore=skip)
    for package in ("tests", "tests/harness", "tests/deploy"):
        (folder / package / "__init__.py").touch()
    (folder / "image").symlink_to(ROOT / "image")
    for file in ("pytest.ini", "marathon.json"):
        shutil.copy(ROOT / file, folder)
    return folder


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
    path = tree / mutant.package / f"{mutant.module}.py"
    text = path.read_text(encoding="utf-8")
    assert places(mutant) == 1, f"{mutant.old!r} is not there once"
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def outcome_with(folder: Path, mutant: Mutant, *arguments: str) -> Outcome:
    """Run tests in a copy of the code with one defect."""
    tree = copy_of_the_code(folder)
    spoil(tree, mutant)
    return outcome(tree, *arguments)


def places(mutant: Mutant) -> int:
    """Return how often the text that a mutant changes is in the code: it must be once."""
    text = (ROOT / mutant.package / f"{mutant.module}.py").read_text(encoding="utf-8")
    return text.count(mutant.old)
