"""A dump that MySQL's own client wrote: its text differs from MariaDB's, which all bundled dumps have."""

from __future__ import annotations

import base64
from contextlib import closing
from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from harness.database import programs
from harness.database.backup import OBJECTS
from harness.dump.choice import choose
from harness.stage import QUESTIONS, Scope, Stage
from harness.upgrade.lifecycle import Lifecycle

ORIGIN, TARGET, SERVER = "5.0.7", "5.0.10", "mysql-9.7"
FILE = "/tmp/own.sql"


@pytest.mark.slow
@pytest.mark.engine
def test_it_is_upgraded_and_nothing_is_found(lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path) -> None:
    """It has the bundled dump's data, so every check must be silent about it."""
    origin = choose(ORIGIN, TARGET, SERVER)
    database = clone(lifecycle.restored(origin.dump, SERVER))
    programs.run_dump(database, "--no-tablespaces", *OBJECTS, f"--result-file={FILE}")
    raw = base64.b64decode(database.container.need(["base64", FILE], limit=120))
    assert raw.startswith(b"-- MySQL dump")
    (tmp_path / "own.sql").write_bytes(raw)
    choice = choose(ORIGIN, TARGET, SERVER, tmp_path / "own.sql")
    with closing(Stage(lifecycle, choice, scope=Scope(thorough=False))) as stage:
        stage.conduct()
        reports = [ask(stage) for ask in QUESTIONS.values()]
    assert [str(one) for one in reports if not one] == []
    assert sum(one.looked_at for one in reports) > 1000
