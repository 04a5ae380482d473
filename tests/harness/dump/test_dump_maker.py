"""A file that is no dump of the servers' own programs alone must be told from one that is cut off."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import dump as dumps
from harness.dump import DumpError
from harness.dump.maker import AGAIN
from tests.harness.dump.dump_files import FORMATS, SQL, write

TABLE = b"CREATE TABLE `t` (\n  `a` text\n) ENGINE=InnoDB;\nINSERT INTO `t` VALUES ('a');\n"
MYDUMPER = b"/*!40101 SET NAMES binary*/;\n/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n"
HEIDI = b"-- ------\n-- Host:                 127.0.0.1\n-- HeidiSQL Version:     12.3.0\n-- ------\n\n"
POSTGRES = b"--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\nCREATE TABLE t (a text);\n"
OTHERS = {
    "phpMyAdmin": (
        b"-- phpMyAdmin SQL Dump\n-- version 5.2.1\n--\n-- Host: localhost\n" + TABLE + b"COMMIT;\n",
        AGAIN,
    ),
    "mydumper": (MYDUMPER + TABLE + MYDUMPER + TABLE, AGAIN),
    "PostgreSQL": (POSTGRES + b"--\n-- PostgreSQL database dump complete\n--\n\n", "MariaDB and MySQL"),
    "Adminer": (
        b"-- Adminer 4.8.1 MySQL 8.0.30 dump\n\nSET NAMES utf8;\n" + TABLE + b"-- 2026-01-01 00:00:00\n",
        AGAIN,
    ),
    "HeidiSQL": (HEIDI + TABLE, AGAIN),
    "mysqlpump": (
        b"-- Dump created by MySQL pump utility, version: 8.0.30\n" + TABLE + b"-- Dump end time\n",
        AGAIN,
    ),
    "without its comments": (b"/*!40101 SET NAMES utf8mb4 */;\n" + TABLE, "--skip-comments"),
}
"""Whole dumps by other programs, and a part of the advice for each."""


@pytest.mark.mutants("dump")
@pytest.mark.parametrize("pack", [FORMATS["plain"], FORMATS["gzip"]], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", OTHERS)
def test_a_dump_by_another_program_is_not_called_cut_off(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    """Such a dump is complete, and operators would look for a full disk."""
    content, advice = OTHERS[name]
    with pytest.raises(DumpError) as told:
        dumps.need_whole(dumps.load(write(tmp_path, pack(content))))
    assert name in told.value.sentence
    assert "nothing proves it whole" in told.value.sentence
    assert advice in told.value.repair
    assert "cut off" not in str(told.value)
    assert "disk" not in str(told.value)


@pytest.mark.mutants("dump")
@pytest.mark.parametrize("name", FORMATS)
def test_an_archive_of_files_is_told(tmp_path: Path, name: str) -> None:
    """RT's documents pack dump and configuration together; the error has to name the dump inside."""
    (tmp_path / "rt.sql").write_bytes(SQL)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(tmp_path / "rt.sql", "rt.sql")
    with pytest.raises(DumpError, match=r"^site\.sql\.any is an archive of tar, not a dump\.") as told:
        dumps.need_whole(dumps.load(write(tmp_path, FORMATS[name](packed.getvalue()))))
    assert "tar -xf site.sql.any" in told.value.repair


WARNED = b"mysqldump: [Warning] Using a password on the command line interface can be insecure.\n"
RENAMED = b"/usr/bin/mysqldump: Deprecated program name. Use '/usr/bin/mariadb-dump' instead\n"
FAILED = b"mariadb-dump: Couldn't execute 'SHOW CREATE VIEW `v`': access denied (1142)\n"


@pytest.mark.mutants("dump")
@pytest.mark.parametrize("name", ["plain", "gzip"])
@pytest.mark.parametrize(
    "content",
    [WARNED + SQL, RENAMED + SQL, SQL.replace(b"CREATE TABLE", FAILED + b"CREATE TABLE"), WARNED],
    ids=["warned", "renamed", "failed", "nothing-else"],
)
def test_messages_in_a_dump_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    """A script with 2>&1 writes them between the SQL, where the server would refuse them as errors of syntax."""
    with pytest.raises(DumpError, match=r"^Messages of the program that made site\.sql\.any were written") as told:
        dumps.need_whole(dumps.load(write(tmp_path, FORMATS[name](content))))
    assert "without 2>&1" in told.value.repair
