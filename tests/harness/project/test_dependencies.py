"""Every imported library is declared: one that another library happens to install may be missing later."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from harness.releases import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = ("harness", "fixtures", "tests", "benchmarks", "docs")
NOT_IMPORTED = {
    "pytest-timeout": "pytest.ini gives every test a limit",
    "mypy": "make lint",
    "ruff": "make lint",
    "pip-tools": "makes requirements.lock",
    "types-docker": "for mypy",
    "types-pymysql": "for mypy",
    "types-requests": "for mypy",
}
"""Declared for another reason than an import."""


def plain(name: str) -> str:
    """Return a distribution's name in its normalised form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def top_names(source: str) -> set[str]:
    """Return the first part of every imported module's name, including imports within functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def imported(*folders: str) -> set[str]:
    """Return the distributions that are imported below these directories."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    names = set().union(*(top_names(path.read_text(encoding="utf-8")) for path in paths))
    known = packages_distributions()
    foreign = names - {*sys.stdlib_module_names, *OWN}
    return {plain(distribution) for name in foreign for distribution in known[name]}


def declared(*, dev: bool) -> set[str]:
    """Return the distributions declared for all users, or those for developers only."""
    found = PROJECT["optional-dependencies"]["dev"] if dev else PROJECT["dependencies"]
    return {plain(re.split(r"[^\w.-]", one)[0]) for one in found}


def test_all_that_is_imported_is_declared_and_nothing_else() -> None:
    """Tests may use developers' dependencies, all other code may not."""
    used = imported("harness", "fixtures", "benchmarks")
    assert declared(dev=False) - set(NOT_IMPORTED) == used
    assert declared(dev=True) - set(NOT_IMPORTED) == imported("tests") - declared(dev=False)


def test_reasons_are_for_what_is_declared() -> None:
    """A reason for a dependency that is gone, or that is imported after all, is misleading."""
    assert set(NOT_IMPORTED) <= declared(dev=False) | declared(dev=True)
    assert not set(NOT_IMPORTED) & imported(*OWN)


@pytest.mark.parametrize("dev", [False, True])
def test_the_lock_knows_what_is_declared(dev: bool) -> None:
    """The lock must give a reason for each dependency, and no download address."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = {
        plain(entry.partition("==")[0])
        for entry in re.split(r"\n(?=\S+==)", lock)[1:]
        if "(pyproject.toml)" in entry
    }
    assert declared(dev=dev) <= entries
    assert entries == declared(dev=False) | declared(dev=True)
    assert "://" not in lock


def test_what_is_imported_is_seen() -> None:
    """Imports within functions must be found as well."""
    assert top_names("def work():\n    from a.b import c\nimport d.e as f\nfrom . import g") == {"a", "d"}
