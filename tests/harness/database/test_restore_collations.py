"""Copies of a dump without named collations must get the site's, and preflight must foresee another's effects."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from harness import dump as dumps
from harness.database import Database
from harness.database.remarks import ADD_COLLATIONS
from harness.database.restore import restore
from harness.dump import Dump, collations
from harness.dump.choice import choose
from harness.dump.text import Text
from harness.errors import UsageError
from harness.releases import server
from harness.stage import Scope, Stage
from harness.upgrade.lifecycle import Lifecycle

OLD = "-- MySQL dump 10.13  Distrib 5.7.44\n-- Server version\t{}\n/*!40101 SET NAMES utf8mb4 */;\n"
END = "-- Dump completed on 2026-01-01\n"
USERS = """CREATE TABLE `Users` (
  `id` int NOT NULL AUTO_INCREMENT,
  `Name` varchar(200) NOT NULL,
  `Note` text CHARACTER SET {1} COMMENT 'x',
  PRIMARY KEY (`id`),
  UNIQUE KEY `Users1` (`Name`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET={0};
"""
MYSQL, MARIADB = "5.7.44-log", "10.4.26-MariaDB-log"


def written(folder: Path, version: str, *statements: str) -> Dump:
    """Return a dump that a server of this version may have written; "" for one that does not name its version."""
    path = folder / "mine.sql"
    head = OLD.format(version) if version else "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8mb4 */;\n"
    path.write_text(head + "".join(statements) + END, encoding="utf-8")
    return dumps.load(path)


def people(*names: str) -> str:
    """Return the rows of a table of people."""
    return "".join(f"INSERT INTO `Users` (`Name`) VALUES ('{name}');\n" for name in names)


def users(charset: str, note: str = "") -> str:
    """Return the definition of a table of people. note: character set of its column Note, the table's without."""
    return USERS.format(charset, note or charset)


def fed(dump: Dump) -> tuple[Text, str]:
    """Return a dump's statements about itself, and the SQL that is fed."""
    text = Text()
    return text, b"".join(dump.chunks(text)).decode()


@pytest.mark.parametrize(
    ("version", "charset", "left_out"),
    [
        (MYSQL, "utf8mb4", True),
        (MYSQL, "utf8", True),
        ("8.0.36", "utf8mb3", True),
        ("8.0.36", "utf8mb4", False),
        ("9.7.4", "utf8mb4", False),
        ("5.5.5-10.4.26-MariaDB", "utf8mb4", True),
        (MARIADB, "utf8", True),
        ("10.4.27-MariaDB", "utf8mb4", False),
        ("10.1.48-MariaDB-0+deb9u2", "utf8", True),
        ("10.6.10-MariaDB", "utf8mb4", True),
        ("10.6.11-MariaDB", "utf8mb4", False),
        ("5.5.5-10.11.4-MariaDB", "utf8mb4", False),
        ("11.8.9-MariaDB", "utf8mb4", False),
        ("", "utf8mb4", False),
    ],
)
def test_the_servers_that_leave_it_out(version: str, charset: str, left_out: bool) -> None:
    """Known from the servers' own dumps: they name a collation only if it is not its character set's default."""
    assert collations.leaves_out(version, charset) == left_out


def test_it_is_put_in_where_it_was_left_out(tmp_path: Path) -> None:
    """In a table's last line, and in a column of another character set; nowhere else."""
    text, sql = fed(written(tmp_path, MYSQL, users("utf8mb4")))
    assert re.findall(r".*COLLATE.*", sql) == [
        "  `Note` text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT 'x',",
        ") ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE utf8mb4_general_ci;",
    ]
    assert (text.collated, text.bare) == ({"Users": dict.fromkeys(["", "Name", "Note"], "utf8mb4")}, {})


def test_columns_are_noted_with_their_own_character_set(tmp_path: Path) -> None:
    """A server may have another default for one of two character sets; what is named stays the site's."""
    mixed = users("utf8", "utf8mb4").replace("  PRIMARY", "  `Login` varchar(9) COLLATE utf8_bin,\n  PRIMARY")
    text, _ = fed(written(tmp_path, MYSQL, mixed))
    assert text.collated == {"Users": {"": "utf8", "Name": "utf8", "Note": "utf8mb4"}}
    text, _ = fed(written(tmp_path, "8.0.36", mixed))
    assert (text.collated, text.bare) == ({"Users": {"": "utf8", "Name": "utf8"}}, {"Users": {"Note": "utf8mb4"}})
    text, _ = fed(written(tmp_path, MYSQL, users("latin1", "utf8")))
    assert text.collated == {"Users": {"Note": "utf8"}}


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE `t` (\n  `a` text COMMENT 'CHARACTER SET utf8 x'\n) ENGINE=InnoDB DEFAULT CHARSET=latin1;\n",
        "CREATE TABLE `t` (\n  `a` varchar(9) CHARACTER SET ascii,\n  `b` varchar(9) COLLATE utf8mb4_bin\n"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;\n",
        "CREATE TABLE `t` (\n  `a` text CHARACTER SET utf8 COLLATE utf8_bin\n"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin COMMENT='CHARSET=utf8';\n",
    ],
    ids=["eight-bits", "named", "in-a-comment"],
)
def test_what_is_named_stays_as_it_is(tmp_path: Path, table: str) -> None:
    """A definition that names its collation is not changed."""
    text, sql = fed(written(tmp_path, MYSQL, table))
    assert table in sql
    assert (text.collated, text.bare) == ({}, {})


@pytest.mark.parametrize(
    ("table", "column"), [("utf8", "utf8mb4"), ("utf8mb4", "utf8"), ("latin1", "utf8mb3"), ("utf16", "ucs2")]
)
def test_the_program_that_is_advised_names_them(tmp_path: Path, table: str, column: str) -> None:
    """The program corrects the dump with which the site moves, and such a dump is like any other."""
    named = "  `Login` varchar(9) CHARACTER SET utf8 COLLATE utf8_bin DEFAULT 'a',\n  PRIMARY"
    dump = written(
        tmp_path, MYSQL, users(table, column).replace("  PRIMARY", named), people("a CHARACTER SET utf8")
    )
    command = [*shlex.split(ADD_COLLATIONS), str(dump.path)]
    mended = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert re.findall(r".*COLLATE.*", mended) == [
        f"  `Note` text CHARACTER SET {column} COLLATE {column}_general_ci COMMENT 'x',",
        named.partition("\n")[0],
        *[f") ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET={table} COLLATE={table}_general_ci;"]
        * (table != "latin1"),
    ]
    dump.path.write_text(mended, encoding="utf-8")
    text, _ = fed(dumps.load(dump.path))
    assert (text.collated, text.bare) == ({}, {})
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == mended


def empty(lifecycle: Lifecycle, clone: CloneFactory, name: str) -> Database:
    """Return a server of its own with an empty database."""
    return clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))


def collation(database: Database) -> set[str]:
    """Return the collations of the table of people and of its text, without their character set."""
    table = "SELECT table_collation FROM information_schema.tables WHERE table_name = 'Users'"
    columns = "SELECT collation_name FROM information_schema.columns WHERE table_name = 'Users'"
    return {str(one).partition("_")[2] for (one,) in [*database.rows(table), *database.rows(columns)] if one}


@pytest.mark.engine
@pytest.mark.parametrize("charset", ["utf8", "utf8mb4"])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mariadb-10.5", ()),
        ("mariadb-10.11", ()),
        ("mariadb-11.8", ("utf8", "utf8mb4")),
        ("mysql-9.7", ("utf8mb4",)),
    ],
)
def test_every_server_gives_the_sites_collation(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, *, name: str, changes: Iterable[str], charset: str
) -> None:
    """Names that the site distinguishes stay distinct; a plain restore that makes them equal is reported."""
    database = empty(lifecycle, clone, name)
    dump = written(tmp_path, MYSQL, users(charset), people("strasse", "straße"))
    said = restore(database, dump)
    assert collation(database) == {"general_ci"}
    assert said.unproven == []
    columns = dict.fromkeys(["", "Name", "Note"], charset)
    assert said.uncollated == ({"Users": columns} if charset in changes else {})
    assert [
        re.findall(r"for 1 tables or columns of them: server 5\.7\.44-log .*sed -E", one) != []
        for one in said.notes
    ] == [True for _ in said.uncollated]


@pytest.mark.engine
def test_a_column_of_another_character_set_is_told(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path
) -> None:
    """This server has another default collation only for the character set of the column."""
    database = empty(lifecycle, clone, "mysql-9.7")
    said = restore(database, written(tmp_path, MYSQL, users("utf8", "utf8mb4"), people("a")))
    assert said.uncollated == {"Users": {"Note": "utf8mb4"}}
    assert "gives them utf8mb4_0900_ai_ci" in said.notes[0]


@pytest.mark.engine
@pytest.mark.parametrize(("version", "said"), [("8.0.36", "its server, 8.0.36, writes one"), ("", "does not say")])
def test_where_it_was_taken_out_nothing_is_known(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, version: str, said: str
) -> None:
    """Many sites remove a collation from a dump because another product does not know it."""
    database = empty(lifecycle, clone, "mariadb-11.8")
    restored = restore(database, written(tmp_path, version, users("utf8mb4"), people("a")))
    assert said in restored.unproven[0]
    assert "what utf8mb4_uca1400_ai_ci says" in restored.unproven[0]
    assert (restored.uncollated, restored.notes) == ({}, [])


@pytest.mark.engine
def test_equal_values_are_not_another_servers_matter(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path
) -> None:
    """The advice to use the dump's own server would be useless: the site wants to leave that one."""
    dump = written(tmp_path, "", users("utf8mb4"), people("strasse", "straße"))
    with pytest.raises(UsageError) as told:
        restore(empty(lifecycle, clone, "mariadb-11.8"), dump)
    assert "ERROR 1062" in str(told.value)
    assert "collation" in told.value.repair
    assert "rename one on the site" in told.value.repair
    assert "choose the server" not in told.value.repair


def of_old_mysql(release: str, keyword: str, folder: Path, *statements: str) -> Dump:
    """Return a bundled dump as MySQL 5.7 would have written it, with these statements at its end."""
    sql = b"".join(dumps.load(dumps.bundled(release, keyword)).chunks()).decode(errors="surrogateescape")
    sql = re.sub(r" COLLATE[ =](?:utf8|ascii)\w*_general_ci", "", sql).replace("CHARSET=utf8mb3", "CHARSET=utf8")
    sql = re.sub(r"-- Server version\s.*", f"-- Server version\t{MYSQL}", sql)
    path = folder / "mine.sql"
    sql = sql.replace("-- Dump completed", "\n".join([*statements, "-- Dump completed"]))
    path.write_bytes(sql.encode(errors="surrogateescape"))
    return dumps.load(path)


def asked(lifecycle: Lifecycle, release: str, name: str, dump: Dump) -> list[str]:
    """Return preflight's findings, in one line each."""
    stage = Stage(lifecycle, choose(release, "5.0.10", name, dump.path), scope=Scope(validates=False))
    try:
        return [f"{one.where}: {one.what}" for one in stage.preflight().findings]
    finally:
        stage.close()


@pytest.mark.engine
@pytest.mark.mutants("preflight")
@pytest.mark.control("preflight")
def test_a_blank_that_a_restore_makes_a_letter_is_found(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """No step converts that table, but logins by the name without the blank would fail.

    Nothing else is found in it: nearly all such dumps are like this one without that name.
    """
    blank = "UPDATE `Users` SET `Name` = CONCAT(`Name`, ' ') WHERE `Name` NOT IN ('RT_System', 'Nobody') LIMIT 1;"
    [said] = asked(lifecycle, "5.0.3", "mysql-9.7", of_old_mysql("5.0.3", "campus", tmp_path, blank))
    assert said.startswith("Users.Name: 1 values end in a blank; under utf8mb4_0900_ai_ci, which a restore of the")


@pytest.mark.engine
@pytest.mark.control("preflight")
def test_values_of_a_column_with_a_named_collation_are_left_alone(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """A restore keeps that collation, whatever the table's own default becomes."""
    people = [f"INSERT INTO `Users` (`Name`) VALUES ('{name}');" for name in ("Quill", "quill")]
    path = of_old_mysql("5.0.3", "campus", tmp_path, *people).path
    users = rb"(CREATE TABLE `Users` \(\n.*\n  `Name` varchar\(200\))"
    sql, count = re.subn(users, rb"\1 CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", path.read_bytes())
    assert count == 1
    path.write_bytes(sql)
    assert asked(lifecycle, "5.0.3", "mariadb-11.8", dumps.load(path)) == []


@pytest.mark.engine
@pytest.mark.mutants("preflight")
def test_names_that_a_conversion_makes_one_are_found(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """The restore itself ended with a duplicate key, and the advice was to stay on the old server."""
    people = [f"INSERT INTO `Users` (`Name`) VALUES ('{name}');" for name in ("strasse", "straße")]
    found = asked(lifecycle, "4.4.6", "mariadb-11.8", of_old_mysql("4.4.6", "plain", tmp_path, *people))
    assert [one.partition(":")[0] for one in found] == ["Users.Users1"]
    assert "the same under utf8mb4_uca1400_ai_ci: the conversion will stop with a duplicate key" in found[0]
