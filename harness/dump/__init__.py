"""Read dumps: a file of SQL, plain or compressed, and the facts beside it.

A bundled dump `NAME.sql.zst` has a manifest `NAME.toml`; a dump that does not match its manifest is refused. A
user's own dump may come without one: then less can be checked, and the verdict says so.

`choice` selects the pair and dump of a run; `manifest` reads the facts; `text` parses the SQL as it is streamed,
`collations` knows the collations that old servers omit from it, and `replaced` counts the rows that may replace
others, `left_out` the tables that lack rows; `damage` refuses text that is not whole, and `maker` recognises files
of other programs.
"""

from __future__ import annotations

import bz2
import contextlib
import functools
import gzip
import hashlib
import io
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from backports import zstd

from harness.common.wording import option
from harness.dump import damage, maker
from harness.dump.manifest import DumpError, Manifest, manifest_of, read_manifest
from harness.dump.text import SERVER, Text
from harness.releases import ROOT

__all__ = [
    "CHUNK",
    "FOLDER",
    "Dump",
    "DumpError",
    "Manifest",
    "bundled",
    "load",
    "manifest_of",
    "need_whole",
    "read_manifest",
]

FOLDER = ROOT / "fixtures" / "dumps"
CHUNK = 1 << 20
_FORMATS: dict[str, tuple[bytes, Callable[[IO[bytes]], Any]]] = {
    "gzip": (b"\x1f\x8b", gzip.open),
    "xz": (b"\xfd7zXZ\x00", lzma.open),
    "bzip2": (b"BZh", bz2.open),
    "zstd": (b"\x28\xb5\x2f\xfd", zstd.open),
}
_DAMAGE = (EOFError, OSError, lzma.LZMAError, zstd.ZstdError)


@dataclass(frozen=True)
class Dump:
    """A dump file that was examined: its format, sha256, and manifest if it has one."""

    path: Path
    format: str
    sha256: str
    manifest: Manifest | None

    @property
    def name(self) -> str:
        """Return the file's name without its extensions."""
        return self.path.name.partition(".sql")[0]

    @property
    def accounts(self) -> dict[str, str]:
        """Return names and passwords of the users in it that its manifest lists."""
        return self.manifest.accounts if self.manifest else {}

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the SQL text. Damage surfaces while reading: use `chunks` unless you handle it."""
        with self.path.open("rb") as raw:
            if self.format in _FORMATS:
                with _FORMATS[self.format][1](raw) as text:
                    yield text
            else:
                yield raw

    def _head(self) -> bytes:
        with self.open() as text:
            return text.read(maker.HEAD)

    def written_on(self) -> str:
        """Return the server that the dump was read from, as "MySQL 5.7" or "MariaDB 10.11"; "" if it does not say.

        The client writes its own name into the first line, whichever server it reads from; the server's version
        comes a few lines below, and only MariaDB's names the product.
        """
        try:
            found = SERVER.search(self._head())
        except _DAMAGE:
            return ""
        version = found[1].decode(errors="replace") if found else ""
        product = "MariaDB" if "mariadb" in version.lower() else "MySQL"
        number = re.match(r"\d+\.\d+", version)
        return f"{product} {number[0]}" if number else ""

    def chunks(self, text: Text | None = None) -> Iterator[bytes]:
        """Yield the SQL as it is fed to a server, without the lines that are specific to the old server.

        text: collects the dump's statements about itself. Raises DumpError if the archive is damaged, if the text
        ends before its last line ("-- Dump completed"), because a dump cut between two statements restores without
        any error, if it contains a zero byte, and if it holds two databases, because the second would be restored
        over the first.
        """
        text = Text() if text is None else text
        try:
            with self.open() as stream:
                for line in _blocks(stream):
                    if b"\0" in line:
                        raise damage.hole(self.path.name, text, line.index(b"\0"), self._head())
                    fed = text.take(line)
                    if fed and len(text.databases) < 2:  # after that, only the names are needed
                        yield fed
        except _DAMAGE as error:
            raise DumpError(
                f"The dump {self.path.name} is damaged: its {self.format} data ends after {text.size} bytes.",
                [("Decompressor", str(error) or type(error).__name__)],
                "copy it again from where it was made and compare the sizes",
            ) from error
        damage.need_sound(self.path.name, self.format, text, self._head)


def need_whole(dump: Dump) -> Text | None:
    """Read a dump to its end, and return its statements about itself. Raises the DumpErrors of `chunks`.

    Returns None for a dump with a manifest, because it was compared with that. Unpacking takes a small part of the
    time in which a server restores the dump: about a second for 200 MB of plain text, four for gzip.
    """
    if dump.manifest:
        return None
    text = Text()
    for _ in dump.chunks(text):
        pass
    return text


def _blocks(text: IO[bytes]) -> Iterator[bytes]:
    """Yield lines; a line longer than 1 MiB comes in pieces, so that memory stays bounded."""
    reader = io.BufferedReader(cast(Any, text), CHUNK) if not isinstance(text, io.BufferedReader) else text
    while line := reader.readline(CHUNK):
        yield line


def load(path: Path) -> Dump:
    """Examine a dump file and check it against its manifest.

    Raises DumpError if it is missing, empty, no file, not SQL, or has another sha256 than in the manifest.
    """
    if path.is_dir():
        raise DumpError(
            f"The dump {path} is a directory, and not a file of SQL.",
            repair="name the file in it; a copy of a server's data directory, or of several files, is no dump "
            "(docs/add-a-dump.md shows how to make one)",
        )
    if path.exists() and not path.is_file():
        raise DumpError(
            f"The dump {path} is a {'pipe' if path.is_fifo() else 'device'}, which gives its content once, and a "
            "dump is read several times.",
            repair="write it to a file and name that; one that is packed (.gz, .xz, .bz2, .zst) may stay so",
        )
    if not path.is_file():
        bundled = ", ".join(sorted(one.name for one in FOLDER.glob("*.sql.zst")))
        raise DumpError(f"There is no dump {path}.", repair=f"name a file; bundled: {bundled or 'none'}")
    try:
        with path.open("rb") as raw:
            head = raw.read(512)
        facts = path.stat()
        sha256 = _sha256(path.resolve(), facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise DumpError(
            f"The dump {path} cannot be read: {error.strerror}.",
            repair="run this as a user who may read it, or give that user the right to",
        ) from error
    if not head:
        raise DumpError(
            f"The dump {path.name} is empty.",
            repair="make it again; look at what the program said, and at free space",
        )
    found = next((name for name, (magic, _) in _FORMATS.items() if head.startswith(magic)), "plain")
    if found == "plain" and not _looks_like_sql(head):
        raise DumpError(*maker.refusal(path.name, head, text=False))
    beside = manifest_of(path)
    manifest = read_manifest(beside) if beside.is_file() else None
    if manifest and manifest.sha256 != sha256:
        raise DumpError(
            f"The dump {path.name} is not the one that {beside.name} describes.",
            [("sha256", f"manifest {manifest.sha256}\nfile     {sha256}")],
            "restore the file, or make dump and manifest again together",
        )
    return Dump(path, found, sha256, manifest)


@functools.lru_cache
def _sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - a file that changed is another one
    """Return a file's sha256, computed once per process: it is often needed, and a large dump takes 30 s."""
    with path.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def _looks_like_sql(head: bytes) -> bool:
    return bool(head.strip()) and b"\0" not in head and head.lstrip()[:2] in (b"--", b"/*", b"SE", b"DR", b"CR")


def bundled(release: str, keyword: str | None = None) -> Path:
    """Return the bundled dump of a release. Raises DumpError if there is none.

    Without a keyword it is the release's "campus" dump, which exercises everything that an upgrade touches.
    """
    path = FOLDER / f"rt-{release}-{keyword or 'campus'}.sql.zst"
    if not path.is_file():
        raise DumpError(
            f"No dump of RT {release} is bundled ({path.name}).", repair=f"name one with {option('dump')}"
        )
    return path
