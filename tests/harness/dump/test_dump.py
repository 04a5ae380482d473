"""Defects of a dump are reported before a server gets it."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
from pathlib import Path
from typing import NoReturn

import pytest

from harness import dump as dumps
from harness.dump import DumpError
from tests.harness.dump.dump_files import FORMATS, SQL, write


def manifest(content: bytes, **changes: object) -> str:
    """Return a manifest that fits the content, except for the changes."""
    facts: dict[str, object] = {
        "release": "4.4.6",
        "server": "mariadb-10.11",
        "why": "test",
        "sha256": hashlib.sha256(content).hexdigest(),
        **changes,
    }
    return "".join(f'{key} = "{value}"\n' for key, value in facts.items()) + "[rows]\nt = 3\n"


@pytest.mark.control("dump")
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_told_by_its_content(tmp_path: Path, name: str) -> None:
    """The format must be detected by content: a backup script may change its compression and keep the name."""
    dump = dumps.load(write(tmp_path, FORMATS[name](SQL)))
    text = b"".join(dump.chunks())
    assert dump.format == name
    assert text.endswith(b"-- Dump completed on 2026-01-01\n")


def test_lines_of_the_old_server_are_left_out_and_data_is_not(tmp_path: Path) -> None:
    """A dump that names a database would be restored over another database."""
    text = b"".join(dumps.load(write(tmp_path, SQL)).chunks())
    assert b"sandbox" not in text
    assert b"\nUSE `rt5`" not in text
    assert b"('USE `x`; a line\\nUSE `y`')" in text
    assert text.count(b"INSERT") == 2


def test_gtids_of_many_servers_are_left_out_to_their_end(tmp_path: Path) -> None:
    """MySQL writes a line for each server that ever existed; the statements after them must be kept."""
    gtids = b"SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '300ca9ea-1:1-7,\n4491380c-2:1-8,\n5591380c-3:1-9';\n"
    text = b"-- MySQL dump 10.13\n" + gtids + b"CREATE TABLE `t` (`a` int);\n-- Dump completed on 2026-01-01\n"
    fed = b"".join(dumps.load(write(tmp_path, text)).chunks())
    assert b"GTID" not in fed
    assert b"1380c" not in fed
    assert b"CREATE TABLE `t`" in fed


@pytest.mark.mutants("dump")
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "plain"])
@pytest.mark.parametrize("kept", [0.5, 0.97])
def test_an_archive_that_breaks_off_is_refused(tmp_path: Path, name: str, kept: float) -> None:
    """Half an archive decompresses to half a database, and not every library reports an error."""
    whole = FORMATS[name](SQL)
    dump = dumps.load(write(tmp_path, whole[: int(len(whole) * kept)]))
    with pytest.raises(DumpError, match=r"is damaged|is cut off"):
        list(dump.chunks())


@pytest.mark.mutants("dump")
@pytest.mark.parametrize(
    "end",
    [b"-- Dump completed", b"');\n-- Dump", b"INSERT INTO `t` VALUES ('[0"],
    ids=["before-its-last-line", "between-two-statements", "within-a-statement"],
)
def test_text_that_ends_early_is_refused(tmp_path: Path, end: bytes) -> None:
    """A dump cut between two statements restores with exit code 0 and missing tables."""
    dump = dumps.load(write(tmp_path, SQL[: SQL.index(end)]))
    with pytest.raises(DumpError, match="is cut off"):
        list(dump.chunks())


@pytest.mark.mutants("dump")
def test_a_second_part_without_its_end_is_refused(tmp_path: Path) -> None:
    """RT's documented backup is two dumps in one file; the second one may have been cut by a full disk."""
    dump = dumps.load(write(tmp_path, SQL + SQL[: SQL.index(b"-- Dump completed")]))
    with pytest.raises(DumpError, match="is cut off"):
        list(dump.chunks())


@pytest.mark.mutants("dump")
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [1, 512, 4096])
def test_a_hole_in_a_copy_is_refused(tmp_path: Path, name: str, size: int) -> None:
    """Zeros where a copy skipped a part, or a disk lost power, restore without an error as content of a row."""
    at = SQL.index(b"[0, 1") + 300
    holed = SQL[:at] + bytes(size) + SQL[at + size :]
    with pytest.raises(DumpError, match=rf"damaged: byte {at} of its SQL is zero.*\nWhat to do: copy it again"):
        dumps.need_whole(dumps.load(write(tmp_path, FORMATS[name](holed))))


@pytest.mark.control("dump")
def test_a_zero_byte_of_data_is_none_of_the_file(tmp_path: Path) -> None:
    r"""The servers' own programs write it as \0, in binary data as well (database/test_backup.py)."""
    dumps.need_whole(dumps.load(write(tmp_path, SQL.replace(b"[0, 1", b"_binary 'a\\0b', [0, 1"))))


def test_an_archive_of_nothing_is_called_empty(tmp_path: Path) -> None:
    """A dump that failed at once still leaves a packed file, which cannot contain another program's mark."""
    with pytest.raises(DumpError, match=r"is empty: its gzip data unpacks to nothing.\nWhat to do: "):
        dumps.need_whole(dumps.load(write(tmp_path, gzip.compress(b""))))


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_dump_is_told_before_anything_is_built(tmp_path: Path, name: str) -> None:
    """A user's own dump has no manifest, so only its closing line shows that it is complete."""
    path = write(tmp_path, FORMATS[name](SQL))
    dumps.need_whole(dumps.load(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DumpError, match=r"is damaged|is cut off"):
        dumps.need_whole(dumps.load(path))


@pytest.mark.control("dump")
def test_a_fitting_manifest_is_read(tmp_path: Path) -> None:
    """The restored rows are compared with the facts beside a dump."""
    dump = dumps.load(write(tmp_path, SQL, manifest(SQL)))
    assert dump.manifest is not None
    assert (dump.manifest.release, dump.manifest.rows) == ("4.4.6", {"t": 3})


@pytest.mark.mutants("dump")
@pytest.mark.parametrize(
    ("content", "text", "expected"),
    [
        (SQL, manifest(SQL + b"x"), "is not the one that site.toml describes"),
        (SQL, 'release = "4.4.6"\n', "cannot be used"),
        (SQL, "release = [", "cannot be used"),
        (SQL, manifest(SQL).replace('"4.4.6"', "4.4"), "cannot be used: release must be a text"),
        (SQL, manifest(SQL).replace("t = 3", 't = "3"'), "cannot be used: rows must be a table of int values"),
        (SQL, manifest(SQL) + "[accounts]\nroot = 1\n", "cannot be used: accounts must be a table of str values"),
        (SQL, manifest(SQL).replace('"test"', '"caf\udce9"'), "cannot be used: 'utf-8' codec can't decode"),
        (b"", "", r"is empty\.\nWhat to do: "),
        (b"PGDMP\x01\x0e", "", "is not a dump of MariaDB or MySQL: but of PostgreSQL"),
        (b"\x50\x4b\x03\x04zip", "", "is not a dump"),
    ],
    ids=[
        "of-another-manifest",
        "manifest-incomplete",
        "manifest-damaged",
        "release-no-text",
        "rows-no-numbers",
        "passwords-no-text",
        "manifest-not-utf-8",
        "empty",
        "of-another-product",
        "archive",
    ],
)
def test_what_is_not_what_it_should_be_is_refused(
    tmp_path: Path, content: bytes, text: str, expected: str
) -> None:
    """Each refusal must be one sentence that says what is wrong."""
    with pytest.raises(DumpError, match=expected):
        dumps.load(write(tmp_path, content, text))


def test_a_directory_is_called_one(tmp_path: Path) -> None:
    """ "There is no dump" would send the reader looking for a file that is there."""
    with pytest.raises(DumpError, match=rf"^The dump {tmp_path} is a directory.*\nWhat to do: "):
        dumps.load(tmp_path)


@pytest.mark.parametrize(("name", "kind"), [("pipe", "pipe"), ("/dev/null", "device")])
def test_a_pipe_is_called_one(tmp_path: Path, name: str, kind: str) -> None:
    """The shell makes one of `<(zcat rt.sql.gz)`, and whoever typed that knows of no file /dev/fd/63."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DumpError, match=rf"^The dump {tmp_path / name} is a {kind}.*\nWhat to do: write it to a"):
        dumps.load(tmp_path / name)


def test_a_dump_that_may_not_be_read_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup belongs to another user more often than not. (Root can read everything.)"""
    path = write(tmp_path, SQL)

    def refused(self: Path, *_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(DumpError, match=r"cannot be read: Permission denied\.\nWhat to do: "):
        dumps.load(path)


def test_a_missing_dump_names_the_bundled_ones(tmp_path: Path) -> None:
    """A typo in a path must be reported immediately."""
    with pytest.raises(DumpError, match=r"There is no dump .*\n.*rt-4\.4\.6-campus\.sql\.zst"):
        dumps.load(tmp_path / "nothing.sql")


@pytest.mark.control("dump")
@pytest.mark.parametrize("path", sorted(dumps.FOLDER.glob("*.sql.zst")), ids=lambda path: path.name)
def test_bundled_dumps_match_their_manifests(path: Path) -> None:
    """A dump that was changed by hand proves nothing about the release it claims to come from."""
    dump = dumps.load(path)
    assert dump.manifest is not None
    assert dump.manifest.why
    assert sum(len(chunk) for chunk in dump.chunks()) > 100_000
