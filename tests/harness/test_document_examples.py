"""Examples in the documents work, because people copy them."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from docker import DockerClient

from harness import releases
from harness.dump.choice import choose
from harness.releases import ROOT
from harness.report import acceptance
from harness.rt.configuration import Configuration
from harness.stage import Stage, questions
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.documents import TEXTS, each

CHECK = TEXTS[ROOT / "docs" / "add-a-check.md"]
WORDS = re.compile(r"self\.\w+")


@each
def test_python_in_a_document_is_python(path: Path) -> None:
    """Whole modules are executed, so that their imports are checked; fragments are only compiled."""
    for block in re.findall(r"^```python\n(.*?)^```", TEXTS[path], re.MULTILINE | re.DOTALL):
        if block.startswith('"""'):
            exec(compile(block, path.name, "exec"), {"__name__": "example"})  # noqa: S102 - our own document
        else:
            compile(
                re.sub(r"(?m)^ {4}(?=    |def |\"\"\")", "", block) if block[0] == " " else block,
                path.name,
                "exec",
            )


def test_the_example_of_an_acceptance_is_one(tmp_path: Path) -> None:
    """People copy the example, so it must be a valid acceptance."""
    text = TEXTS[ROOT / "docs" / "verdict.md"]
    example = re.search(r"(?m)^    \[\[accept\]\]\n(?:    .*\n)+", text)
    assert example
    file = tmp_path / "accepted.toml"
    file.write_text(re.sub(r"(?m)^    ", "", example[0]), encoding="utf-8")
    (entry,) = acceptance.load(file)
    assert entry.check == "schema"


def test_the_example_of_a_release_is_one(tmp_path: Path) -> None:
    """Rows that do not parse would be noticed only when a release is added."""
    text = TEXTS[ROOT / "docs" / "add-a-release.md"]
    blocks = re.findall(r"(?m)((?:^ {4,7}(?:\[|\w+ = ).*\n)+)", text)
    rows = "\n".join(re.sub(r"(?m)^ +", "", block) for block in blocks)
    file = tmp_path / "releases.toml"
    file.write_text(releases.MANIFEST.read_text(encoding="utf-8") + "\n" + rows, encoding="utf-8")
    assert tomllib.loads(rows).keys() == {"release", "suite", "server"}
    assert "5.0.11" in releases.releases(file)
    assert "mariadb-12.2" in releases.servers(file)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return a stage with nothing started, whose upgrade is not forbidden."""
    made = Stage(Lifecycle(DockerClient.__new__(DockerClient), Configuration()), choose())
    monkeypatch.setattr(made, "refusal", lambda: None)
    return made


def missing_parts(text: str, stage: Stage) -> list[str]:
    """Return the attributes of a stage and its parts that a text names but that do not exist."""
    roots = {
        "self": stage,
        "Stage": stage,
        "sides": stage.sides,
        "old_side": stage.old_side,
        "questions": questions,
    }
    found = []
    for root, rest in re.findall(rf"(?<![\w./])({'|'.join(roots)})((?:\.\w+)+)", text):
        part: object = roots[root]
        for name in rest[1:].split("."):
            if name in {"parentage", "py"}:  # the example's new check, and the extension of a file name
                break
            if not hasattr(part, name):
                found.append(f"{root}{rest}")
                break
            part = getattr(part, name)
    return found


def test_what_is_named_of_a_stage_is_there(stage: Stage) -> None:
    """The page is the only introduction to a package of six modules, and may be outdated after a change."""
    assert missing_parts(CHECK, stage) == []
    assert len(re.findall(r"\bsides\.\w+", CHECK)) > 5


def test_a_part_that_is_missing_is_noticed(stage: Stage) -> None:
    """Missing parts of each kind and depth must be detected, and existing ones not."""
    named = (
        "`sides.gone()` self.after() sides.fact_cache.fact sides.fact_cache.gone old_side.gone questions.py "
        "questions.rows"
    )
    gone = ["sides.gone", "self.after", "sides.fact_cache.gone", "old_side.gone"]
    assert missing_parts(named, stage) == gone


def block(beginning: str) -> str:
    """Return the code block of the page about checks that begins with this text."""
    [found] = [one for one in re.findall(r"(?ms)^```python\n(.*?)^```", CHECK) if one.startswith(beginning)]
    return str(found)


def defined(code: str, **known: Any) -> Callable[..., Report]:
    """Return the function defined by an example, with these names known.

    A method is put into a class of its own.
    """
    head = "from __future__ import annotations\n" + ("class Example:\n" if code[0] == " " else "")
    space: dict[str, Any] = {**known}
    exec(compile(head + code, "add-a-check.md", "exec"), space)  # noqa: S102 - our own document
    made: Callable[..., Report] = space["Example"].parentage if code[0] == " " else space["parentage"]
    return made


def test_the_example_of_a_check_is_asked_of_a_stage(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all three pieces in place the check must report on the upgraded copy, once."""
    check = ModuleType("parentage")
    exec(compile(block('"""Does every'), "add-a-check.md", "exec"), vars(check))  # noqa: S102 - our own document
    asked: list[str] = []

    def rows(sql: str) -> list[tuple[int]]:
        asked.append(sql)
        return [(7,)]

    monkeypatch.setattr(stage._copies, "need", lambda _: None)
    monkeypatch.setattr(stage.sides, "after", lambda: SimpleNamespace(value=lambda _: 3, rows=rows))
    question = defined(block("def parentage(sides"), parentage_check=check)
    known = SimpleNamespace(parentage=question)
    method = defined(block("    def parentage(self"), parentage=check, questions=known)
    report = method(stage)
    assert (report.check, report.looked_at, len(report.findings)) == ("parentage", 3, 1)
    assert method(stage) is report
    assert len(asked) == 1


def test_every_place_of_the_stage_that_lists_checks_is_named() -> None:
    """A check that is missing from one of these lists would read the database while another one writes to it."""
    every = {name: inspect.getsource(one) for name, one in vars(Stage).items() if inspect.isfunction(one)}
    lists = sorted(
        name for name, source in every.items() if {"self.rows", "self.schema"} <= {*WORDS.findall(source)}
    )
    assert lists == ["conduct", "read_everything"]
    assert [name for name in lists if f"`Stage.{name}`" not in CHECK] == []
