"""Rows and values of a dump that a server drops or changes without an error are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from harness import dump
from harness.database.restore import Restored, restore
from harness.dump.replaced import Replaced
from harness.dump.text import Text
from harness.errors import UsageError
from harness.releases import server
from harness.upgrade.lifecycle import Lifecycle

SERVERS = ("mariadb-10.11", "mysql-9.7")
HEAD = """-- MariaDB dump 10.19
/*!40101 SET NAMES utf8mb4 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
DROP TABLE IF EXISTS `Users`;
CREATE TABLE `Users` (
  `id` int NOT NULL,
  `Name` varchar(8) NOT NULL,
  `Born` datetime DEFAULT NULL,
  UNIQUE KEY `Users1` (`Name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
"""
GOOD = "INSERT INTO `Users` VALUES (1,'Doe','0000-00-00 00:00:00'),(2,'Roe',NULL);\n"
END = "-- Dump completed on 2026-01-01\n"
IGNORED = "INSERT IGNORE INTO `Users` VALUES (3,'doe',NULL),(4,'Poe',NULL);\n"
CUT = "INSERT INTO `Users` VALUES (5,'Doe,\nJane and John',NULL);\n"
WIDE = "INSERT INTO `Users` VALUES (99999999999,'Loe',NULL);\n"
REPLACED = "REPLACE INTO `Users` VALUES (6,'ROE',NULL);\n"
ALL_REPLACE = GOOD.replace("INSERT", "REPLACE")
BODY = """DELIMITER ;;
/*!50003 CREATE*/ /*!50003 TRIGGER `one` AFTER INSERT ON `Users` FOR EACH ROW BEGIN
REPLACE INTO `Other` VALUES (1);
END */;;
DELIMITER ;
"""


def restored(lifecycle: Lifecycle, clone: CloneFactory, folder: Path, name: str, *parts: str) -> Restored:
    """Return the remarks on a dump of these parts, restored on an empty server."""
    path = folder / "mine.sql"
    path.write_text("".join([HEAD, *parts, END]), encoding="ascii")
    database = clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))
    return restore(database, dump.load(path))


@pytest.mark.engine
@pytest.mark.parametrize("name", SERVERS)
def test_what_is_lost_in_silence_is_counted(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, name: str
) -> None:
    """Both sides would lack the same user and the end of the same subject, so no comparison could show it."""
    said = restored(lifecycle, clone, tmp_path, name, GOOD, IGNORED, CUT, WIDE)
    assert len(said.unproven) == 1
    assert "at least 1 rows with a key that another row has (1062)" in said.unproven[0]
    assert "1 values cut off to fit into their column (1265)" in said.unproven[0]
    assert "1 numbers out of the range of their column (1264)" in said.unproven[0]
    assert not {"doe", "jane"} & set(said.unproven[0].lower().replace("'", " ").replace(",", " ").split())


@pytest.mark.engine
@pytest.mark.parametrize("name", SERVERS)
def test_a_dump_that_loses_nothing_is_silent(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, name: str
) -> None:
    """A table that is not there to be dropped makes the server speak as well; dates of zeros are data of RT."""
    assert restored(lifecycle, clone, tmp_path, name, GOOD).unproven == []


@pytest.mark.engine
def test_an_error_keeps_its_line_among_warnings(lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path) -> None:
    """The warnings of a large dump would fill the memory; the error that ends the restore must not be lost."""
    rows = "".join(f"INSERT IGNORE INTO `Users` VALUES (1,'{'DOE' * 40}',NULL);\n" for _ in range(2000))
    with pytest.raises(UsageError) as told:
        restored(
            lifecycle, clone, tmp_path, SERVERS[0], GOOD, rows, "INSERT INTO `Users` VALUES (7,'x' 'Jane'' y);\n"
        )
    assert "ERROR 1064" in str(told.value)
    assert "DOE" not in str(told.value)


@pytest.mark.engine
@pytest.mark.parametrize("name", SERVERS)
def test_a_syntax_error_is_not_put_down_to_the_server(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, name: str
) -> None:
    """A dump that was edited fails on every server."""
    with pytest.raises(UsageError) as told:
        restored(lifecycle, clone, tmp_path, name, GOOD, "INSERTED INTO `Users` VALUES (7,'x',NULL);\n")
    assert "if the dump was edited" in str(told.value)


@pytest.mark.engine
def test_rows_that_replace_others_are_told(lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path) -> None:
    """REPLACE removes the other row without a warning."""
    [said] = restored(lifecycle, clone, tmp_path, SERVERS[0], GOOD, REPLACED).unproven
    assert "(Users)" in said
    [said] = restored(lifecycle, clone, tmp_path, SERVERS[0], ALL_REPLACE, REPLACED).unproven
    assert "(Users)" in said


@pytest.mark.engine
@pytest.mark.parametrize("name", SERVERS)
def test_rows_that_replace_no_others_are_no_loss(
    lifecycle: Lifecycle, clone: CloneFactory, tmp_path: Path, name: str
) -> None:
    """A dump made with --replace holds all rows, as long as no two are the same here."""
    assert restored(lifecycle, clone, tmp_path, name, ALL_REPLACE).unproven == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_rows_are_counted_across_pieces(size: int) -> None:
    """A long line comes in pieces, cut anywhere: within strings, escapes and doubled quotes."""
    head = rb"REPLACE INTO `My ``(table)` (`a`, `b(`) VALUES "
    rows = rb"""(1,'a(b\\'),(2,'it''s (\''),(3,'\\(\\'),(4,NULL),
(5,'x'),
(6,'(');
"""
    replaced = Replaced()
    for line in rows.splitlines(keepends=True):
        fresh, head_here = True, head if line.startswith(b"(1") else b""
        for at in range(0, len(line), size):
            replaced.take(head_here * fresh + line[at : at + size], fresh=fresh)
            fresh = False
    assert replaced.tables() == ["My `(table)"]
    assert replaced.unaccounted({"My `(table)": 6}) == []
    assert replaced.unaccounted({"My `(table)": 5}) == replaced.unaccounted({}) == replaced.tables()
    replaced.take(b"INSERT INTO `My ``(table)` VALUES (7,'')", fresh=True)
    assert replaced.unaccounted({"My `(table)": 6}) == replaced.tables(), "other rows are not counted"


def test_a_trigger_may_replace() -> None:
    """The lines of a trigger's body are no rows of the dump."""
    text = Text()
    for line in (HEAD + GOOD + BODY + END).splitlines(keepends=True):
        text.take(line.encode())
    assert text.replaced.tables() == []
    assert text.objects == {"trigger": ["one"]}
    text.take(REPLACED.encode())
    assert text.replaced.tables() == ["Users"]
