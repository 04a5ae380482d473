"""make passes its variables on to the right program with their meaning unchanged."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from harness.releases import ROOT


@pytest.mark.parametrize(("target", "option"), [("gate", "--config-new"), ("upgrade", "--site-config-new")])
def test_make_hands_the_new_sides_configuration_on(target: str, option: str) -> None:
    """If make dropped the variable, the gate would run with another configuration than the user named."""
    done = subprocess.run(
        ["make", "-n", target, "CONFIG=/old", "CONFIG_NEW=/new"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f'{option} "/new"' in done.stdout


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
    printed = subprocess.run(
        ["make", "-n", "upgrade", *said], cwd=ROOT, capture_output=True, text=True, check=True
    )
    [line] = [one for one in printed.stdout.splitlines() if "test_upgrade.py" in one]
    arguments = [one for one in shlex.split(line)[1:] if one not in ("-n", "3", "--dist", "loadgroup")]
    listed = subprocess.run(
        [sys.executable, *arguments, "--list-pairs"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == [understood]


@pytest.mark.parametrize(("said", "kept"), [("1", True), ("yes", True), ("0", False), ("no", False), ("", False)])
def test_a_no_is_not_taken_for_a_yes(said: str, kept: bool) -> None:
    """A kept copy is real data that opens without a password."""
    done = subprocess.run(
        ["make", "-n", "gate", f"KEEP={said}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ("--keep" in done.stdout) == kept
