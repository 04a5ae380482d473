"""The tests of the stand-in catch planted defects: each mutant must make the tests named with it fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "harness/marathon/standin"
UNIT, CONFORMANCE = "tests/harness/marathon", "tests/deploy/conformance"


@dataclass(frozen=True)
class Mutant:
    """A defect: in `module`, `old` becomes `new`; `tests` are pytest arguments that must then fail."""

    module: str
    old: str
    new: str
    tests: Sequence[str]

    def __str__(self) -> str:
        """Name the mutant in a report."""
        return f"{self.module}: {self.new.strip()[:50]}"


HEALTH, PLAN, PARTS = (f"{UNIT}/test_standin_{name}.py" for name in ("health", "deployment", "parts"))
DEFINITION, SCHEDULING = (f"{UNIT}/test_standin_{name}.py" for name in ("definition", "scheduling"))
PURE = [
    Mutant("health", "known.consecutive_failures >= limit", "known.consecutive_failures + 1 >= limit", [HEALTH]),
    Mutant("health", "limit > 0 and known", "known", [HEALTH]),
    Mutant("health", "known.first_success is None and now", "now", [HEALTH]),
    Mutant("health", "self.last_success > self.last_failure", "self.last_success >= self.last_failure", [HEALTH]),
    Mutant(
        "health", "self.consecutive_failures >= self.check", "self.consecutive_failures > self.check", [HEALTH]
    ),
    Mutant("health", "any(record is None for record in found)", "False", [HEALTH]),
    Mutant("deployment", "maximum += 1", "pass", [PLAN]),
    Mutant("deployment", "math.ceil(", "math.floor(", [PLAN]),
    Mutant("deployment", "max(0, running - minimum)", "max(0, running - maximum)", [PLAN]),
    Mutant("deployment", '"ScaleApplication" if app.instances == 0', '"RestartApplication" if False', [PLAN]),
    Mutant("backoff", "known.seconds * app.backoff_factor", "known.seconds + app.backoff_factor", [PARTS]),
    Mutant("normalize", "port=port) for port in app.ports", "port=0) for port in app.ports", [DEFINITION]),
    Mutant("normalize", "check.replace(port_index=0)", "check", [DEFINITION]),
    Mutant("scheduler", '"SIGKILL"', '"SIGTERM"', [SCHEDULING]),
    Mutant("scheduler", "if task.state in (FAILED, FINISHED):", "if False:", [SCHEDULING]),
    Mutant("rollout", "- len(old) - len(new)", "- len(new)", [SCHEDULING]),
    Mutant("core", "self.rollout.resume(deployment)", "pass", [SCHEDULING]),
]
ON_ENGINE = [
    Mutant("health", "known.consecutive_failures >= limit", "known.consecutive_failures + 1 >= limit", ["c21"]),
    Mutant("health", "self.consecutive_failures >= self.check", "self.consecutive_failures > self.check", ["c22"]),
    Mutant("health", "known.first_success is None and now", "False and now", ["c18"]),
    Mutant(
        "monitor",
        "return await probes.http(address, port,",
        "return await probes.tcp(address, port, 9) or (",
        ["c17"],
    ),
    Mutant("deployment", "maximum += 1", "maximum += 2", ["c27 and shares5"]),
    Mutant(
        "rollout",
        "progress.counted |= {task.id for task in new if task.counts}",
        "progress.counted |= {task.id for task in new}",
        ["c28"],
    ),
    Mutant("scheduler", "if wait > 0:", "if False:", ["c35"]),
    Mutant("monitor", "probes.http_following(", "probes.http(host, ", ["c40"]),
    Mutant("commands", "if holders and not force", "if False and not force", ["c06"]),
    Mutant("commands", "dict(deployment.original)", "dict(deployment.target)", ["c30_deleting"]),
    Mutant("readiness", "answer.status in check.http_status_codes_for_ready", "True", ["c32"]),
    Mutant("rollout", "known.app.instances - len(self.state.tasks_of(app_id))", "0", ["c33_a_dead"]),
    Mutant("scheduler", "self.remember_failure(task, FAILED, message)", "pass", ["c37_the_last"]),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of what the stand-in and its tests need, to be spoilt."""
    skip = shutil.ignore_patterns("__pycache__", "dumps")
    for folder in ("harness", "fixtures", "tests/harness/marathon", CONFORMANCE):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=skip)
    for package in ("tests", "tests/harness", "tests/deploy"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "image").symlink_to(ROOT / "image")
    shutil.copy(ROOT / "pytest.ini", tmp_path)
    return tmp_path


def outcome(tree: Path, *arguments: str) -> int:
    """Run tests in the copy and return pytest's exit code."""
    plugins = ("-p", "fixtures.tiny_image", "-p", "fixtures.standin", "-p", "no:cacheprovider", "-p", "no:xdist")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_") and k != "MARATHON_URL"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--timeout=90", *plugins, *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False).returncode


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
    spoil(tree, mutant)
    assert outcome(tree, *mutant.tests) == 1


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.mutants("stand-in")
@pytest.mark.parametrize("mutant", ON_ENGINE, ids=str)
def test_conformance_items_catch(tree: Path, tiny_image: str, mutant: Mutant) -> None:
    del tiny_image
    spoil(tree, mutant)
    assert outcome(tree, CONFORMANCE, "-k", mutant.tests[0]) == 1


@pytest.mark.slow
@pytest.mark.control("stand-in")
def test_the_copy_itself_passes(tree: Path) -> None:
    assert outcome(tree, HEALTH, PLAN, PARTS, DEFINITION, SCHEDULING) == 0
