"""The tests of the stand-in catch planted defects: each mutant must make the tests named with it fail.

A test fails in its own body: a server that does not start, or a fixture that breaks, has caught nothing.
"""

from __future__ import annotations

import os
import re
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
DEFINITION, SCHEDULING, RESTART, EVENTS = (
    f"{UNIT}/test_standin_{name}.py" for name in ("definition", "scheduling", "restart", "events")
)
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
    Mutant("core", "self.rollout.resume(deployment)", "pass", [RESTART]),
    Mutant("core", "self.scheduler.on_kill = self._killed", "pass", [RESTART]),
    Mutant("core", "self.scheduler.go_on_killing(task, self.state.killing[task.id])", "pass", [RESTART]),
    Mutant("monitor", "if overall != health:", "if True:", [EVENTS]),
]
ON_ENGINE = [
    Mutant("api", 'return PlainTextResponse("pong")', 'return JSONResponse("pong")', ["c01"]),
    Mutant("views", '"elected": True', '"chosen": True', ["c02"]),
    Mutant("api", "JSONResponse(shown, 201, headers)", "JSONResponse(shown, 200, headers)", ["c03"]),
    Mutant("commands", "raise errors.already_exists(app.id)", "pass", ["c04"]),
    Mutant("errors", '"string_type": "error.expected.jsstring"', '"string_type": "error.type"', ["c05_a_wrong"]),
    Mutant("validate", '"not defined"', '"undefined"', ["c05_a_broken"]),
    Mutant("wire", "raise ApiError(415,", "raise ApiError(400,", ["c05_another"]),
    Mutant("render", "if not document[key]:", "if False:", ["c07"]),
    Mutant("views", '.removeprefix("app.")', "", ["c08"]),
    Mutant("errors", '(f" in version {version}" if version else "")', '""', ["c09"]),
    Mutant("commands", "self.state.apps.get(absolute(app_id))", 'self.state.apps.get("/" + app_id)', ["c10"]),
    Mutant("commands", "return before.versions[version]", "return before.app", ["c11"]),
    Mutant("model", '"version", "version_info"}', '"version"}', ["c12"]),
    Mutant("deployment", 'else "RestartApplication", app.id', 'else "ScaleApplication", app.id', ["c14"]),
    Mutant(
        "commands",
        "        info = VersionInfo(last_scaling_at=version, last_config_change_at=version)",
        "        info = before.version_info",
        ["c14"],
    ),
    Mutant("deployment", 'else Action("ScaleApplication"', 'else Action("RestartApplication"', ["c13"]),
    Mutant("health", "            return False\n", "            return True\n", ["c15"]),
    Mutant(
        "probes",
        "reason_of(error))\n    return Result(True) if 200 <= answer.status <= 399 else Result(False, answer.line)"
        "\n\n\nasync def tcp",
        "reason_of(error))\n    return Result(200 <= answer.status <= 299, answer.line)\n\n\nasync def tcp",
        ["c16"],
    ),
    Mutant(
        "health",
        "first = known.first_success if known.first_success is not None else now",
        "first = None",
        ["c19"],
    ),
    Mutant("health", "return self.last_failure is None or", "return True or", ["c20"]),
    Mutant("health", "limit > 0 and known", "known", ["c23"]),
    Mutant(
        "probes",
        "answer = await get(host, port, path, tls=tls)\n    except CONNECTION_ERRORS",
        "answer = await get(host, port, path, tls=tls)\n    except TimeoutError:\n        return Result(True)\n"
        "    except CONNECTION_ERRORS",
        ["c24"],
    ),
    Mutant("health", 'return "unknown"', 'return "healthy"', ["c25"]),
    Mutant("task", "not self.app.health_checks or self.was_healthy", "True", ["c26"]),
    Mutant("deployment", "max(0, running - minimum)", "0", ["c29"]),
    Mutant("commands", "self.rollout.cancel(deployment)", "pass", ["c31"]),
    Mutant("backoff", "known.seconds * app.backoff_factor", "known.seconds", ["c34_the_delay"]),
    Mutant("rollout", 'self.tell("deployment_info", deployment)', "pass", ["c36_events"]),
    Mutant("events", 'if not wanted or event["eventType"] in wanted:', "if True:", ["c36_a_filter"]),
    Mutant("environment", 'f"PORT{index}"', 'f"PORT_{index}"', ["c38"]),
    Mutant("front", "not hmac.compare_digest(given.encode(), self.expected.encode())", "not given", ["c39"]),
    Mutant("health", "known.consecutive_failures >= limit", "known.consecutive_failures + 1 >= limit", ["c21"]),
    Mutant("health", "self.consecutive_failures >= self.check", "self.consecutive_failures > self.check", ["c22"]),
    Mutant("health", "known.first_success is None and now", "False and now", ["c18"]),
    Mutant(
        "monitor",
        'return await probes.http(address, port, check.path or "/", check.timeout_seconds, tls=tls)',
        "return await probes.tcp(address, port, check.timeout_seconds)",
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


@dataclass(frozen=True)
class Outcome:
    """How a run of pytest ended: its exit code, and what it printed."""

    code: int
    text: str

    @property
    def caught(self) -> bool:
        """Tell whether a test failed by itself: what fails around it is an ERROR, with the same exit code."""
        return self.code == 1 and re.search(r"^FAILED ", self.text, re.MULTILINE) is not None


def outcome(tree: Path, *arguments: str) -> Outcome:
    """Run tests in the copy."""
    plugins = ("-p", "fixtures.tiny_image", "-p", "fixtures.standin", "-p", "no:cacheprovider", "-p", "no:xdist")
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
    spoil(tree, mutant)
    found = outcome(tree, *mutant.tests)
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.mutants("stand-in")
@pytest.mark.parametrize("mutant", ON_ENGINE, ids=str)
def test_conformance_items_catch(tree: Path, tiny_image: str, mutant: Mutant) -> None:
    del tiny_image
    spoil(tree, mutant)
    found = outcome(tree, CONFORMANCE, "-k", mutant.tests[0])
    assert found.caught, found.text


@pytest.mark.slow
@pytest.mark.control("stand-in")
def test_the_copy_itself_passes(tree: Path) -> None:
    found = outcome(tree, HEALTH, PLAN, PARTS, DEFINITION, SCHEDULING, RESTART, EVENTS)
    assert found.code == 0, found.text


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.control("stand-in")
def test_the_conformance_items_of_the_copy_itself_pass(tree: Path, tiny_image: str) -> None:
    """Without this a mutant could be caught by what ails the copy."""
    del tiny_image
    items = sorted({f"({mutant.tests[0]})" for mutant in ON_ENGINE})
    found = outcome(tree, CONFORMANCE, "-k", " or ".join(items))
    assert found.code == 0, found.text


def test_an_error_around_a_test_catches_nothing() -> None:
    assert Outcome(1, "FAILED a.py::test - assert 1 == 2\n1 failed").caught
    assert not Outcome(1, "ERROR a.py::test - NotReadyError\n1 error").caught
    assert not Outcome(2, "FAILED a.py::test\n!!! Interrupted").caught


@pytest.mark.parametrize("mutant", PURE + ON_ENGINE, ids=str)
def test_what_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    """A slow test would be late to say that the code has moved on."""
    text = (ROOT / PACKAGE / f"{mutant.module}.py").read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
