"""No address here belongs to anybody: people's are in reserved domains (RFC 2606), and no mirror is named."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from backports import zstd

from harness import dump
from harness.releases import ROOT

DUMPS = sorted(dump.FOLDER.glob("*.sql.zst"))
TOP = ("Makefile", "*.ini", "*.lock", "*.md", "*.py", "*.toml")
"""Not Jenkinsfile and marathon.json: a fork has its own addresses there, as it should."""
FOLDERS = (".ci", "benchmarks", "docs", "fixtures", "harness", "image", "tests")
LEFT_OUT = {".pyc", ".zst"}
RESERVED = re.compile(r"(?:^|\.)(?:example|example\.(?:com|net|org)|test|invalid|localhost)$")
ADDRESS = re.compile(r"[\w.%+-]@((?:[a-z0-9-]+\.)+[a-z]{2,})\b", re.IGNORECASE)
HOST = re.compile(r"(?<![\w.@-])((?:[a-z0-9-]+\.)+(?:com|de|dev|edu|eu|io|net|org|uk))\b(?![\w(-])", re.IGNORECASE)
KNOWN = {"bestpractical.com", "github.com", "docker.io", "java.net"}
"""RT's makers, a specification, Debian's package of Docker, an error of Java's: nothing is fetched from them."""
NO_DOMAIN = {"sql"}
"""Endings of file names behind an @, such as those of patterns in tests."""


@functools.cache
def texts() -> dict[str, str]:
    """Return the text of every file of the project, by its path."""
    paths = [path for pattern in TOP for path in ROOT.glob(pattern)]
    paths += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8", errors="replace")
        for path in paths
        if path.suffix not in LEFT_OUT and "__pycache__" not in path.parts
    }


def owned(domains: Iterable[str]) -> set[str]:
    """Return the domains that somebody owns, or may own."""
    found = {domain.lower() for domain in domains}
    return {one for one in found if not RESERVED.search(one) and one.rpartition(".")[2] not in NO_DOMAIN}


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.name)
def test_the_people_of_the_bundled_dumps_do_not_exist(path: Path) -> None:
    """Their sites are upgraded and used: a mail that escapes must reach nobody."""
    text = zstd.decompress(path.read_bytes()).decode("utf-8", errors="replace")
    domains = {*ADDRESS.findall(text)}
    assert len(domains) >= 1
    assert owned(domains) == set()


def test_no_file_has_an_address_of_somebody() -> None:
    """Tests send mail and log in with them."""
    found = {name: owned(ADDRESS.findall(text)) for name, text in texts().items()}
    assert {name: domains for name, domains in found.items() if domains} == {}
    assert sum(len(ADDRESS.findall(text)) for text in texts().values()) > 50


def test_no_file_names_a_mirror_or_a_registry() -> None:
    """They come from the machine's own settings: many have no way to those that everybody knows."""
    found = {name: owned(HOST.findall(text)) - KNOWN for name, text in texts().items()}
    assert {name: hosts for name, hosts in found.items() if hosts} == {}


def test_an_owned_domain_is_noticed() -> None:
    """The check itself must detect one. They are put together here, as this file is looked at too."""
    registry, mirror = (".".join((name, "somebody", "io")) for name in ("registry", "deb"))
    for text in (
        f"FROM {registry}/debian",
        f"deb http://{mirror} bookworm main",
        f"{mirror}:5000/rt, rt.example.org",
    ):
        assert owned(HOST.findall(text)) in ({registry}, {mirror})
    assert owned(ADDRESS.findall(f"me@{mirror}, you@example.org, them@staff.example.test")) == {mirror}
