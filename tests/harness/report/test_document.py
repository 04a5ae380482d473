"""report.json is complete, versioned and free of secrets, and cannot be changed into another verdict."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.common.plan import Step
from harness.errors import InfrastructureError, UsageError
from harness.report import RunFacts, terminal, write
from harness.report.__main__ import main
from harness.report.document import Document, as_json, load
from harness.verdict import Outcome
from tests.harness.report import examples

VIEWS = ("verdict.txt", "report.html", "junit.xml")


def test_every_file_is_there(example: Document, tmp_path: Path) -> None:
    """`write` must return every file it made, and make none outside of the directory."""
    paths = write(tmp_path / "run", example.facts, example.outcome, example.plan, example.logs)
    assert {path.name for path in paths} >= {*VIEWS, "report.json", "rt-5.0.3.log"}
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(paths)
    assert len(paths) == 4 + len(example.logs)


def test_the_views_come_again_from_the_json(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m harness.report` must make the same files again from report.json and the logs beside it."""
    before = {name: (written / name).read_bytes() for name in VIEWS}
    for name in VIEWS:
        (written / name).unlink()
    assert main([str(written / "report.json")]) == 0
    assert {name: (written / name).read_bytes() for name in VIEWS} == before
    assert before["verdict.txt"].decode() in capsys.readouterr().out


def test_the_terminal_shows_what_the_file_says(example: Document, written: Path) -> None:
    """Terminal and file must not differ, or readers would have to ask which is right."""
    said = terminal(example.facts, example.outcome, example.plan, colour=False)
    assert said == (written / "verdict.txt").read_text(encoding="utf-8")
    coloured = terminal(example.facts, example.outcome, example.plan, colour=True)
    assert "\x1b[" in coloured
    assert "\x1b[" not in said


def test_no_secret_is_written(written: Path) -> None:
    """Passwords occur in URLs and options, and must not be written to any file."""
    for path in written.rglob("*"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        assert "s3cret" not in text
        assert "hunter2" not in text


def test_any_fact_can_be_written() -> None:
    """Facts may be of any type, and an unusual value must not lose the verdict."""
    odd: dict[str, Any] = {
        "path": Path("/x"),
        "set": {2, 1},
        "none": None,
        "nan": float("nan"),
        "bytes": b"\xff",
        "broken": "\udc80",
        "nested": [{"a": ({"b": 1},)}],
        "error": ValueError("x"),
        "AuthTokens": 3,
        "row_changes": "none",
        "timeline": [1, 2],
    }
    text = as_json(Document(RunFacts("run", "pair", facts=odd), Outcome(), Step("gate")))
    found = json.loads(text.encode("utf-8", "backslashreplace"))["run"]["facts"]
    assert (found["path"], found["set"], found["nan"], found["AuthTokens"]) == ("/x", [1, 2], "nan", 3)


def test_odd_facts_and_bytes_can_be_shown(tmp_path: Path) -> None:
    """A log with invalid text, facts of unexpected shape and an empty plan must still give a complete report."""
    facts = RunFacts("run", "pair", facts={"row_changes": "none", "timeline": [1, 2], "x": {"y": {"z": "\udc80"}}})
    write(tmp_path, facts, Outcome(), Step("gate"), {"a/b": "\udcff\x00", "a-b": "other"})
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["a-b-2.log", "a-b.log"]
    assert load(tmp_path / "report.json").outcome.verdict().value == "NOT PROVEN"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 99}, "has schema 99"),
        ({"verdict": "GO"}, "says GO, but what it holds adds up to NO-GO"),
        ({"plan": {}}, "is damaged"),
        ({"outcome": None}, "is damaged"),
        ({"run": {"id": "x"}}, "is damaged"),
    ],
)
def test_a_changed_report_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    """A report that contradicts itself must not be rendered; it exits with 3."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**json.loads(as_json(examples.no_go())), **change}), encoding="utf-8")
    assert main([str(path)]) == 3
    assert said in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "\x00"])
def test_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is no report must give a one-sentence usage error."""
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(UsageError, match="is not a report of this harness"):
        load(tmp_path / "report.json")


def test_wrong_usage_ends_with_three() -> None:
    """The exit code of wrong usage must be 3 in every command."""
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 3


def test_a_place_that_cannot_be_written_is_infrastructure(tmp_path: Path) -> None:
    """A directory that cannot be written must give one sentence and exit code 2, not a traceback."""
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        write(tmp_path / "run", RunFacts("run", "pair"), Outcome(), Step("gate"), {})


@pytest.mark.parametrize("name", ["nope", "folder"])
def test_a_report_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A mistyped folder must be named with what to do, without the words of a library."""
    (tmp_path / "folder").mkdir()
    assert main([str(tmp_path / name)]) == UsageError.exit_code
    said = capsys.readouterr().err
    assert f"The report {tmp_path / name}" in said
    assert "cannot be read: No such file or directory.\nWhat to do: name a folder reports/<run>" in said
    assert "Errno" not in said
