"""One private directory a session (mode 0700): secrets, and anything raw, live there and nowhere else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from harness.common import cache, owner

_SESSION = re.compile(r"(\d+)-(\d+|None)-[0-9a-f]{6}")
"""Names of private directories, as `owner.session` gives them; others may lie beside them."""
_PLACE = "host"
"""File of a private directory that says where its session runs: what labels have of both host and runner."""


def root() -> Path:
    """Return the directory that holds one private directory per live session (mode 0700)."""
    return cache.directory("private")


def directory() -> Path:
    """Return this session's private directory: secrets and anything raw live here and nowhere else."""
    path = root() / owner.session()
    path.mkdir(mode=0o700, exist_ok=True)
    if not (path / _PLACE).exists():
        (path / _PLACE).write_text(f"{owner.host_identity()}\n{owner.runner()}", encoding="utf-8")
    return path


def remove() -> None:
    """Remove this session's private directory, if there is one, and if this process began the session."""
    if owner.owns_session():
        shutil.rmtree(root() / owner.session(), ignore_errors=True)


def labels_of(directory: Path) -> dict[str, str]:
    """Return the labels that things of a private directory's session bear; nothing for a directory of others.

    The cache may be shared with containers, so a pid is not enough. Made before that was known, it has no more.
    """
    session = _SESSION.fullmatch(directory.name)
    if session is None:
        return {}
    try:
        host, _, runner = (directory / _PLACE).read_text(encoding="utf-8").partition("\n")
    except OSError:
        host, runner = owner.host_identity(), ""
    found = {owner.SESSION: directory.name, owner.HOST: host, owner.PID: session[1], owner.STARTED: session[2]}
    return found | {owner.RUNNER: runner}
