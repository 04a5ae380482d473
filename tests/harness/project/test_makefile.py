"""make passes its variables on to the right program with their meaning unchanged."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping

import pytest

from harness.releases import ROOT


def make(
    *words: str, code: int = 0, around: Mapping[str, str] | None = None, only_print: bool = True
) -> subprocess.CompletedProcess[str]:
    """Let make print what it would run, or run it, as called by a person: not by the make that runs these tests.

    around: environment variables that are set in addition.
    """
    given = {*VALUES, *MORE, *SWITCHES}  # to that make: it hands them on
    alone = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MAKE", "MFLAGS")) and key not in given
    }
    done = subprocess.run(
        ["make", *(["-n"] if only_print else []), *words],
        cwd=ROOT,
        env={**alone, **(around or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def targets() -> list[str]:
    """Return the names of all targets."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    named: list[str] = re.findall(r"(?m)^\.PHONY: (.*)$", text)
    assert len(named) == 1
    return named[0].split()


VALUES = ("FROM", "TO", "SERVER", "DUMP", "CONFIG", "CONFIG_NEW", "MARATHON_URL", "ACCEPT")
MORE = ("SEED", "TIMES", "MEGABYTES", "BUDGET", "PORT", "WORKERS", "PYTEST")
SWITCHES = ("ALL", "KEEP")
TAKING = ("gate", "upgrade", "matrix", "forecast", "test")


@pytest.mark.parametrize("name", [*VALUES, *MORE])
def test_an_empty_value_is_refused(name: str) -> None:
    """`make gate DUMP=$BACKUP` without a backup judged the bundled dump, and said GO."""
    for target in TAKING:
        said = make(target, f"{name}=", code=2)
        assert f"{name} has an empty value: give it one, or leave it out" in said.stderr
        assert said.stdout == ""
    assert make("gate", around={name: ""}).stderr == "", (
        "Jenkins sets all parameters of a build, the empty ones too"
    )


@pytest.mark.parametrize("word", ["dump=/x", "FORM=4.4.4", "FROM_=4.4.4"])
def test_a_name_that_nobody_reads_is_refused(word: str) -> None:
    """A misspelt one was ignored, and another upgrade tried than the one that was meant."""
    said = make("gate", word, "TO=5.0.3", code=2)
    assert f"*** {word.partition('=')[0]} means nothing here: choose from FROM TO SERVER DUMP" in said.stderr
    assert "KEEP; variables of programs go before make" in said.stderr


def test_every_name_that_is_read_is_allowed() -> None:
    """Also those of switches, whose empty value is a no, and what programs take from the environment."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    read = {*re.findall(r"\$\((?:if |call yes,)\$?\(?([A-Z_]+)\)", text)} - {"EMPTY", "UNKNOWN"}
    assert read >= {"FROM", "KEEP", "ALL", "PORT", "BUDGET", "SEED"}
    assert read <= {*VALUES, *MORE, *SWITCHES}
    make("gate", "KEEP=", "RT_HARNESS_BASE=mirror", "PYTEST_ADDOPTS=-x", "DOCKER_HOST=", "MAKEFLAGS=-s")
    make("test", "ALL=")
    make("gate", around={"MAKELEVEL": "1", "MAKEFLAGS": "-- DESTDIR=/x PORT=80"})


@pytest.mark.parametrize("target", targets())
def test_a_target_takes_the_names_that_it_reads_and_no_others(target: str) -> None:
    """`make test DUMP=/backup/rt.sql` was green, and had not opened that dump."""
    plain, programs = make(target).stdout, target in ("test", "slow", "deploy")
    for name in (*VALUES, *MORE, *SWITCHES):
        # From the environment everything is taken, and with -e also what the file gives a value itself.
        read = make("-e", target, around={name: "/some where"}).stdout != plain
        if read or (name == "MARATHON_URL" and programs):
            make(target, f"{name}=/some where")
        else:
            said = make(target, f"{name}=/some where", code=2)
            assert f"*** {name} means nothing to make {target}, which takes " in said.stderr
            assert said.stdout == ""


def test_one_of_several_targets_has_to_read_a_name() -> None:
    """`make lint test WORKERS=2` means the tests; `make` alone means no target at all."""
    make("lint", "test", "WORKERS=2")
    said = make("lint", "smoke", "ALL=1", "KEEP=1", "WORKERS=2", code=2).stderr
    assert "means nothing to make lint smoke, which takes WORKERS PYTEST: leave it out, or choose another" in said
    assert {*said.partition("*** ")[2].partition(" means")[0].split()} == {"ALL", "KEEP"}
    assert "PORT means nothing to make help, which takes no values" in make("PORT=80", code=2).stderr


@pytest.mark.parametrize(("target", "option"), [("gate", "--config-new"), ("upgrade", "--site-config-new")])
def test_make_hands_the_new_sides_configuration_on(target: str, option: str) -> None:
    """If make dropped the variable, the gate would run with another configuration than the user named."""
    assert f'{option} "/new"' in make(target, "CONFIG=/old", "CONFIG_NEW=/new").stdout


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (["FROM=5.0.7"], "5.0.7-to-5.0.10@mariadb-10.11"),
        (["TO=5.0.10"], "4.4.6-to-5.0.10@mariadb-10.11"),
        (["TO=5.0.10", f"DUMP={ROOT}/fixtures/dumps/rt-5.0.3-campus.sql.zst"], "5.0.3-to-5.0.10@mariadb-10.11"),
    ],
    ids=["from", "to", "by-the-dump"],
)
def test_make_takes_a_pair_as_the_gate_does(said: list[str], understood: str) -> None:
    """Parts of a pair that are not given follow from the others, and must not give an impossible pair."""
    [line] = [one for one in make("upgrade", *said).stdout.splitlines() if "test_upgrade.py" in one]
    arguments = [one for one in shlex.split(line)[1:] if one not in ("-n", "3", "--dist", "loadgroup")]
    listed = subprocess.run(
        [sys.executable, *arguments, "--list-pairs"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == [understood]


@pytest.mark.parametrize(("said", "kept"), [("1", True), ("yes", True), ("0", False), ("no", False), ("", False)])
def test_a_no_is_not_taken_for_a_yes(said: str, kept: bool) -> None:
    """A kept copy is real data that opens without a password."""
    assert ("--keep" in make("gate", f"KEEP={said}").stdout) == kept


def test_make_alone_lists_the_targets() -> None:
    """Whoever has just cloned this reads here what can be done, and that nothing was begun."""
    lines = make(only_print=False).stdout.splitlines()
    assert {line.split()[1] for line in lines} == {*targets()}
    assert all(line.startswith("  make ") and len(line.split()) > 3 for line in lines)
