"""A real gate ends with a complete GO, or promptly when interrupted, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from fixtures.pairs import newest
from harness.common import owner
from harness.common.plan import Status, Step
from harness.releases import ROOT
from harness.verdict import Verdict

pytestmark = pytest.mark.engine
CHECKS = {"preflight", "run", "history", "schema", "rows", "integrity", "meaning", "application"}
FILES = {"verdict.txt", "report.json", "junit.xml", "report.html", "logs"}
PROMPT = 30.0
"""Maximum seconds until an interrupted gate ends; 2 or 3 on a quiet machine. The held step would take an hour."""
UPGRADE, CHECK, COPY = "upgrade to 5.0.3 ...", "  meaning ...", "both sides ..."
HELD = {
    UPGRADE: "sleep 3600 if $0 =~ /rt-setup-database/; 1;",
    CHECK: "sleep 3600 if $0 =~ /rt-validator/ && $RT::VERSION =~ /^5/; 1;",
}
"""A step, and a site's configuration that makes it take an hour, as for a large site."""


def things_of(engine: DockerClient, pid: int) -> list[str]:
    """Return all resources on the engine of this process's session."""
    query = {"label": [f"{owner.PID}={pid}", f"{owner.HOST}={owner.host_identity()}"]}
    found = [one["Names"][0] for one in engine.api.containers(all=True, filters=query)]
    found += [one["Name"] for one in engine.api.networks(filters=query)]
    return found + [one["Name"] for one in engine.api.volumes(filters=query)["Volumes"] or []]


@contextlib.contextmanager
def running(program: list[str], reports: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a gate in a session of its own for a `with` block."""
    settings = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    # A shell starts background jobs with SIGINT ignored, and child processes inherit that.
    process = subprocess.Popen(
        ["env", "--default-signal=INT,TERM,HUP", *program, "--reports", str(reports)],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def need_no_contradiction(written: dict[str, Any]) -> None:
    """Verify that an interrupted run's plan and reports agree, and that nothing failed by itself."""
    steps = [step for _, step in Step.from_dict(written["plan"]).walk()]
    done = {step.title for step in steps if step.title in CHECKS and step.status is Status.DONE}
    reported = {one["check"] for one in written["outcome"]["reports"]}
    assert done == reported
    unproven = "\n".join(written["unproven"])
    assert not [name for name in done if f"[{name}] never reported" in unproven]
    assert {step.note for step in steps if step.status is Status.FAILED} <= {"", "interrupted"}


def test_the_main_job_ends_with_go(engine: DockerClient, tmp_path: Path) -> None:
    """The harness exists to recognise a good upgrade, and the report must say why it is one.

    The upgrade is the one that tests/upgrade leaves to this gate: each adjacent one is checked at every change.
    """
    origin, target = newest()
    with running([str(ROOT / "gate"), "--from", origin, "--to", target], tmp_path) as process:
        out, err = process.communicate(timeout=500)
        left = things_of(engine, process.pid)
    assert (process.returncode, out.count("\nGO (exit code 0). All 8 checks ran")) == (0, 1), out + err
    assert left == []
    [folder] = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == FILES
    written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    reports = {one["check"]: one for one in written["outcome"]["reports"]}
    assert {*reports} == CHECKS
    assert all(one["looked_at"] and not one["findings"] for one in reports.values())
    assert "GO" in (folder / "verdict.txt").read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert ("<title>" in page, "not reached" in page) == (True, False)
    drawn = re.findall(r'<span class="mono">(\w+)</span> <small>[\d,]+ → ', page)
    assert "Attributes" in drawn
    assert len(drawn) == len(set(drawn)), "row changes are drawn once"
    assert (folder / "junit.xml").read_text(encoding="utf-8").count("<testcase ") == len(CHECKS)
    told = {path.name: path.read_text(encoding="utf-8") for path in (folder / "logs").iterdir()}
    assert "Done." in told["upgrade.log"]
    for kind, mark in {"-database-": "ready for connections", "-rt-site-": "resuming normal operations"}.items():
        logs = [text for name, text in told.items() if kind in name]
        assert logs
        assert all(mark in text for text in logs)


@pytest.mark.parametrize(
    ("number", "step"),
    [(signal.SIGINT, UPGRADE), (signal.SIGTERM, CHECK)],
    ids=["upgrade", "checks"],
)
def test_it_ends_at_once_when_it_is_told_to(
    engine: DockerClient, tmp_path: Path, number: signal.Signals, step: str
) -> None:
    """Threads that wait for a long upgrade cannot be interrupted, so the processes they wait for must be ended."""
    (tmp_path / "hold.pm").write_text(HELD[step])
    program = [sys.executable, "-m", "fixtures.gate", "--config", str(tmp_path / "hold.pm")]
    with running(program, tmp_path / "reports") as process:
        assert process.stderr
        assert any(step in line for line in process.stderr)
        begun, before = time.monotonic(), things_of(engine, process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        taken = time.monotonic() - begun
        left = things_of(engine, process.pid)
    assert (process.returncode, taken < PROMPT) == (Verdict.NOT_PROVEN.exit_code, True), (
        f"{taken:.1f} s\n{out}{err}"
    )
    assert "The run was interrupted." in out
    assert "Traceback" not in out + err
    assert before
    assert left == []
    [folder] = (tmp_path / "reports").iterdir()
    assert {path.name for path in folder.iterdir()} == FILES
    need_no_contradiction(json.loads((folder / "report.json").read_text(encoding="utf-8")))
    databases = [path.read_text(encoding="utf-8") for path in (folder / "logs").glob("*-database-*")]
    assert all("ready for connections" in text for text in databases)
    assert len(databases) > 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_at_once_while_it_begins(engine: DockerClient, tmp_path: Path, number: signal.Signals) -> None:
    """At this point copies are being started in background threads."""
    with running([sys.executable, "-m", "fixtures.gate"], tmp_path) as process:
        assert process.stderr
        assert any(COPY in line for line in process.stderr)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        left = things_of(engine, process.pid)
    assert (process.returncode, left) == (Verdict.NOT_PROVEN.exit_code, []), out + err
    assert "The run was interrupted." in out
    assert "Traceback" not in out + err
