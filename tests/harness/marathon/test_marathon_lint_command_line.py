"""`python -m harness.marathon lint`: its input, its output, its exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.marathon import __main__ as marathon
from harness.releases import ROOT
from tests.harness.marathon.lint_cases import NEW_FORMS, Change, both, drop, good, put

STOP = "taskKillGracePeriodSeconds"


def main(arguments: list[str]) -> int:
    """Run `lint`; return the exit code."""
    return marathon.main(["lint", *arguments])


def written(path: Path, change: Change) -> Path:
    """Write the repository's definition with one change."""
    app = good(NEW_FORMS[0])
    change(app)
    path.write_text(json.dumps(app))
    return path


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes 0, 1 and 3, and findings as JSON."""
    warned, broken = written(tmp_path / "warned.json", drop(STOP)), tmp_path / "broken.json"
    broken.write_text("[1]")
    assert main([str(ROOT / "marathon.json")]) == 0
    assert main([str(warned), "--errors-only"]) == 0
    capsys.readouterr()
    assert main([str(warned), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["findings"][0]["rule"] == "L15"
    assert main([str(broken)]) == main([]) == 3
    assert "What to do" in capsys.readouterr().err


def test_findings_stand_under_their_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Errors come first, whatever the order of the rules; each file has its own heading."""
    mixed = written(tmp_path / "mixed.json", both(drop(STOP), put(instances=-1, gracePeriod=1)))
    assert main([str(mixed), str(ROOT / "marathon.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    heads = [line.strip() for line in lines if not line.startswith("     ")]
    assert heads[0] == f"{mixed}: 1 error, 2 warnings"
    assert heads[1].startswith("Marathon refuses it")
    assert heads[2].startswith("L06 E /instances")
    assert heads[3] == "It works until it hurts:"
    assert [head.split(maxsplit=2)[:2] for head in heads[4:6]] == [["L06", "W"], ["L15", "W"]]
    assert heads[6] == f"{ROOT / 'marathon.json'}: clean (24 rules)"
    warned = written(tmp_path / "warned.json", both(put(gracePeriod=1)))
    assert main([str(warned), "--errors-only"]) == 0
    assert capsys.readouterr().out == f"{warned}: no errors; warnings left out (24 rules)\n"
    assert main([str(tmp_path)]) == 3
    assert f"{tmp_path} cannot be read: Is a directory." in capsys.readouterr().err


def test_standard_input_and_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For `curl .../v2/apps/rt | lint -`: Marathon's answer is wrapped, and must be read all the same."""
    app = good(NEW_FORMS[0])
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"app": app | {"tasks": [], "version": "x"}})))
    assert main(["-"]) == 0
    assert capsys.readouterr().out.startswith("-: clean")
    live, wanted = tmp_path / "live.json", written(tmp_path / "app.json", put(instances=1, cpus=2))
    live.write_text(json.dumps({"app": app | {"instances": 4}}))
    assert main(["--previous", str(live), str(wanted)]) == 1
    assert "lowered from 4 to 1 together with cpus" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["-"]) == 3
    assert "standard input cannot be read" in capsys.readouterr().err


def test_help_says_what_it_ends_with(capsys: pytest.CaptureFixture[str]) -> None:
    """Levels and exit codes, each on its own line."""
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert "\nExit codes: 0 nothing found" in said
    assert "\nErrors (E)" in said


def test_usable_alone() -> None:
    """A pipeline and a person call `python -m harness.marathon lint`."""
    command = [sys.executable, "-m", "harness.marathon"]
    assert subprocess.run([*command, "lint", "marathon.json"], cwd=ROOT, check=False).returncode == 0
    assert subprocess.run([*command, "--help"], cwd=ROOT, check=False).returncode == 0
    assert subprocess.run([*command, "lint", "--no-such"], cwd=ROOT, check=False).returncode == 3
