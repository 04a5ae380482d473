"""Every finding of every check has a repair: its own, or else its check's."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checks import repeated
from harness.common.plan import Step
from harness.marathon.lint import catalogue
from harness.releases import ROOT
from harness.report import RunFacts
from harness.report.document import Document
from harness.report.html import as_html
from harness.report.junit import as_junit
from harness.report.text import as_text
from harness.verdict import Outcome, Report

WORDS = {"harness/verdict.py", "harness/report/document.py"}
"""Modules that only read reports and findings back."""
SOURCES = [path for path in sorted((ROOT / "harness").rglob("*.py")) if str(path.relative_to(ROOT)) not in WORDS]


def made(path: Path, source: str) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield each Report and Finding made in a source: its position, and its repair, None without."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("Report", "Finding")
        ):
            said = [one.value for one in node.keywords if one.arg == "repair"]
            yield f"{path.parent.name}/{path.name}:{node.lineno}", said[0] if said else None


@functools.cache  # not at import: each worker collects these tests, and one of them runs them
def all_made() -> list[tuple[Path, str, ast.expr | None]]:
    """Return each Report and Finding made in the harness: its file, position and repair."""
    return [(path, *one) for path in SOURCES for one in made(path, path.read_text(encoding="utf-8"))]


def test_no_report_is_made_without() -> None:
    """Users with a finding need to know what to do; it is the last line of the finding."""
    assert len(all_made()) > 20
    assert [place for _, place, said in all_made() if said is None] == []


@functools.cache
def defaults() -> dict[str, str]:
    """Return the repair of each check, by module and name."""
    found = {"repeated.REPAIR": repeated.REPAIR}  # repeated uses the report of rows
    for path, _, said in all_made():
        if isinstance(said, ast.Name | ast.Attribute) and "REPAIR" in ast.unparse(said):
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            name = path.parent.name if path.name == "__init__.py" else path.stem
            found[f"{name}.{ast.unparse(said)}"] = str(eval(ast.unparse(said), vars(module)))  # noqa: S307
    return found


def test_all_checks_have_one() -> None:
    """All checks must be covered, those of the gate and the others."""
    names = {name.partition(".")[0] for name in defaults()}
    gate = {"preflight", "run", "history", "schema", "rows", "integrity", "meaning", "application", "deploy"}
    beside = {
        "rollback",
        "interrupted_upgrade",
        "repeated",
        "paths",
        "downtime",
        "image",
        "layers",
        "acknowledged",
        "exchanges",
        "stopall",
        "visitor",
    }
    assert names == gate | beside


def test_it_is_one_short_thing_to_do() -> None:
    """The repair must be an instruction that every user can follow, as there is no support to contact."""
    for name, said in defaults().items():
        assert 20 < len(said) <= 120, name
        assert said[0].islower(), name
        assert not said.endswith("."), name
        assert not any(word in said.lower() for word in ("contact", "support", "please", "should")), name


def test_a_finding_shows_it_everywhere() -> None:
    """Every output format that people read must show the repair."""
    for said in defaults().values():
        assert_shown(said)


def assert_shown(said: str) -> None:
    """Assert that the text, the page, JUnit's file and the report show a repair."""
    report = Report("rows", "?", looked_at=3, repair=said)
    report.find("Tickets", "1 of 3 rows removed")
    report.find("Tickets", "none is known", repair="")
    report.find("Tickets", "a better one is known", repair="ALTER TABLE Tickets ENGINE = InnoDB;")
    document = Document(RunFacts("run", "pair"), Outcome([report]), Step("gate"))
    for text in (str(report), as_text(document), as_html(document).replace("&#39;", "'"), as_junit(document)):
        assert (text.count("What to do"), text.count(said)) == (3, 2)
    assert "ENGINE = InnoDB" in str(report)


def test_every_rule_of_lint_says_it() -> None:
    """Errors of lint rules become findings of a deploy."""
    assert [rule.id for rule in catalogue.RULES.values() if not rule.fix] == []


@pytest.mark.parametrize("source", ['Report("x", "?")', 'x = [Finding("x", "here", "it is gone")]'])
def test_one_without_is_noticed(source: str) -> None:
    """This check itself must detect a missing repair, or it would not count."""
    assert [said for _, said in made(Path("x.py"), source)] == [None]
