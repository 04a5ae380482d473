"""However a run is interrupted, and however often, no copy of a site's data stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import pytest
from docker import DockerClient

from fixtures import gate
from harness import dump, end_of_run, engine, forecast, leftovers
from harness.common import cache, interrupts, owner, private
from harness.engine import faults
from harness.releases import ROOT
from harness.verdict import Verdict

NOT_PROVEN = Verdict.NOT_PROVEN.exit_code
ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
End = Callable[[signal.Signals], int]


class NoEngine:
    """Replaces a client of an engine without resources of ours."""

    def close(self) -> None:
        """Do nothing."""


class Stranger(engine.Candidate):
    """Replaces an engine that answers."""

    def client(self, timeout: int) -> DockerClient:  # noqa: ARG002 - as the real one has it
        """Return a client that is never used."""
        return DockerClient.__new__(DockerClient)


@pytest.fixture
def raw_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endable: None) -> Path:  # noqa: ARG001 - signals reach it
    """Create a cache and a session of the test's own, with raw data in its private directory."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(owner.SESSION_VARIABLE, raising=False)
    monkeypatch.setattr(engine, "connect", NoEngine)
    made = private.directory()
    (made / "raw").write_text("somebody's data")
    return made


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that records removals from the engine, which are not done."""
    found: list[str] = []
    monkeypatch.setattr(leftovers, "remove_own", lambda *_: found.append("own"))
    return found


def kill(number: signal.Signals) -> int:
    """Send a signal to this process; it is handled when this returns."""
    os.kill(os.getpid(), number)
    return 0


HOLDING = {
    "benchmarks.gate": "time_gate",
    "benchmarks.pairs": "time_tests",
    "benchmarks.rows": "measure",
    "harness.dumpmaking": "make",
    "harness.dumpmaking.vocabulary": "collect",
}
"""Commands with containers, besides gate and forecast, and a function of each that uses them."""


@pytest.fixture(params=["gate", "forecast"])
def end(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> End:
    """Return a function that runs a program, interrupts it by a signal, and returns its exit code."""
    reports, path = ["--reports", str(tmp_path / "reports")], ["--dump", str(dump.bundled("4.4.6"))]

    def ended(number: signal.Signals) -> int:
        for place, name in ((gate.Gate, "_prepare"), (forecast, "_measure")):
            monkeypatch.setattr(place, name, lambda *_: kill(number))
        return gate.main(reports) if request.param == "gate" else forecast.main(path)

    return ended


@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_every_way_to_be_ended_clears_up(
    raw_data: Path, end: End, removed: list[str], capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """A closed terminal ends a process as a CI server does; neither may leave a server running."""
    # An unhandled signal cannot be tested here: it would end pytest.
    for one in interrupts.ENDS:
        signal.signal(one, lambda number, _: pytest.fail(f"{number} is not heard"))
    code = end(number)
    said = "".join(capsys.readouterr())
    assert (code, "nterrupted" in said, removed, raw_data.exists()) == (NOT_PROVEN, True, ["own"], False)


@pytest.mark.usefixtures("raw_data")
@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_every_command_hears_every_way_to_be_ended(
    capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """Not only the gate has containers, and the previous handlers must be restored afterwards."""
    heard: list[int] = []
    for one in interrupts.ENDS:
        signal.signal(one, lambda number, _: heard.append(number))
    assert faults.run_command("program", lambda: kill(number)) == NOT_PROVEN
    assert (capsys.readouterr().err, heard) == ("program: interrupted\n", [])
    kill(signal.SIGTERM)
    assert heard == [signal.SIGTERM]


@pytest.mark.parametrize("name", HOLDING)
def test_whatever_has_containers_clears_up_undisturbed(
    raw_data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """A benchmark enlarges a copy to a gigabyte.

    A second signal during the clean-up must not leave a part of it.
    """
    removed: list[str] = []

    def remove(*_: object) -> None:
        kill(signal.SIGTERM)
        removed.append("own")

    program = import_module(name)
    monkeypatch.setattr(program, HOLDING[name], lambda *_: kill(signal.SIGTERM))
    monkeypatch.setattr(leftovers, "remove_own", remove)
    assert program.main([]) == NOT_PROVEN
    said = capfd.readouterr().err
    assert (removed, raw_data.exists()) == (["own"], False)
    assert ": clearing up" in said
    assert said.endswith(": interrupted\n")


@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_who_asks_twice_does_not_get_half_of_it(
    raw_data: Path,
    end: End,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    """Users press Ctrl-C again during a long clean-up; they must be told about it, and it must continue."""
    removed: list[str] = []

    def remove(*_: object) -> None:
        kill(number)
        removed.append("own")

    monkeypatch.setattr(leftovers, "remove_own", remove)
    code = end(signal.SIGINT)
    assert (code, removed, raw_data.exists()) == (NOT_PROVEN, ["own"], False)
    assert ": clearing up" in capfd.readouterr().err


def test_what_stays_is_told_although_the_engine_is_gone(
    raw_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user must be told of what may remain, and the private files must be removed all the same."""

    def gone() -> NoReturn:
        raise engine.NoEngineError("No container engine answers.")

    monkeypatch.setattr(engine, "connect", gone)
    monkeypatch.setattr(engine, "reached", lambda: True)
    end_of_run.clear("gate")
    assert "gate: could not be removed: whatever this run had on the engine" in capsys.readouterr().err
    assert not raw_data.exists()


@pytest.mark.parametrize("program", [("fixtures.gate", "--reports", "here"), ("harness.forecast",)])
def test_where_no_engine_ever_answered_nothing_can_have_stayed(program: tuple[str, ...], tmp_path: Path) -> None:
    """A user who is told that a copy of the data may remain would search for it, and there is none."""
    alone = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    alone |= {"DOCKER_HOST": f"unix://{tmp_path}/nowhere.sock", cache.VARIABLE: str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", *program],
        cwd=tmp_path,
        env=alone | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == NOT_PROVEN, said
    assert "no engine answers there" in said
    assert "could not be removed" not in said


def test_who_has_had_an_engine_may_have_something_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a client, anything may have been created on the engine."""
    monkeypatch.setattr(os, "environ", dict(os.environ))  # connect() sets variables for other libraries
    monkeypatch.setattr(engine, "_reached", set())
    monkeypatch.setattr(engine, "find_engine", lambda: (Stranger("unix:///here.sock"), {}))
    before = engine.reached()
    engine.connect()
    assert (before, engine.reached()) == (False, True)


def test_nohup_keeps_a_run_alive() -> None:
    """Signals that are ignored from the start must stay ignored."""
    script = (
        "import os, signal\n"
        "from harness.common import interrupts\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with interrupts.signals_as_interrupt(), interrupts.defer_signals('no'):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('goes on')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")


def test_a_terminal_that_went_away_does_not_change_the_exit_code() -> None:
    """Python exits with 1 if it cannot print the error, and 1 means findings."""
    script = "from harness.engine import faults; import sys; sys.exit(faults.run_command('x', lambda: 1 / 0))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-u", "-c", script], cwd=ROOT, stderr=writer, check=False)
    os.close(writer)
    assert done.returncode == NOT_PROVEN
