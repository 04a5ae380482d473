"""What a test's result depends on is never less than what it can reach."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.inputs import DOCUMENTS, Inputs
from harness.releases import ROOT

FILES = {
    "conftest.py": "",
    "README.md": "words",
    "Makefile": "all:",
    "docs/a.md": "more words",
    "image/run": "#!/bin/sh",
    "fixtures/__init__.py": "",
    "fixtures/plugin.py": "",
    "fixtures/durations.json": "{}",
    "fixtures/gate.py": "import harness.alone",
    "tests/test_typed.py": "if TYPE_CHECKING:\n    import harness.alone\nelse:\n    import harness.other",
    "harness/prose.py": "SAY = 'see tests/test_nothing.py and README.md'",
    "tests/test_prose.py": "import harness.prose",
    "harness/__init__.py": "",
    "harness/alone.py": "NAME = 'a'",
    "harness/deep/__init__.py": "'''Says nothing of `harness.alone`.'''",
    "harness/deep/part.py": "def late():\n    from harness import alone",
    "harness/deep/__main__.py": "import harness.other",
    "harness/other.py": "",
    "harness/query.pl": "1;",
    "tests/__init__.py": "",
    "tests/test_imports.py": "from harness.deep import part",
    "tests/test_package.py": "from harness import deep",
    "tests/test_command.py": "RUN = ['-m', 'harness.deep']",
    "tests/test_gate.py": "RUN = './gate'",
    "tests/upgrade/test_asked.py": "",
    "tests/test_by_path.py": "RUN = ['tests/test_nothing.py::test_it', 'tests/upgrade']",
    "tests/test_make.py": "RUN = ['make', 'it']",
    "tests/test_put_together.py": "def name(part): return f'harness.deep.{part}'",
    "tests/test_documents.py": "PAGE = 'README.md'",
    "tests/test_nothing.py": "'''Beside harness.alone, README.md and gate.'''",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the root of a small project."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("test", "reached"),
    [
        ("nothing", set()),
        ("package", {"harness", "harness.deep"}),
        ("imports", {"harness", "harness.deep", "harness.deep.part", "harness.alone"}),
        ("command", {"harness", "harness.deep", "harness.deep.__main__", "harness.other"}),
        (
            "gate",
            {"harness", "harness.alone", "fixtures", "fixtures.gate", "tests.upgrade.test_asked"},
        ),
        ("prose", {"harness", "harness.prose"}),
        ("typed", {"harness", "harness.other"}),
        ("by_path", {"tests.test_nothing", "tests.upgrade.test_asked"}),
        ("documents", {DOCUMENTS}),
        (
            "put_together",
            {
                "harness",
                "harness.deep",
                "harness.deep.part",
                "harness.deep.__main__",
                "harness.alone",
                "harness.other",
            },
        ),
    ],
)
def test_a_module_reaches_what_it_names(project: Path, test: str, reached: set[str]) -> None:
    """A docstring names things for people; every other string may be a command's word."""
    assert Inputs(project).closure([f"tests.test_{test}"]) == reached | {"tests", f"tests.test_{test}"}


def test_make_may_run_anything(project: Path) -> None:
    """Its targets are in no language that this could read."""
    inputs = Inputs(project)
    wanted = {name for name in inputs.paths if name.startswith(("harness", "fixtures"))}
    assert inputs.closure(["tests.test_make"]) >= wanted | {DOCUMENTS}


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        ("harness/alone.py", {"imports", "put_together", "gate", "make"}),
        ("harness/other.py", {"command", "put_together", "make", "typed"}),
        ("harness/deep/part.py", {"imports", "put_together", "make"}),
        ("tests/test_nothing.py", {"nothing", "by_path"}),
        ("tests/upgrade/test_asked.py", {"asked", "by_path", "gate", "make"}),
        ("README.md", {"documents", "make"}),
        ("docs/a.md", {"documents", "make"}),
        ("docs/new.md", {"documents", "make"}),
    ],
)
def test_a_change_is_seen_by_what_reaches_it(project: Path, changed: str, affected: set[str]) -> None:
    """Every other test keeps its digest."""
    before, common = Inputs(project).digests(), Inputs(project).common
    (project / changed).write_text("'changed'")
    after = Inputs(project)
    differing = {name for name in before if before[name] != after.digests()[name] and ".test_" in name}
    assert {name.rpartition(".test_")[2] for name in differing} == affected
    assert after.common == common


@pytest.mark.parametrize(
    "changed",
    [
        "Makefile",
        "conftest.py",
        "image/run",
        "harness/query.pl",
        "fixtures/plugin.py",
        "image/new",
        "tests/data.toml",
    ],
)
def test_other_files_count_for_every_test(project: Path, changed: str) -> None:
    """No import leads to a Dockerfile, and a plugin's hooks are called for every test."""
    before = Inputs(project).common
    (project / changed).write_text("changed")
    assert Inputs(project).common != before


def test_the_order_of_tests_does_not_count(project: Path) -> None:
    """Each full run may note other durations."""
    before = Inputs(project).common
    (project / "fixtures" / "durations.json").write_text('{"a": 1.0}')
    assert Inputs(project).common == before


@pytest.fixture(scope="module")
def whole_project() -> Inputs:
    """Read the project itself."""
    return Inputs(ROOT)


@pytest.mark.parametrize(
    "module",
    [
        "tests.harness.gate.test_gate_ends",
        "tests.harness.checks.test_application_mutants",
        "tests.deploy.test_rt_kills",
        "tests.smoke.test_healthcheck",
        "tests.upgrade.test_upgrade",
        "fixtures.stage",
        "fixtures.standin",
    ],
)
def test_what_python_loads_is_reached(whole_project: Inputs, module: str) -> None:
    """Python itself tells which modules of the project an import brings in."""
    program = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split()) & whole_project.paths.keys()
    assert module in loaded
    assert loaded <= whole_project.closure([module])


def test_a_gate_reaches_the_tests_that_it_runs(whole_project: Inputs) -> None:
    """Otherwise the test of the main job would be left out after one of them has changed."""
    reached = whole_project.closure(["tests.harness.gate.test_gate_ends"])
    assert {"tests.upgrade.test_upgrade", "tests.deploy.test_upgraded_site", "fixtures.gate_plugin"} <= reached


def test_what_is_around_every_test_reaches_little(whole_project: Inputs) -> None:
    """Otherwise hardly a test would ever be left out."""
    reached = whole_project.closure(["tests.conftest", "tests.harness.conftest", "tests.harness.other_session"])
    assert DOCUMENTS not in reached
    assert not {name for name in reached if ".test_" in name or name.startswith("harness.checks.")}
