"""Tell which program wrote a file that is no dump of mariadb-dump or mysqldump, and what to do about it."""

from __future__ import annotations

import re

HEAD = 4096
"""Bytes of SQL in which a dump names the program that wrote it."""
AGAIN = (
    "make the dump with mariadb-dump or mysqldump, and without --compact and --skip-comments: "
    "mariadb-dump --single-transaction --default-character-set=utf8mb4 rt5 > rt.sql"
)
MESSAGE = re.compile(rb"^(?:[\w./-]*/)?(?:mysqldump|mysql|mariadb-dump|mariadb): ", re.MULTILINE)
"""Beginning of a line in which a program of the server speaks to whoever started it."""
_TAR = (257, b"ustar")
"""Offset of the mark of a tar archive (POSIX: the field `magic` of its header)."""
_POSTGRES = "this harness tries RT on MariaDB and MySQL; a site on PostgreSQL cannot be tried with it"
_PROGRAMS = (
    (re.compile(rb"\APGDMP|^-- PostgreSQL database(?: cluster)? dump\b", re.MULTILINE), "PostgreSQL", _POSTGRES),
    (re.compile(rb"^-- phpMyAdmin SQL Dump", re.MULTILINE), "phpMyAdmin", AGAIN),
    (re.compile(rb"^-- Adminer \d.* dump", re.MULTILINE), "Adminer", AGAIN),
    (re.compile(rb"^-- HeidiSQL Version:", re.MULTILINE), "HeidiSQL", AGAIN),
    (re.compile(rb"^-- Dump created by MySQL pump utility", re.MULTILINE), "mysqlpump", AGAIN),
    # The files of this program do not name it. The others leave a blank before the end of this comment.
    (
        re.compile(rb"\A(?:/\*!40014 SET FOREIGN_KEY_CHECKS=0\*/;\s+)?/\*!40101 SET NAMES \w+\*/;"),
        "mydumper",
        AGAIN,
    ),
)
"""Pattern in the first lines of another program's dump, the program, and what to do; from published dumps."""


def archive(head: bytes) -> bool:
    """Tell whether a file's first bytes, unpacked, are those of a tar archive."""
    at, mark = _TAR
    return head[at : at + len(mark)] == mark


def mixed(name: str) -> tuple[str, list[tuple[str, str]], str]:
    """Return sentence, blocks and repair for a file that has a program's messages between its SQL.

    name: of the file. The messages are not shown, because they may name accounts and hosts.
    """
    return (
        f"Messages of the program that made {name} were written into the dump.",
        [],
        "make it again without 2>&1, and read what the program says",
    )


def refusal(name: str, head: bytes, *, text: bool = True) -> tuple[str, list[tuple[str, str]], str]:
    """Return sentence, blocks and repair for a file that another program has written.

    name, head: of the file; its first bytes, unpacked. text: whether it is text that may be SQL.
    """
    if archive(head):
        return (
            f"{name} is an archive of tar, not a dump.",
            [],
            f"name the dump that is in it: tar -tf {name} lists what it holds, tar -xf {name} unpacks it",
        )
    if MESSAGE.search(head):
        return mixed(name)
    program, advice = next(((one, todo) for mark, one, todo in _PROGRAMS if mark.search(head)), ("", AGAIN))
    if not text:
        said = f"but of {program}" if program else "neither SQL text nor gzip, xz, bzip2 or zstd"
        return f"{name} is not a dump of MariaDB or MySQL: {said}.", [], advice
    said = f"but by {program}" if program else "or without its comments"
    sentence = f"The dump {name} was not written by mariadb-dump or mysqldump, {said}, so nothing proves it whole."
    return sentence, [], advice
