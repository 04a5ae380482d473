"""Write files of dumps, whole and packed in each format."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

from backports import zstd

SQL = (
    b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11\n--\n"
    b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `rt5`;\nUSE `rt5`;\nCREATE TABLE `t` (`a` text);\n"
    b"INSERT INTO `t` VALUES\n('USE `x`; a line\\nUSE `y`'),\n('b');\n"
    + b"INSERT INTO `t` VALUES ('"
    + bytes(str(list(range(9000))), "ascii")
    + b"');\n-- Dump completed on 2026-01-01\n"
)
FORMATS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}


def write(folder: Path, content: bytes, manifest: str = "") -> Path:
    """Write a dump, and its manifest if text for one is given."""
    path = folder / "site.sql.any"
    path.write_bytes(content)
    if manifest:
        (folder / "site.toml").write_text(manifest, encoding="utf-8", errors="surrogateescape")
    return path
