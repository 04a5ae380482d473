"""Plant a defect in a copy of the sources, and run tests there.

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

from tests.harness.marathon.planted import CONFORMANCE, Mutant

ROOT = Path(__file__).resolve().parents[3]


def copied(to: Path) -> Path:
    """Copy the files that Marathon's part of the harness and its tests need into a folder, and return it."""
    skip = shutil.ignore_patterns("__pycache__", "dumps")
    for folder in ("harness", "fixtures", "tests/harness/marathon", CONFORMANCE):
        shutil.copytree(ROOT / folder, to / folder, ignore=skip)
    for package in ("tests", "tests/harness", "tests/deploy"):
        (to / package / "__init__.py").touch()
    (to / "image").symlink_to(ROOT / "image")
    shutil.copy(ROOT / "pytest.ini", to)
    return to


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


def spoil(tree: Path, package: str, mutant: Mutant) -> None:
    """Plant the defect in a module of a package; the text to change must be there exactly once."""
    path = tree / package / f"{mutant.module}.py"
    text = path.read_text(encoding="utf-8")
    require_once(package, mutant)
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def require_once(package: str, mutant: Mutant) -> None:
    """Assert that the text which a mutant changes is in its module exactly once."""
    text = (ROOT / package / f"{mutant.module}.py").read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.old!r} is there {text.count(mutant.old)} times"
