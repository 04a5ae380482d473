"""Examples in the documents work, because people copy them."""

from __future__ import annotations

import inspect
import re
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from docker import DockerClient

from docs.examples import parentage, question
from docs.examples.mutants import MUTANTS
from fixtures.databases import CloneFactory
from harness import releases
from harness.dump.choice import choose
from harness.releases import ROOT
from harness.report import acceptance
from harness.rt.configuration import Configuration
from harness.stage import Scope, Stage, questions
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.mutants import Mutant
from tests.harness.project.documents import TEXTS, each

PAGE = ROOT / "docs" / "add-a-check.md"
CHECK = TEXTS[PAGE]
WORDS = re.compile(r"self\.\w+")
BLOCK = re.compile(r"(?ms)^```python\n(.*?)^```")


def strange_blocks(path: Path, text: str) -> list[str]:
    """Return the first lines of Python blocks that are not in the file to which the last link before leads."""
    strange = []
    for found in BLOCK.finditer(text):
        links = re.findall(r"\]\(([^)\s#]+\.py)\)", text[: found.start()])
        if not links or found[1] not in (path.parent / links[-1]).read_text(encoding="utf-8"):
            strange.append(found[1].partition("\n")[0])
    return strange


@each
def test_python_in_a_document_is_an_excerpt_of_a_file(path: Path) -> None:
    """Files are linted, type-checked and run; text that only looks like them may be outdated."""
    assert strange_blocks(path, TEXTS[path]) == []


def test_a_changed_excerpt_is_noticed() -> None:
    """The check itself must detect a changed excerpt, and one that belongs to no file."""
    assert len(BLOCK.findall(CHECK)) == 4
    assert strange_blocks(PAGE, CHECK.replace("int(after.value(", "float(after.value(")) == [
        '"""Does every attachment belong to a transaction that exists?"""'
    ]
    assert strange_blocks(PAGE, "```python\nimport re\n```\n") == ["import re"]


@pytest.mark.engine
def test_the_example_of_a_check_finds_nothing_after_a_good_upgrade(lifecycle: Lifecycle) -> None:
    """A false alarm in the example would be copied."""
    with closing(Stage(lifecycle, choose(), scope=Scope(validates=False))) as stage:
        report = question.parentage(stage.sides)
    assert report
    assert report.looked_at > 100


@pytest.mark.engine
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_example_of_a_check_finds_its_mutants(
    lifecycle: Lifecycle, clone: CloneFactory, mutant: Mutant
) -> None:
    """An example of a defect that is not found would teach the wrong thing."""
    choice = choose()
    database = clone(lifecycle.upgraded(choice.pair, choice.dump)[0])
    database.execute(*mutant.statements)
    assert len(parentage.check(database).findings) == 1


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
def stage() -> Stage:
    """Return a stage with nothing started."""
    return Stage(Lifecycle(DockerClient.__new__(DockerClient), Configuration()), choose())


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
    """The page is the only introduction to a package of many modules, and may be outdated after a change."""
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


def test_every_place_of_the_stage_that_lists_checks_is_named() -> None:
    """A check that is missing from one of these lists would read the database while another one writes to it."""
    every = {name: inspect.getsource(one) for name, one in vars(Stage).items() if inspect.isfunction(one)}
    lists = sorted(
        name for name, source in every.items() if {"self.rows", "self.schema"} <= {*WORDS.findall(source)}
    )
    assert lists == ["conduct", "read_everything"]
    assert [name for name in lists if f"`Stage.{name}`" not in CHECK] == []
