"""Every command exits with 1 only for findings: unexpected errors give 2, wrong usage 3, help 0."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator
from importlib import import_module
from typing import NoReturn

import pytest

from harness import dump
from harness.database import baseline_record
from harness.releases import ROOT

COMMANDS = {
    "benchmarks.__main__": ("benchmarks.__main__.run", ()),
    "benchmarks.gate": ("benchmarks.gate.choose", ()),
    "benchmarks.marathon_standin": ("benchmarks.marathon_standin.start", ()),
    "benchmarks.pairs": ("benchmarks.pairs.choose", ()),
    "benchmarks.rows": ("harness.engine.connect", ()),
    "fixtures.gate": ("fixtures.gate.choose", ("--reports", "{folder}")),
    "harness.dumpmaking.__main__": ("harness.dumpmaking.recipes", ()),
    "harness.forecast": ("harness.forecast.choose", ()),
    "harness.images.__main__": ("harness.engine.connect", ()),
    "harness.leftovers": ("harness.engine.find_engine", ()),
    "harness.marathon.__main__": ("harness.marathon.lint.command_line.read", ("lint", "marathon.json")),
    "harness.marathon.standin.__main__": ("harness.marathon.standin.__main__.listen", ()),
    "harness.report.__main__": ("harness.report.__main__.load", ("report.json",)),
    "harness.setup.engine": ("harness.setup.engine.ensure", ()),
    "harness.traps.__main__": ("harness.traps.__main__.read", ()),
    "harness.upgrade.promised_steps": ("harness.engine.connect", ("5.0.10",)),
    "harness.dumpmaking.vocabulary": ("harness.engine.connect", ()),
}
"""Modules that can be run, each with a function its work begins with, and arguments that lead there."""


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """Restore the signal handler: a command may install its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_every_command_is_here() -> None:
    """Every module that can be run must be tested here."""
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in ("benchmarks", "fixtures", "harness")
        for path in (ROOT / folder).rglob("*.py")
        if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
    }
    assert found == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_nobody_expected_is_no_finding(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    """Python itself would exit with 1; the last line must be one sentence with the command and the error."""

    def broken(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError("by nobody")

    place, words = COMMANDS[name]
    monkeypatch.setattr(place, broken)
    assert import_module(name).main([word.format(folder=tmp_path) for word in words]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    program, _, said = last.partition(": ")
    assert program.removeprefix("benchmarks.") in {*name.split("."), "clean", "stand-in"}, last
    assert "ZeroDivisionError: by nobody" in said


@pytest.mark.parametrize(("words", "code"), [(["--no-such-option"], 3), (["--help"], 0)], ids=["wrong", "help"])
@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_usage_and_help(name: str, words: list[str], code: int) -> None:
    """argparse would exit with 2 for wrong usage, which means NOT PROVEN."""
    with pytest.raises(SystemExit) as caught:
        import_module(name).main(words)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("harness.forecast", ("--budget", "nan")),
        ("harness.forecast", ("--budget=-5",)),
        ("harness.forecast", ("--megabytes", "0")),
        ("harness.forecast", ("--times", "inf")),
        ("harness.forecast", ("--largest", "0")),
        ("harness.forecast", ("--rounds", "0")),
        ("harness.forecast", ("--to", "")),
        ("harness.marathon.__main__", ("lint", "")),
        ("harness.marathon.__main__", ("deploy", "marathon.json", "--image", "")),
    ],
)
def test_words_that_mean_nothing_are_wrong_usage(
    program: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty variable of a script must not select a default, nor "nan" become a budget that nothing exceeds."""
    # an argument that is wrongly accepted must start nothing
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(SystemExit) as ended:
        import_module(program).main(list(words))
    assert (ended.value.code, words[-1].partition("=")[2] in capsys.readouterr().err) == (3, True)


@pytest.mark.parametrize(
    ("said", "on"),
    [(None, False), ("", False), ("0", False), ("No", False), ("false ", False), ("1", True), ("y", True)],
)
def test_a_no_in_the_environment_is_a_no(monkeypatch: pytest.MonkeyPatch, said: str | None, on: bool) -> None:
    """RT_HARNESS_KEEP=0 must not leave a copy of real data behind."""
    monkeypatch.delenv(baseline_record.KEEP_VARIABLE, raising=False)
    if said is not None:
        monkeypatch.setenv(baseline_record.KEEP_VARIABLE, said)
    bundled = dump.load(dump.bundled("4.4.6"))
    own = dataclasses.replace(bundled, path=ROOT / "mine.sql")
    assert (baseline_record.is_private(own), baseline_record.is_private(bundled)) == (not on, False)
