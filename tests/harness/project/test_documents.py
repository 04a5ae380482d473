"""The documents name only files, sections, make targets, options, variables and checks that exist."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from fixtures import gate_command
from harness import dump
from harness.checks.application.nightly_jobs import JOBS, MORE_JOBS
from harness.releases import ROOT
from harness.stage import QUESTIONS
from harness.upgrade import lifecycle
from tests.harness.project.documents import TEXTS, each

INVENTED = re.compile(r"parentage|5\.0\.11|rt-5\.0\.10-|[<>*{}]|\.\.\.")
"""Names that the how-tos invent as examples, and placeholders."""
TOP = "benchmarks|docs|fixtures|harness|image|tests"
WIDTH = 125
WORDS = "pair lifecycle stand-in vacuous soak dump baseline clone check verdict gate server control"
WRITTEN = [path for path in TEXTS if path.name != "traps.md"]
"""The documents that people write; `python -m harness.traps` writes the other one, a line for each fact."""


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, generated as a viewer does."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(path: Path, text: str) -> list[str]:
    """Return the relative links whose file or section does not exist."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, section = target.partition("#")
        if "://" in name:
            continue
        file = (path.parent / name) if name else path
        if not file.exists() or (section and section not in anchors(file)):
            broken.append(target)
    return broken


def missing_files(text: str) -> list[str]:
    """Return the paths of this repository that are named as code and do not exist."""
    named = re.findall(rf"(?<![\w./-])((?:{TOP})/[\w./*<>{{}}-]+[\w/])", text)
    return [name for name in named if not INVENTED.search(name) and not (ROOT / name).exists()]


def missing_dumps(text: str) -> list[str]:
    """Return the bundled dumps that are named and do not exist."""
    named = sorted({*re.findall(r"(?<![\w-])rt-\d+\.\d+\.\d+-[a-z]+", text)})
    return [name for name in named if not INVENTED.search(name) and not (dump.FOLDER / f"{name}.sql.zst").exists()]


def commands(text: str) -> str:
    """Return the parts of a document that are code."""
    fenced = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"^ {4}.*$", rest, re.MULTILINE), *re.findall(r"`[^`\n]+`", rest)])


@each
def test_links_lead_somewhere(path: Path) -> None:
    """A reader who does not know RT depends on the links."""
    assert not broken_links(path, TEXTS[path])


@each
def test_files_that_are_named_exist(path: Path) -> None:
    """Files are moved, and the documents must be updated with them."""
    assert not missing_files(TEXTS[path])


def long_lines(text: str) -> list[int]:
    """Return the numbers of the lines of prose that are too long; tables and code cannot be wrapped."""
    prose = re.sub(r"(?ms)^```.*?^```", lambda code: "\n" * code[0].count("\n"), text).split("\n")
    return [
        number
        for number, line in enumerate(prose, 1)
        if len(line) > WIDTH and not line.lstrip().startswith("|") and not line.startswith("    ")
    ]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_wrapped(path: Path) -> None:
    """A change in a line that is a whole paragraph cannot be reviewed."""
    assert long_lines(TEXTS[path]) == []


def test_a_long_line_is_noticed() -> None:
    """The check itself must detect a long line of prose, and no table or code."""
    long = "word " * 30
    assert long_lines(f"{long}\n| {long}|\n    {long}\n```python\n{long}\n```\n- {long}\n") == [1, 7]


@each
def test_dumps_that_are_named_exist(path: Path) -> None:
    """A reader must find every dump that a document suggests; a recipe whose dump was never made is not enough."""
    assert not missing_dumps(TEXTS[path])


def test_a_missing_dump_is_noticed() -> None:
    """The check itself must detect a missing dump, and accept an existing one."""
    assert missing_dumps("`rt-4.4.6-campus` or the dump rt-4.4.6-gone.sql.zst") == ["rt-4.4.6-gone"]


@pytest.mark.parametrize("text", ["[a](gone.md)", "[a](verdict.md#gone)", "[a](#gone)"])
def test_a_broken_link_is_noticed(text: str) -> None:
    """The check itself must detect a broken link, or it would not count."""
    assert broken_links(ROOT / "docs" / "options.md", text)


@pytest.mark.parametrize(
    "text", ["`harness/gone.py`", "see tests/gone/ there", "    python harness/setup/gone.sh"]
)
def test_a_missing_file_is_noticed(text: str) -> None:
    """The check itself must detect a missing file."""
    assert missing_files(text)


def test_make_targets_that_are_named_exist() -> None:
    """make itself is asked, in a mode that only prints the commands."""
    code = "\n".join(commands(text) for text in TEXTS.values())
    named = sorted({*re.findall(r"(?m)(?:^|`|[;&] *|\s{2,})make ((?:[a-z]+-?)+)\b(?!\.)", code)})
    alone = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-n", *named], cwd=ROOT, env=alone, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"gate", "test", "distclean", "engine-stop"} <= {*named}


def test_every_planted_defect_is_in_the_table() -> None:
    """A defect missing in `make mutants` may go undetected without being noticed in the table."""
    alone = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    said = subprocess.run(
        ["make", "-n", "mutants"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    )
    named = {ROOT / one for one in re.findall(r"\btests/\S+", said.stdout)}
    told = re.compile(r"^@?\w*.*mark\.(?:mutants|control)\(|\btally: Tally\b", re.MULTILINE)
    planted = [path for path in (ROOT / "tests").rglob("*.py") if told.search(path.read_text(encoding="utf-8"))]
    assert sorted(one for one in planted if not {one, *one.parents} & named) == []
    assert len(planted) > 20


def test_whoever_deploys_is_told_of_every_job_that_no_instance_runs() -> None:
    """The image has no cron, and unsent dashboards and digests would be noticed only weeks later."""
    text = TEXTS[ROOT / "docs" / "marathon.md"].partition("## Make it yours")[2].partition("\n## ")[0]
    assert [job[0] for job in (*JOBS, *MORE_JOBS) if job[0] not in text] == []
    assert "/etc/cron.d/request-tracker*" in (ROOT / "image" / "rt" / "Dockerfile").read_text(encoding="utf-8")


def test_modules_that_are_named_can_be_run() -> None:
    """Every `python -m harness.something` in the documents must be a module."""
    named = {
        name for text in TEXTS.values() for name in re.findall(r"python -m ((?:harness|fixtures)[\w.]*\w)", text)
    }
    for name in named:
        path = ROOT / name.replace(".", "/")
        assert (path / "__main__.py").exists() or "__main__" in path.with_suffix(".py").read_text(encoding="utf-8")
    assert len(named) > 5


def test_every_option_of_the_gate_is_explained() -> None:
    """Every option of the gate must be in docs/options.md."""
    text = TEXTS[ROOT / "docs" / "options.md"]
    options = [
        word for action in gate_command.parser()._actions for word in action.option_strings if word[:3] != "--h"
    ]
    assert [word for word in options if word.startswith("--") and word not in text] == []


def test_every_variable_is_explained() -> None:
    """A variable must be documented, or users cannot know of it."""
    text = TEXTS[ROOT / "docs" / "options.md"]
    sources = [*(ROOT / "harness").rglob("*.py"), *(ROOT / "fixtures").rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    read = r'(?:environ(?:\.get\(|\[)|environment(?:\.get\(|\[)|VARIABLE = )"([A-Z_]+)"'
    found = {*re.findall(read, code)} - {"PATH", "TESTCONTAINERS_RYUK_DISABLED"}
    assert {"RT_HARNESS_CACHE", "DOCKER_HOST", "MARATHON_TOKEN"} <= found
    assert sorted(name for name in found if name not in text) == []


def checks() -> set[str]:
    """Return the names of all checks in the harness that make a report, and of those that the gate promises."""
    found: set[str] = set()
    for path in (ROOT / "harness").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "mutants" in path.parts or not re.search(r"import .*\bReport\b", source):
            continue
        found |= {*re.findall(r'(?m)^CHECK = "([\w -]+)"', source)}
        found |= {*re.findall(r'\bReport\(\s*"([\w -]+)"', source)}
    for path in [*(ROOT / "tests" / "upgrade").glob("*.py"), *(ROOT / "tests" / "deploy").glob("*.py")]:
        found |= {*re.findall(r"mark\.gate\(\"([\w -]+)\"\)", path.read_text(encoding="utf-8"))}
    return found


def test_every_check_has_its_section() -> None:
    """Users look up the check of a finding, whether it is one of the gate's or another one."""
    sections = {*re.findall(r"^### (.*)$", TEXTS[ROOT / "docs" / "verdict.md"], re.MULTILINE)}
    found = checks()
    assert {"rows", "marathon-deploy", "rollback", "killed", "time", "image"} <= found
    assert sorted(found - sections) == []


def test_the_commands_for_a_dump_of_ones_own_name_tests_that_take_one() -> None:
    """A test that ignores --dump would answer for a bundled dump, and nobody would notice."""
    asked = re.findall(r"^    ask (tests/\S+)", TEXTS[ROOT / "docs" / "verdict.md"], re.MULTILINE)
    assert len(asked) > 2
    for name in asked:
        source = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(r"\b(?:longest_upgrade|killing): |choice_of\(", source), f"{name} never looks at --dump"


def test_every_check_of_the_gate_says_what_it_asks_finds_and_leaves() -> None:
    """A user with a finding should have to read one line, not a page."""
    text = TEXTS[ROOT / "docs" / "verdict.md"]
    part = text.partition("\n## The checks\n")[2].partition("\n## ")[0]
    names = re.findall(r"(?m)^### (.*)$", part)
    assert names == [*QUESTIONS, "marathon-deploy"]
    for name, section in zip(names, re.split(r"(?m)^### .*$", part)[1:], strict=True):
        for entry in ("Asks", "Finds", "What to do", "Not covered"):
            assert f"\n- **{entry}**" in section, f"{name} has no entry {entry}"


def test_the_room_is_that_of_the_code() -> None:
    """The formula must be in one place, as in the gate: the restored dump, its copies, the largest table."""
    assert f"\n    {1 + lifecycle.COPIES} x D + L " in TEXTS[ROOT / "docs" / "add-a-dump.md"]
    more = 2 * (1 + lifecycle.COPIES_WITH_ANOTHER) - 1 - lifecycle.COPIES
    assert f"\n    + {more} x D " in TEXTS[ROOT / "docs" / "add-a-dump.md"]
    elsewhere = r"(?i)\btimes the (?:size of the database|plain SQL)"
    assert [path.name for path, text in TEXTS.items() if re.search(elsewhere, text)] == []


@pytest.mark.parametrize("word", WORDS.split())
def test_words_of_our_own_are_explained(word: str) -> None:
    """The first section of the README must link to the explanations."""
    assert f"\n| {word} | " in TEXTS[ROOT / "docs" / "words.md"]
    assert "(docs/words.md)" in TEXTS[ROOT / "README.md"].partition("\n## ")[0]
