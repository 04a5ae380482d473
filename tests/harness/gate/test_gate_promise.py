"""A GO requires every promised check, whatever the user's environment sets for pytest."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fixtures import gate, gate_command
from fixtures.gate_plugin import REPORT_PROPERTY
from fixtures.killing import LATEST
from harness import dump, end_of_run
from harness.verdict import Report, Verdict

pytest_plugins = ("pytester",)
GO, NOT_PROVEN = Verdict.GO.exit_code, Verdict.NOT_PROVEN.exit_code
TEST = """
@pytest.mark.gate({check!r})
def test_of_{number}(record_property): record_property({property!r}, {report!r})
"""
Judge = Callable[..., int]


@pytest.fixture
def judge(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Judge:
    """Return a gate, without an engine, whose tests submit a clean report each; takes further pytest arguments."""
    text = "import pytest\n"
    for number, check in enumerate(gate_command.expected_checks(deploy=False)):
        report = Report(check, "?", looked_at=5).to_json()
        text += TEST.format(check=check, number=number, property=REPORT_PROPERTY, report=report)
    path = pytester.makepyfile(test_of_a_gate=text)
    told = ["-c/dev/null", f"--rootdir={path.parent}", "-o", "markers=gate", "-p", "no:cacheprovider", str(path)]
    monkeypatch.setattr(end_of_run, "clear", lambda *_: None)
    monkeypatch.setattr(gate.Gate, "_prepare", lambda *_: None)

    def work(*more: str, words: Sequence[str] = ()) -> int:
        monkeypatch.setattr(gate_command, "pytest_arguments", lambda *_: [*told, "-p", "no:terminal", *more])
        return gate.main(["--reports", str(tmp_path / "reports"), *words])

    return work


NOTHING = "Nothing to do: RT {0} on both sides, no step was run"
DEFAULT = "; --to (make: TO=) was not given, and there is no newer release here"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "4.4.6", "--to", "4.4.6"], NOTHING.format("4.4.6")),
        (["--from", LATEST], NOTHING.format(LATEST) + DEFAULT),
        (["--from", "4.4.6"], ""),
    ],
    ids=["as-asked", "by-default", "an-upgrade"],
)
def test_a_verdict_on_no_upgrade_says_so_first(
    judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], sentence: str
) -> None:
    """Whoever mistypes a release reads GO, and plans an upgrade that nobody has tried."""
    (tmp_path / "mine.sql").write_text("-- MariaDB dump 10.19\n-- Dump completed\n", encoding="ascii")
    code = judge(words=[*words, "--dump", str(tmp_path / "mine.sql")])
    first = f"{sentence}. All 8 checks ran" if sentence else "All 8 checks ran"
    lines = capsys.readouterr().out.splitlines()
    assert (code, lines[0]) == (GO, "GO")
    assert lines[1].startswith(first)
    [folder] = (tmp_path / "reports").iterdir()
    said = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
    assert json.loads(said["report.json"])["reason"] == lines[1]
    assert said["verdict.txt"].splitlines()[1] == lines[1]
    assert f'<p class="reason">{lines[1]}</p>' in said["report.html"]
    assert f'name="reason" value="{lines[1]}"' in said["junit.xml"]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "exported"),
    [
        ("PYTEST_ADDOPTS", "-k test_of_3"),
        ("PYTEST_ADDOPTS", "--deselect=test_of_a_gate.py::test_of_3"),
        ("PYTEST_PLUGINS", "no_such_plugin_anywhere"),
    ],
)
def test_what_is_exported_for_pytest_does_not_reach_the_gate(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, exported: str
) -> None:
    """A developer may have exported such options; the gate would run one check and say GO."""
    monkeypatch.setenv(name, exported)
    code, said = judge(), capsys.readouterr().out
    assert (code, "GO (exit code 0). All 8 checks ran" in said) == (GO, True), said


@pytest.mark.parametrize("narrowed", ["-ktest_of_3", "--deselect=test_of_a_gate.py::test_of_0"])
def test_a_promised_check_that_is_not_found_is_not_proven(
    judge: Judge, capsys: pytest.CaptureFixture[str], narrowed: str
) -> None:
    """The promised checks must not be derived from the collected tests."""
    code, said = judge(narrowed), capsys.readouterr().out
    assert (code, "[preflight] never reported" in said) == (NOT_PROVEN, True), said


def test_a_deploy_that_was_asked_for_is_promised() -> None:
    """A requested deploy must be promised, and a deploy that was not requested must not be missed."""
    asked, unasked = (gate_command.expected_checks(deploy=deploy) for deploy in (True, False))
    assert (set(asked) - set(unasked), len(unasked)) == ({"marathon-deploy"}, 8)


ACCEPTED = """[[accept]]
check = "schema"
where = "Tickets"
what = "index missing"
who = "J. Example"
why = "dropped on purpose"
until = 2999-01-01
"""


@pytest.mark.engine
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--config", "{folder}/site.pm"], NOT_PROVEN),
        (["--accept", "{folder}/accepted.toml"], NOT_PROVEN),
        (["--config", "{folder}/site.pm", "--dump", str(dump.bundled("4.4.6"))], GO),
        ([], GO),
    ],
    ids=["config", "accept", "meant", "nothing-of-a-site"],
)
def test_the_bundled_dump_says_nothing_of_a_site(
    judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], code: int
) -> None:
    """A user who names a configuration but forgets the dump must not be told that the site will upgrade."""
    (tmp_path / "site.pm").write_text("1;\n")
    (tmp_path / "accepted.toml").write_text(ACCEPTED)
    assert judge(words=[one.format(folder=tmp_path) for one in words]) == code
    said = " ".join(capsys.readouterr().out.split())
    assert ("The bundled dump was judged, and none of the site's own data" in said) == (code == NOT_PROVEN)
