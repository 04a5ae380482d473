"""Objects besides tables are restored without the old server's accounts, and are reported."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from harness import dump
from harness.database import Database
from harness.database.programs import dump_name
from harness.database.restore import restore
from harness.errors import UsageError
from harness.releases import server
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.gate.running_gate import gate

pytestmark = pytest.mark.engine
SOCKET = "/run/mysqld/mysqld.sock"
OLD = "'old'@'gone.example'"
OBJECTS = (
    f"CREATE USER {OLD}",
    f"GRANT ALL ON rt.* TO {OLD}",
    "CREATE TABLE AttachmentsIndex (id int, Name varchar(20)) CHARSET=utf8mb4",
    "CREATE TABLE Other (id int)",
    f"CREATE DEFINER={OLD} VIEW open_tickets AS SELECT id FROM AttachmentsIndex",
    f"CREATE DEFINER={OLD} TRIGGER stamped BEFORE INSERT ON Other FOR EACH ROW SET NEW.id = NEW.id + 1",
    f"CREATE DEFINER={OLD} PROCEDURE cleaned() DELETE FROM Other",
    f"CREATE DEFINER={OLD} FUNCTION unit() RETURNS int DETERMINISTIC NO SQL RETURN 1",
    f"CREATE DEFINER={OLD} EVENT nightly ON SCHEDULE EVERY 1 SECOND DO DELETE FROM AttachmentsIndex",
    "INSERT INTO AttachmentsIndex VALUES (1, 'one')",
)


def empty(lifecycle: Lifecycle, clone: CloneFactory, name: str) -> Database:
    """Return a server of its own with an empty database."""
    return clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))


@pytest.mark.parametrize("name", ["mariadb-10.11", "mysql-9.7"])
def test_objects_come_back_and_are_named(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, name: str
) -> None:
    """Reporting views must not prevent a verdict, and nightly events must not change the compared data."""
    first = empty(lifecycle, clone, name)
    first.execute(*OBJECTS, root=True)
    words = [
        dump_name(first.server),
        "--no-defaults",
        "-uroot",
        f"--socket={SOCKET}",
        "--routines",
        "--events",
        "rt",
    ]
    path = tmp_path / "mine.sql"
    text = first.container.need(words, environment={"MYSQL_PWD": first.credentials.root_password})
    assert text.count("gone.example") == len([one for one in OBJECTS if "DEFINER" in one])
    path.write_text(text.replace("ENGINE=InnoDB", "ENGINE=SPHINX", 1), encoding="utf-8")

    second = empty(lifecycle, clone, name)
    said = restore(second, dump.load(path))
    assert said.unproven == []
    assert [one.partition(",")[0] for one in said.notes] == [
        "The table AttachmentsIndex is in the engine SPHINX",
        "The dump holds 5 objects that are not RT's: event nightly",
    ]
    assert "function unit, procedure cleaned, trigger stamped, view open_tickets." in said.notes[1]
    second.execute("INSERT INTO Other VALUES (1)")
    assert second.rows("SELECT id FROM Other") == [(2,)]
    assert second.rows("SELECT id, unit() FROM open_tickets") == [(1, 1)]
    assert str(second.value("SELECT @@event_scheduler")) == "OFF"


@pytest.mark.parametrize("name", ["mariadb-10.11", "mysql-9.7"])
def test_text_in_an_unknown_character_set_is_told(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, name: str
) -> None:
    """Without SET NAMES nobody knows that the dump lost characters: the restore ends without an error."""
    first = empty(lifecycle, clone, name)
    first.execute("CREATE TABLE Tickets (Subject text) CHARSET=utf8mb4")
    first.execute("INSERT INTO Tickets VALUES ('\U0001f511')")
    narrow = ("--default-character-set=latin1", "--skip-set-charset")
    words = [dump_name(first.server), "--no-defaults", "-uroot", f"--socket={SOCKET}", *narrow, "rt"]
    path = tmp_path / "mine.sql"
    path.write_text(first.container.need(words, environment={"MYSQL_PWD": first.credentials.root_password}))
    second = empty(lifecycle, clone, name)
    said = restore(second, dump.load(path))
    assert second.rows("SELECT Subject FROM Tickets") == [("?",)]
    assert len(said.unproven) == 1
    assert "Dump again without --skip-set-charset" in said.unproven[0]


def test_an_sql_mode_that_is_gone_is_taken_out(lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path) -> None:
    """MariaDB and MySQL 5.7 write it for each trigger; MySQL 8 refuses it, and production's restore would stop."""
    first = empty(lifecycle, clone, "mariadb-10.11")
    first.execute(*OBJECTS, root=True)
    words = [dump_name(first.server), "--no-defaults", "-uroot", f"--socket={SOCKET}", "--routines", "rt"]
    text = first.container.need(words, environment={"MYSQL_PWD": first.credentials.root_password})
    assert ",NO_AUTO_CREATE_USER," in text
    path = tmp_path / "mine.sql"
    path.write_text(text, encoding="utf-8")

    second = empty(lifecycle, clone, "mysql-9.7")
    [note] = [one for one in restore(second, dump.load(path)).notes if "SQL mode" in one]
    assert "the SQL mode NO_AUTO_CREATE_USER, which mysql-9.7 does not know" in note
    second.execute("INSERT INTO Other VALUES (1)")
    assert second.rows("SELECT id FROM Other") == [(2,)]

    program = [*shlex.split(note.partition("take it out: ")[2])[:-1], str(path)]
    path.write_bytes(subprocess.run(program, capture_output=True, check=True).stdout)
    third = empty(lifecycle, clone, "mysql-9.7")
    assert not [one for one in restore(third, dump.load(path)).notes if "SQL mode" in one]
    assert third.rows("SELECT unit()") == [(1,)]


@pytest.mark.parametrize("called", ["rt", "rt5"])
@pytest.mark.parametrize("name", ["mariadb-10.11", "mysql-9.7"])
def test_a_dump_that_would_drop_its_database_is_restored(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, name: str, called: str
) -> None:
    """--add-drop-database once dropped the database to restore into, or was refused under another name."""
    first = empty(lifecycle, clone, name)
    first.execute("CREATE TABLE Tickets (id int)", "INSERT INTO Tickets VALUES (1)")
    words = [
        dump_name(first.server),
        "--no-defaults",
        "-uroot",
        f"--socket={SOCKET}",
        "--add-drop-database",
        "--databases",
        "rt",
    ]
    text = first.container.need(words, environment={"MYSQL_PWD": first.credentials.root_password})
    assert "DROP DATABASE" in text
    path = tmp_path / "mine.sql"
    path.write_text(text.replace("`rt`", f"`{called}`").replace("Database: rt", f"Database: {called}"))

    second = empty(lifecycle, clone, name)
    restore(second, dump.load(path))
    assert second.counts() == {"Tickets": 1}


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("CREATE VIEW v AS SELECT * FROM elsewhere.Users", "with --ignore-table"),
        ("SET sql_mode = 'NOT_THERE'", "under an SQL mode that both servers have"),
        ("SET GLOBAL max_connections = 10", "what only an administrator may do"),
    ],
)
def test_the_advice_is_about_what_was_refused(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, line: str, advice: str
) -> None:
    """Another server would refuse it as well, so the advice must name the statement."""
    path = tmp_path / "mine.sql"
    path.write_text(f"-- MariaDB dump 10.19\n{line};\n-- Dump completed\n", encoding="ascii")
    with pytest.raises(UsageError) as told:
        restore(empty(lifecycle, clone, "mariadb-10.11"), dump.load(path))
    assert advice in told.value.repair


def test_the_gate_says_what_the_dump_has_lost(tmp_path: Path) -> None:
    """Losses that a new dump avoids belong to the unchecked questions, unavoidable ones to the remarks."""
    path = tmp_path / "mine.sql"
    path.write_text(
        "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\n/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n"
        "CREATE TABLE `Users` (`id` int, `Name` varchar(20)) ENGINE=SPHINX DEFAULT CHARSET=utf8mb4;\n"
        "-- Dump completed\n",
        encoding="ascii",
    )
    asked = ("--dump", str(path), "--from", "4.4.6", "--to", "5.0.3", "--server", "mariadb-10.11")
    said = gate(*asked, folder=tmp_path / "reports").stdout
    unproven, remarks = said.index("Not checked"), said.index("Remarks")
    assert said.startswith("NOT PROVEN")
    assert "written in utf8, and 1 of its tables hold more (Users)" in " ".join(said[unproven:remarks].split())
    assert "The table Users is in the engine SPHINX" in " ".join(said[remarks:].split())
