"""An unexpected error of the harness, or Ctrl-C, at any point of the gate gives NOT PROVEN."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NoReturn, Self

import pytest

from fixtures import gate
from fixtures.gate_trouble import INTERRUPTED
from harness import end_of_run, report
from harness.checks.run import CHECK
from harness.common import cache
from harness.errors import InfrastructureError
from harness.releases import ROOT
from harness.verdict import Report, Verdict

NOT_PROVEN, NO_GO = Verdict.NOT_PROVEN.exit_code, Verdict.NO_GO.exit_code
WHOLE = {"verdict.txt", "report.html", "report.json", "junit.xml"}
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the gate's main, with reports in `tmp_path`, that removes nothing of this process's own session."""
    monkeypatch.setattr(end_of_run, "clear", lambda *_: None)
    for name in ("_prepare", "_tests"):
        monkeypatch.setattr(gate.Gate, name, lambda *_: None)
    return lambda *arguments: gate.main(["--reports", str(tmp_path / "reports"), *arguments])


def raising(error: BaseException) -> Callable[..., NoReturn]:
    """Return a function that only raises."""

    def broken(*_: object, **__: object) -> NoReturn:
        raise error

    return broken


@pytest.mark.parametrize("place", ["choose", "Gate._prepare", "Gate._tests", "report.write", "report.terminal"])
def test_an_error_of_the_harness_itself_is_not_proven(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str
) -> None:
    """Python would exit with 1, which is NO-GO; a sentence must name the error and the traceback's path."""
    monkeypatch.setattr(f"fixtures.gate.{place}", raising(ZeroDivisionError("by nobody, said 'Jane Doe'")))
    code = run()
    said = "".join(capsys.readouterr())
    kept = [path.read_text(encoding="utf-8") for path in (tmp_path / "reports").rglob("*traceback.log")]
    assert code == NOT_PROVEN, said
    assert "The harness itself failed, so nothing was proven (ZeroDivisionError: by nobody" in said
    assert "Traceback" not in said
    assert [text.count("Traceback (most recent call last)") for text in kept] == [1]
    assert "Jane" not in said + "".join(kept), "an error quotes the data that it choked on"


def test_the_report_is_written_all_the_same(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Users who read reports instead of a terminal must find the reason there."""
    monkeypatch.setattr(gate.Gate, "_tests", raising(ZeroDivisionError()))
    run()
    [folder] = (tmp_path / "reports").iterdir()
    written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert "ZeroDivisionError" in json.dumps(written)
    assert (folder / "logs" / "traceback.log").is_file()


@pytest.mark.timeout(30)
def test_reports_that_lead_nowhere_are_an_error(tmp_path: Path) -> None:
    """A link to a missing disk exists under every name: the gate must not look for another one for ever."""
    (tmp_path / "reports").symlink_to(tmp_path / "no such disk")
    with pytest.raises(InfrastructureError, match=r"^The report cannot be written: "):
        report.reserve(tmp_path / "reports" / "run")


def test_gates_of_the_same_second_have_a_report_each(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A pipeline begins the gates of several pairs at once, and reads each one's JUnit file."""

    class Noon(datetime):
        """Replaces a clock that runs."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            """Return the same moment each time."""
            return cls(2026, 1, 1, 12, tzinfo=tz)

    monkeypatch.setattr(gate, "datetime", Noon)
    for _ in range(3):
        run()
    said = capsys.readouterr().out
    made = sorted((tmp_path / "reports").iterdir())
    assert len(made) == 3
    for folder in made:
        assert f"Report: {folder / 'report.html'}" in said
        written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        assert written["run"]["id"] == folder.name


def test_what_was_found_is_said_although_the_report_cannot_be_made(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finding must be reported even if the page cannot be rendered."""

    def found(self: gate.Gate, _: object) -> None:
        made = Report(CHECK, "?")
        made.find("step 1.2.3", "it is wrong")
        self.outcome.reports.append(made)

    monkeypatch.setattr(gate.Gate, "_tests", found)
    monkeypatch.setattr(report, "write", raising(ZeroDivisionError()))
    assert run() == NO_GO
    assert "it is wrong" in capsys.readouterr().out


@pytest.fixture
def good_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], int]]:
    """Return a run without findings, where no file can become larger than so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def clean(self: gate.Gate, _: object) -> None:
        self.outcome.reports.append(Report(CHECK, "?", looked_at=1))

    def work(size: int) -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        return run()

    monkeypatch.setattr(gate.Gate, "_tests", clean)
    yield work
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("size", "left"), [(20_000, {"report.json"}), (100, set()), (9_000_000, WHOLE)])
def test_a_full_disk_leaves_no_file_that_says_go(
    good_run: Callable[[int], int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    size: int,
    left: set[str],
) -> None:
    """A pipeline reads report.json, and a person the page: neither may say another verdict than the exit code."""
    code, said = good_run(size), capsys.readouterr().out
    [folder] = (tmp_path / "reports").iterdir()
    assert {path.name for path in folder.iterdir() if path.name != "logs"} == left
    if left == WHOLE:
        assert (code, said.splitlines()[0]) == (Verdict.GO.exit_code, "GO")
        return
    assert (code, said.splitlines()[0]) == (NOT_PROVEN, "NOT PROVEN")
    assert f"The report cannot be written: {folder}: File too large." in said
    assert "What to do: make room on its disk" in said
    if left:
        written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        assert (written["verdict"], written["exit_code"]) == ("NOT PROVEN", NOT_PROVEN)


def files_of_report(folder: Path) -> set[str]:
    """Return the names of a report's own files, without logs and tracebacks."""
    return {path.name for path in folder.iterdir() if path.name != "logs" and path.suffix != ".log"}


@pytest.mark.parametrize("view", ["as_text", "as_html", "as_junit"])
@pytest.mark.parametrize(
    ("error", "reason"), [(ZeroDivisionError(), "(ZeroDivisionError)"), (KeyboardInterrupt(), INTERRUPTED)]
)
def test_a_view_that_cannot_be_rendered_leaves_the_facts(
    good_run: Callable[[int], int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    view: str,
    error: BaseException,
    reason: str,
) -> None:
    """All that the run has found out would be lost with a page; and no file may say GO."""
    monkeypatch.setattr(report, view, raising(error))
    assert good_run(9_000_000) == NOT_PROVEN
    [folder] = (one for one in (tmp_path / "reports").iterdir() if one.is_dir())
    assert files_of_report(folder) == {"report.json"}
    written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert (written["verdict"], written["run"]["id"]) == ("NOT PROVEN", folder.name)
    assert [reason in one for one in written["outcome"]["unanswered"]] == [True]
    assert [one["check"] for one in written["outcome"]["reports"]] == [CHECK]


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(
    ("moment", "left", "verdict"),
    [("replace", WHOLE, Verdict.GO), ("unlink", {"report.json"}, Verdict.NOT_PROVEN)],
)
def test_ctrl_c_while_files_get_their_names_leaves_no_other_verdict(
    good_run: Callable[[int], int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    moment: str,
    left: set[str],
    verdict: Verdict,
) -> None:
    """Between two of them, or after the last: either the report is whole, or none of its files says GO."""
    real = getattr(Path, moment)
    signals = [signal.SIGINT]

    def interrupted(path: Path, *arguments: object, **options: object) -> object:
        done = real(path, *arguments, **options)
        if signals and path.name.endswith(".part"):
            os.kill(os.getpid(), signals.pop())
        return done

    monkeypatch.setattr(Path, moment, interrupted)
    assert good_run(9_000_000) == verdict.exit_code
    assert not signals
    [folder] = (tmp_path / "reports").iterdir()
    assert files_of_report(folder) == left
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["verdict"] == verdict.value


@pytest.mark.parametrize(
    "place", ["choose", "Gate._prepare", "Gate._tests", "end_of_run.clear", "report.write", "report.terminal"]
)
def test_ctrl_c_at_any_point_is_not_proven(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """Hashing a large dump and writing a large report take time in which Ctrl-C may come."""
    monkeypatch.setattr(f"fixtures.gate.{place}", raising(KeyboardInterrupt()))
    code = run()
    said = "".join(capsys.readouterr())
    assert code == NOT_PROVEN
    assert "The run was interrupted." in said
    assert "Traceback" not in said


def test_a_cache_that_cannot_be_made(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Read-only home directories are common for accounts of CI servers."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))
    assert run() == NOT_PROVEN
    assert (
        f"cache cannot be made: Not a directory.\nWhat to do: name a directory of yours with {cache.VARIABLE}="
        in (capsys.readouterr().err)
    )


def test_a_reader_that_has_seen_enough_changes_nothing() -> None:
    """`./gate | head` closes the pipe early, which Python would turn into an exit code of its own."""
    script = "import sys; from fixtures.gate import show; [show('x' * 99999) for _ in range(9)]; sys.exit(1)"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
