"""What is declared is what is imported: a library that only comes along with another may stop doing so."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from harness.releases import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = ("harness", "fixtures", "tests", "benchmarks")
NOT_IMPORTED = {
    "pytest-timeout": "pytest.ini gives every test a limit",
    "mypy": "make lint",
    "ruff": "make lint",
    "pip-tools": "makes requirements.lock",
    "types-docker": "for mypy",
    "types-pymysql": "for mypy",
    "types-requests": "for mypy",
}
"""What is declared for another reason than an import."""


def plain(name: str) -> str:
    """Return a distribution's name in the one form that stands for all of its spellings (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def top_names(source: str) -> set[str]:
    """Return the first part of every module that is imported, also within functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def imported(*folders: str) -> set[str]:
    """Return the distributions that are imported below these folders."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    names = set().union(*(top_names(path.read_text(encoding="utf-8")) for path in paths))
    known = packages_distributions()
    foreign = names - {*sys.stdlib_module_names, *OWN}
    return {plain(distribution) for name in foreign for distribution in known[name]}


def declared(*, dev: bool) -> set[str]:
    """Return the distributions that are declared for all, or those that are for developers alone."""
    found = PROJECT["optional-dependencies"]["dev"] if dev else PROJECT["dependencies"]
    return {plain(re.split(r"[^\w.-]", one)[0]) for one in found}


def test_all_that_is_imported_is_declared_and_nothing_else() -> None:
    """Tests may use what only developers have, everything else may not."""
    used = imported("harness", "fixtures", "benchmarks")
    assert declared(dev=False) - set(NOT_IMPORTED) == used
    assert declared(dev=True) - set(NOT_IMPORTED) == imported("tests") - declared(dev=False)


def test_reasons_are_for_what_is_declared() -> None:
    """A reason for what is gone, or is imported after all, misleads."""
    assert set(NOT_IMPORTED) <= declared(dev=False) | declared(dev=True)
    assert not set(NOT_IMPORTED) & imported(*OWN)


@pytest.mark.parametrize("dev", [False, True])
def test_the_lock_knows_what_is_declared(dev: bool) -> None:
    """Each of them with the reason why it is there; and no address of where somebody got it."""
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
    """Also where a function imports it."""
    assert top_names("def work():\n    from a.b import c\nimport d.e as f\nfrom . import g") == {"a", "d"}
