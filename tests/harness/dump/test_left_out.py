"""A dump that closes as a whole one and lacks rows is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import dump as dumps
from harness.dump import DumpError
from harness.dump.text import Text

HEAD = (
    b"-- MariaDB dump 10.19\n--\n-- Host: localhost    Database: rt5\n-- ------\n/*!40101 SET NAMES utf8mb4 */;\n"
)
END = b"-- Dump completed on 2026-01-01\n"
BEGIN, CLOSE = b"/*!40000 ALTER TABLE `%s` DISABLE KEYS */;\n", b"/*!40000 ALTER TABLE `%s` ENABLE KEYS */;\n"
NONE_OF_THEM = b"-- WHERE:  1=0"


def block(table: bytes, *, closed: bool = True, condition: bytes = b"", rows: bool = True) -> bytes:
    """Return a table's rows as the servers' programs write them."""
    heading = b"--\n-- Dumping data for table `%s`\n--\n%s\n" % (table, condition)
    written = b"INSERT INTO `%s` VALUES\n(1,'/*!40000 ALTER TABLE `x` DISABLE KEYS */;'),\n(2,'');\n" % table
    return heading + BEGIN % table + (written if rows else b"") + (CLOSE % table if closed else b"")


def read(folder: Path, *blocks: bytes) -> Text:
    """Read a dump of these blocks to its end; return what its text said."""
    path = folder / "mine.sql"
    path.write_bytes(HEAD + b"".join(blocks) + END)
    text = Text()
    list(dumps.load(path).chunks(text))
    return text


@pytest.mark.mutants("dump")
@pytest.mark.parametrize(
    "blocks",
    [
        [block(b"ACL"), block(b"Links", closed=False, rows=False), block(b"Users")],
        [block(b"ACL"), block(b"Links", closed=False)],
        [block(b"Links", closed=False), CLOSE % b"ACL"],
    ],
    ids=["in the middle", "the last one", "another one is closed"],
)
def test_a_table_that_was_not_written_to_its_end_is_refused(tmp_path: Path, blocks: list[bytes]) -> None:
    """With --force the program goes on after an error, and says so on its terminal alone: all links were gone."""
    with pytest.raises(DumpError, match=r"lacks rows: those of 1 table were not written to their end \(Links\)\."):
        read(tmp_path, *blocks)


@pytest.mark.mutants("dump")
def test_a_condition_is_refused(tmp_path: Path) -> None:
    """Half of the transactions were missing, and the rest was consistent. A condition may quote data."""
    some = b"-- WHERE:  Name = 'somebody'"
    with pytest.raises(DumpError, match="made with --where, which left rows out of 2 tables") as told:
        read(tmp_path, block(b"ACL"), block(b"Users", condition=some), block(b"Links", condition=some))
    assert "somebody" not in f"{told.value} {told.value.repair}"


@pytest.mark.control("dump")
@pytest.mark.parametrize(
    "blocks",
    [
        [block(b"ACL"), block(b"Links", rows=False), block(b"Users")],
        [b"INSERT INTO `ACL` VALUES (1);\n", block(b"Users")],
        [block(b"ACL"), END, HEAD, block(b"sessions", condition=NONE_OF_THEM, rows=False)],
    ],
    ids=["whole", "without blocks", "no sessions"],
)
def test_what_has_all_rows_is_read(tmp_path: Path, blocks: list[bytes]) -> None:
    """Empty tables have a block too, --skip-disable-keys leaves blocks out, and sessions are wanted by nobody."""
    assert read(tmp_path, *blocks).whole
