"""The same upgrade a second time: RT runs it and does harm, so the harness does not even start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from docker import DockerClient

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import dump, releases, upgrade
from harness.checks.preflight import CHECK, Recognised
from harness.checks.preflight.database import SchemaChanges
from harness.common import owner
from harness.database import Database, schema
from harness.database.schema import Schema
from harness.dump.choice import choose
from harness.dumpmaking import writing
from harness.errors import RefusedError
from harness.releases import ROOT
from harness.stage import Scope, Stage
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Finding, Report
from tests.harness.left_behind import opens_and_goes

PAIR = releases.pair("5.0.7", "5.0.10", "mariadb-10.11")
FOUND = Finding(CHECK, "database", "it has 5.0.8", repair="say FROM=5.0.8")
NO_GO = 1


class Refused(Stage):
    """A stage with given results of preflight's recognition; nothing of it is ever started."""

    def __init__(self, *stops: Finding, scope: Scope | None = None) -> None:
        """Remember the findings that forbid the upgrade."""
        super().__init__(cast(Any, None), choose(), scope=scope)
        self._stops = stops

    def recognised(self) -> Recognised:
        """Return the remembered findings."""
        return Recognised(Report(CHECK, ""), self._stops, Schema("", {}), SchemaChanges())


def test_what_needs_the_upgrade_says_why_there_is_none() -> None:
    """A check that cannot be made is no pass, and its reason must be preflight's finding with its repair."""
    stage = Refused(FOUND)
    sides = stage.sides
    asked = (
        sides.run,
        sides.after,
        sides.site,
        stage.ran,
        stage.history,
        stage.schema,
        stage.rows,
        stage.integrity,
        stage.meaning,
        stage.application,
    )
    for ask in asked:
        with pytest.raises(RefusedError, match=r"was not run.*it has 5.0.8") as caught:
            ask()
        assert caught.value.repair == "say FROM=5.0.8"


def test_what_was_signed_off_forbids_nothing() -> None:
    """A signed-off finding has a known cause: the person who signed answers for this database's history."""
    assert Refused(FOUND, scope=Scope(accepts=lambda finding: finding is FOUND)).refusal() is None
    assert Refused(FOUND).refusal() is not None
    assert Refused().refusal() is None


@pytest.fixture
def upgraded(lifecycle: Lifecycle, clone: CloneFactory) -> Database:
    """A database that has been upgraded."""
    baseline, made = lifecycle.upgraded(PAIR, dump.load(dump.bundled(PAIR.origin)))
    assert made.code == 0
    return clone(baseline)


@pytest.mark.engine
def test_rt_itself_runs_it_again_and_does_harm(upgraded: Database, rt_tools: RtFactory) -> None:
    """Exit code 0, and the same foreign key twice: the reason why the harness must prevent it."""
    made = upgrade.run(rt_tools(PAIR.target, upgraded), PAIR.origin, PAIR.target)
    keys = [key.signature for key in schema.read(upgraded).tables["CachedGroupMembers"].foreign_keys]
    assert (made.code, len(keys), len(set(keys))) == (0, 2, 1)


@pytest.mark.engine
def test_the_gate_does_not_run_it_again(engine: DockerClient, upgraded: Database, tmp_path: Path) -> None:
    """NO-GO by preflight's finding, the other checks are listed as unanswered, and the upgrade as skipped.

    The kept copy of the user's own dump is there, and nothing else.
    """
    path = tmp_path / "mine.sql"
    path.write_bytes(writing.dumped(upgraded))
    command = [
        sys.executable,
        "-m",
        "fixtures.gate",
        "--reports",
        str(tmp_path / "reports"),
        "--dump",
        str(path),
        "--from",
        PAIR.origin,
        "--to",
        PAIR.target,
        "--server",
        PAIR.server,
        "--keep",
    ]
    environment = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    opens_and_goes(engine, done.stdout + done.stderr)
    assert done.returncode == NO_GO, done.stdout + done.stderr
    assert "other steps are applied than it lacks: it has 5.0.8" in done.stdout
    assert "say --from 5.0." in done.stdout
    assert "Not answered: run, history, schema, rows, integrity, meaning, application." in done.stdout
    assert "The upgrade was not run" in done.stdout
    assert f"upgrade to {PAIR.target}" in done.stdout
    assert "skipped" in done.stdout
    [folder] = (tmp_path / "reports").iterdir()
    assert not list(folder.rglob("*upgrade*")), "there is no log of an upgrade that was not run"
