"""A backup contains the whole database, and its errors quote no data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from fixtures.databases import CloneFactory
from harness import database, dump
from harness.database import Database, backup, programs
from harness.drills import interruption, rollback
from harness.drills.interruption import Cut
from harness.engine.containers import ExecError
from harness.errors import InfrastructureError
from harness.releases import ROOT, server
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
CANARY = "nobody-may-read-this"
MADE = (
    f"CREATE TABLE Other (id int, Name varchar(40) DEFAULT '{CANARY}') CHARSET=utf8mb4",
    "CREATE TRIGGER stamped BEFORE INSERT ON Other FOR EACH ROW SET NEW.id = NEW.id + 1",
    "CREATE PROCEDURE cleaned() DELETE FROM Other",
    "CREATE FUNCTION unit() RETURNS int DETERMINISTIC NO SQL RETURN 1",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM Other",
    "INSERT INTO Other VALUES (1, 'one')",
)


@pytest.fixture(params=["mariadb-10.11", "mysql-9.7"])
def site(request: pytest.FixtureRequest, lifecycle: Lifecycle, clone: CloneFactory) -> Database:
    """Return a server with a table, and with all other kinds of objects that a site may have."""
    name = str(request.param)
    found = clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))
    found.execute(*MADE, root=True)
    return found


def test_routines_events_and_triggers_come_back(site: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client programs omit routines and events by default; the drill must report what is missing."""
    had = rollback.objects(site)
    assert set(had) == {"trigger stamped", "procedure cleaned", "function unit", "event nightly"}
    backup.take(site)
    backup.restore(site)
    assert (rollback.objects(site), site.rows("SELECT * FROM Other")) == (had, [(2, "one")])

    monkeypatch.setattr(backup, "OBJECTS", ("--skip-routines", "--skip-events"))
    backup.take(site)
    backup.restore(site)
    report = Report(rollback.CHECK, rollback.QUESTION)
    rollback.same_objects(report, had, rollback.objects(site))
    assert [one.where for one in report.findings] == ["event nightly", "function unit", "procedure cleaned"]


def test_no_dump_holds_a_zero_byte(site: Database) -> None:
    """A dump with one is refused as damaged, so the servers' own programs must write those of data otherwise."""
    site.execute(
        "CREATE TABLE Holes (a longblob, b varbinary(9), c binary(9), d longtext, e bit(16), f enum('x\\0y'))",
        "INSERT INTO Holes VALUES ('a\\0b', 'a\\0b', 'a', 'a\\0b', 256, 'x\\0y')",
        "INSERT INTO Holes VALUES (REPEAT('\\0', 999), '', '', '', 0, NULL)",
        root=True,
    )
    for options in ((), ("--hex-blob",), ("--skip-opt",)):
        said = programs.run_dump(site, "--no-tablespaces", *options)
        assert "INSERT INTO `Holes`" in said
        assert ("\\0" in said, "\0" in said) == (True, False), options


def test_a_restore_that_breaks_quotes_no_row(site: Database) -> None:
    """The client prints the statement that failed, and the server the value it refuses."""
    backup.take(site)
    row = f"INSERT INTO Other VALUES ('{CANARY}', '{CANARY}');"
    site.container.need(["sh", "-c", 'echo "$1" >>"$2"', "sh", row, backup.BACKUP])
    with pytest.raises(ExecError, match="The backup could not be put back") as caught:
        backup.restore(site)
    assert CANARY not in str(caught.value)
    assert "Other" in site.tables()


def test_a_larger_database_gets_more_time(site: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a hanging server may be cut off: the duration of a rebuild grows with the data."""
    assert site.patience(5) == 5
    monkeypatch.setattr(database, "SLOW_DISK", (1000, 2.0))
    assert site.patience(5) > 5


def test_a_full_disk_takes_no_more_memory_than_there_is(lifecycle: Lifecycle) -> None:
    """Otherwise the kernel would kill other users' programs for lack of memory."""
    name = "mariadb-10.11"
    baseline = lifecycle.baselines.empty(server(name), lifecycle.server_image(name))
    large = replace(baseline, size=(10**10, 10**9))
    with (
        pytest.raises(InfrastructureError, match="made of memory"),
        interruption.copy(lifecycle, large, Cut.DISK),
    ):
        pass


@pytest.mark.parametrize("own", [False, True], ids=["bundled", "own"])
def test_a_dump_of_ones_own_may_take_its_time(own: bool) -> None:
    """Ten minutes are enough for the bundled dumps, but not for every other one."""
    words = ["--dump", str(dump.bundled("4.4.6"))] if own else []
    command = [sys.executable, "-m", "pytest", "--collect-only", "tests/harness/common/test_basics.py", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert "collected" in done.stdout
    assert ("timeout: 600" in done.stdout) != own
