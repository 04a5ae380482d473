"""Facts are read from a dump while it passes: databases, engines, character sets, objects besides tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import dump as dumps
from harness.database.remarks import lost_characters
from harness.dump import CHUNK, DumpError
from harness.dump.text import Text
from tests.harness.gate.running_gate import USAGE, gate

HEAD = b"-- MariaDB dump 10.19\n--\n-- Host: localhost    Database: %s\n-- ------\n/*!40101 SET NAMES %s */;\n"
END = b"-- Dump completed on 2026-01-01\n"
USERS = b"""DROP TABLE IF EXISTS `Users`;
CREATE TABLE `Users` (
  `id` int(11) NOT NULL COMMENT ') ENGINE=Odd; CHARACTER SET utf8mb4',
  `Name` varchar(200) %s,
  `Password` varchar(256) CHARACTER SET ascii COLLATE ascii_general_ci DEFAULT NULL,
  `Note` longblob DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=%s DEFAULT CHARSET=%s COLLATE=%s_general_ci;
INSERT INTO `Users` VALUES
(1,'a; CREATE DEFINER=`a`@`b` VIEW `v`','',''),
(2,'USE `x`;','','');
"""


def users(charset: bytes = b"utf8mb4", engine: bytes = b"InnoDB", column: bytes = b"DEFAULT NULL") -> bytes:
    """Return a table with rows as a dump has it."""
    return USERS % (column, engine, charset, charset)


def read(folder: Path, content: bytes) -> tuple[Text, bytes]:
    """Return the facts read from a dump, and the text fed to a server."""
    path = folder / "mine.sql"
    path.write_bytes(content)
    text = Text()
    return text, b"".join(dumps.load(path).chunks(text))


ONE, OTHER = HEAD % (b"rt5", b"utf8mb4"), HEAD % (b"rt5_test", b"utf8mb4")
NAMED = b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `%s` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;\nUSE `%s`;\n"
BOTH = ONE + NAMED % (b"rt5", b"rt5") + users() + NAMED % (b"rt5_test", b"rt5_test") + users() + END


@pytest.mark.mutants("dump")
@pytest.mark.parametrize(
    "content",
    [
        BOTH,
        ONE + users() + END + OTHER + users() + END,
        ONE + b"USE `rt5`;\n" + users() + b"USE `rt5_test`;\n" + END,
    ],
    ids=["databases", "one-behind-the-other", "use"],
)
def test_two_databases_are_refused(tmp_path: Path, content: bytes) -> None:
    """The second database would be restored over the first one, and the verdict be about the test site."""
    with pytest.raises(DumpError, match=r"^The dump mine\.sql holds 2 databases: rt5, rt5_test\.") as told:
        read(tmp_path, content)
    assert told.value.repair.endswith(" rt5 > rt.sql")


def test_two_databases_are_told_before_anything_is_built(tmp_path: Path) -> None:
    """The error must list all names at once, with a repair, before anything is built."""
    path = tmp_path / "mine.sql"
    path.write_bytes(BOTH)
    asked = ("--dump", str(path), "--from", "4.4.6", "--server", "mariadb-10.11")
    done = gate(*asked, folder=tmp_path / "reports", DOCKER_HOST="unix:///nowhere.sock")
    assert (done.returncode, "holds 2 databases: rt5, rt5_test" in done.stderr) == (USAGE, True), done.stderr


def test_nothing_of_the_second_database_is_fed(tmp_path: Path) -> None:
    """The restored part is discarded, but that must not be relied on."""
    path = tmp_path / "mine.sql"
    path.write_bytes(BOTH)
    fed: list[bytes] = []
    with pytest.raises(DumpError):
        fed += dumps.load(path).chunks()
    assert b"".join(fed).count(b"DROP TABLE") <= 1


@pytest.mark.control("dump")
def test_the_documented_backup_is_one_database(tmp_path: Path) -> None:
    """RT's documents make a backup of two dumps in one file, and both name the same database."""
    text, _ = read(tmp_path, ONE + NAMED % (b"rt5", b"rt5") + users() + END + ONE + END)
    assert text.databases == ["rt5"]


def test_a_line_in_pieces_is_data_to_its_end(tmp_path: Path) -> None:
    """A piece of a long line may begin with any text, and must not be read as a statement."""
    first = b"INSERT INTO `Users` VALUES (1,'"
    line = first + b"x" * (CHUNK - len(first)) + b"USE `other`; CREATE DEFINER=`a`@`b` VIEW `v`');\n"
    text, fed = read(tmp_path, ONE + line + END)
    assert line in fed
    assert (text.databases, text.objects) == (["rt5"], {})


@pytest.mark.parametrize(
    ("names", "table", "narrow"),
    [
        (b"utf8", users(), {"utf8": ["Users"]}),
        (b"latin1", users(b"utf8mb3"), {"latin1": ["Users"]}),
        (b"utf8mb3", users(b"latin1", column=b"CHARACTER SET utf8mb4"), {"utf8mb3": ["Users"]}),
        (b"utf8mb3", users(b"latin1", column=b"COLLATE utf8mb4_bin"), {"utf8mb3": ["Users"]}),
        (b"utf8mb3", users(column=b"CHARACTER SET latin1"), {}),
        (b"utf8", users(b"utf8mb3"), {}),
        (b"utf8mb4", users(), {}),
        (b"binary", users(), {}),
    ],
    ids=["utf8", "latin1", "column", "collation", "narrow-column", "alike", "usual", "binary"],
)
def test_characters_that_a_dump_has_lost_are_told(
    tmp_path: Path, names: bytes, table: bytes, narrow: dict[str, list[str]]
) -> None:
    """A table without text, or whose character set is no wider than the dump's, has lost nothing."""
    text, _ = read(tmp_path, HEAD % (b"rt5", names) + table + END)
    assert text.narrow == narrow
    assert len(lost_characters(text)) == len(narrow)


UNSAID = b"-- MariaDB dump 10.19\n--\n-- Host: localhost    Database: rt5\n-- ------\n"
SESSIONS = b"CREATE TABLE `sessions` (\n  `id` char(32) NOT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=%s;\n"


@pytest.mark.mutants("dump")
@pytest.mark.parametrize(
    "content",
    [
        UNSAID + users() + END,
        UNSAID + users(b"latin1") + END,
        UNSAID + users().replace(b"INSERT INTO", b"INSERT  IGNORE INTO") + END,
        UNSAID + users().replace(b"INSERT INTO", b"REPLACE INTO") + END,
        UNSAID + users().replace(b" DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci", b"") + END,
        ONE + SESSIONS % b"utf8mb4" + END + UNSAID + users() + END,
    ],
    ids=["utf8mb4", "latin1", "ignore", "replace", "without-options", "second-part"],
)
def test_a_dump_that_does_not_say_its_character_set_proves_nothing(tmp_path: Path, content: bytes) -> None:
    """The server would guess, and both sides of an upgrade would have the same damage."""
    text, _ = read(tmp_path, content)
    assert text.unsaid == ["Users"]
    assert "(SET NAMES), and 1 table of it holds text (Users)" in "".join(lost_characters(text))


@pytest.mark.control("dump")
@pytest.mark.parametrize(
    "content",
    [
        ONE + users() + END,
        UNSAID + SESSIONS % b"utf8mb4" + END + ONE + users() + END,
        UNSAID + SESSIONS % b"ascii" + b"INSERT INTO `sessions` VALUES ('a');\n" + END,
    ],
    ids=["usual", "no-rows", "ascii"],
)
def test_a_dump_without_such_rows_need_not_say_it(tmp_path: Path, content: bytes) -> None:
    """Definitions are in ASCII, and so is the text of some columns."""
    text, _ = read(tmp_path, content)
    assert (text.unsaid, lost_characters(text)) == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        b"/*!40000 DROP DATABASE IF EXISTS `rt5`*/;",
        b"DROP DATABASE IF EXISTS `rt5`;",
        b"ALTER DATABASE `rt5` CHARACTER SET latin1 COLLATE latin1_swedish_ci ;",
        b"CHANGE MASTER TO MASTER_LOG_FILE='log.000042', MASTER_LOG_POS=344;",
        b"CHANGE MASTER 'second' TO MASTER_HOST='db.example.org', MASTER_PORT=3306;",
        b"CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='log.000042', SOURCE_LOG_POS=344;",
        b"SET GLOBAL gtid_slave_pos='0-1-42';",
        b"STOP SLAVE;",
        b"START SLAVE;",
        b"STOP REPLICA;",
        b"START REPLICA;",
        b"STOP ALL SLAVES;",
        b"START ALL SLAVES;",
    ],
)
def test_what_is_about_the_old_server_is_not_fed(tmp_path: Path, line: bytes) -> None:
    """Common options, such as --add-drop-database and --master-data, must not prevent a restore."""
    text, fed = read(tmp_path, ONE + line + b"\n" + users() + END)
    assert fed == ONE + users() + END
    assert text.databases == ["rt5"]


def test_a_routine_that_begins_a_transaction_keeps_it(tmp_path: Path) -> None:
    """Lines of a routine are free text, and one may look like a command to a replica."""
    body = b"CREATE DEFINER=`a`@`b` PROCEDURE `p`()\nBEGIN\nSTART TRANSACTION;\nCOMMIT;\nEND ;;\n"
    _, fed = read(tmp_path, ONE + body + END)
    assert b"\nSTART TRANSACTION;\n" in fed


@pytest.mark.parametrize("line", [b"/*!40000 DROP DATABASE IF EXISTS `other`*/;", b"DROP DATABASE `other`;"])
def test_a_database_that_is_dropped_is_named(tmp_path: Path, line: bytes) -> None:
    """Tables created after that line belong to another site."""
    with pytest.raises(DumpError, match=r"holds 2 databases: rt5, other\."):
        read(tmp_path, ONE + users() + line + b"\n" + users() + END)


def test_engines_are_read_where_they_stand(tmp_path: Path) -> None:
    """Engines in comments, and those of placeholder tables for views, must be ignored."""
    text, _ = read(tmp_path, ONE + users(engine=b"SPHINX") + b"CREATE TABLE `t` (`a` int) ENGINE=Aria;\n" + END)
    assert text.engines == {"Users": "SPHINX", "t": "Aria"}


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        (
            b"/*!50013 DEFINER=`old`@`gone.example` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS SELECT 1 */;",
            "view",
            "v",
        ),
        (
            b"/*!50003 CREATE*/ /*!50017 DEFINER=`o``d`@`%`*/ /*!50003 TRIGGER t AFTER INSERT ON U DO x*/;;",
            "trigger",
            "t",
        ),
        (
            b"/*!50106 CREATE*/ /*!50117 DEFINER=`old`@`%`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO x */"
            b" ;;",
            "event",
            "e",
        ),
        (b"CREATE DEFINER=`old`@`gone.example` PROCEDURE `p`()", "procedure", "p"),
        (b"CREATE DEFINER=`old`@`gone.example` FUNCTION `f``g`() RETURNS int", "function", "f`g"),
        (b"CREATE OR REPLACE DEFINER='old'@'%' TRIGGER `t` BEFORE INSERT ON x FOR EACH ROW y", "trigger", "t"),
        (b"CREATE ALGORITHM=UNDEFINED DEFINER=`old`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1;", "view", "v"),
        (b"CREATE DEFINER=role FUNCTION `f`() RETURNS int", "function", "f"),
    ],
)
def test_whoever_defined_it_is_taken_out(tmp_path: Path, line: bytes, kind: str, name: str) -> None:
    """The definer's account does not exist here, and only an administrator may name another account."""
    text, fed = read(tmp_path, ONE + b"/*!50001 DROP VIEW IF EXISTS `v`*/;\n" + line + b"\n" + END)
    assert text.objects == {kind: [name]}
    assert re.findall(rb"DEFINER=(\S*?)[ *]", fed) == [b"CURRENT_USER"]


def test_binary_values_take_twice_the_letters(tmp_path: Path) -> None:
    """A dump with hexadecimal values must not be refused for lack of space it does not need."""
    plain, _ = read(tmp_path, ONE + users() + END)
    hexadecimal, _ = read(tmp_path, ONE + users() + b"INSERT INTO `Users` VALUES (3,'','',0x0011);\n" + END)
    assert (plain.least, hexadecimal.least) == (plain.size * 9 // 10, hexadecimal.size // 2)
