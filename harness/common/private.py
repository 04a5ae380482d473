"""Manage one private directory per session (mode 0700), the only place for secrets and unsanitized data."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.common import cache, owner

_SESSION = re.compile(r"(\d+)-(\d+|None)-[0-9a-f]{6}")
"""Names of private directories, in the form of `owner.session`; other files may lie beside them."""
_PLACE = "host"
"""File in a private directory with the values of the HOST and RUNNER labels of its session."""
_MOUNTS = Path("/proc/self/mountinfo")
_LINK = "mounted-"
"""Beginning of the names of links in a private directory to directories of `mountable`."""


def root() -> Path:
    """Return the directory that holds one private directory per live session (mode 0700)."""
    return cache.directory("private")


def directory() -> Path:
    """Return this session's private directory, the only place for secrets and unsanitized data."""
    path = root() / owner.session()
    path.mkdir(mode=0o700, exist_ok=True)
    if not (path / _PLACE).exists():
        (path / _PLACE).write_text(f"{owner.host_identity()}\n{owner.runner()}", encoding="utf-8")
    return path


@contextlib.contextmanager
def mountable() -> Iterator[Path]:
    """Make a directory (mode 0700) of this session that containers can mount, for a `with` block.

    It is in the system's temporary directory ($TMPDIR), because an engine may not see the cache. The private
    directory links to it, so that it is removed with that, by the next run if this one is killed.
    """
    name = secrets.token_hex(8)
    link = directory() / f"{_LINK}{name}"
    path = Path(tempfile.gettempdir()) / f"{owner.PREFIX}-{name}"
    link.symlink_to(path)  # first: a directory without a link would never be found again
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        _remove_mountable(path, link)


def remove() -> None:
    """Remove this session's private directory if this process started the session."""
    if owner.owns_session():
        erase(root() / owner.session())


def erase(directory: Path) -> None:
    """Remove a session's private directory and the directories that it links to.

    If one of those cannot be removed, the private directory stays with its link, for the next run to try again.
    """
    for link in directory.glob(f"{_LINK}*"):
        with contextlib.suppress(OSError):
            _remove_mountable(link.readlink(), link)
    kept = {path.name for path in directory.glob(f"{_LINK}*")}
    if not kept:
        _remove_tree(directory)
        return
    for path in directory.glob("*"):
        if path.is_dir() and not path.is_symlink():
            _remove_tree(path)
        elif path.name not in {*kept, _PLACE}:
            with contextlib.suppress(OSError):
                path.unlink()


def _remove_mountable(path: Path, link: Path) -> None:
    """Remove a directory of `mountable`, and its link only if nothing is left: it is found by that."""
    _remove_tree(path)
    if not os.path.lexists(path):
        link.unlink(missing_ok=True)


def _remove_tree(path: Path) -> None:
    """Remove a directory as far as possible, and not at all while something is mounted in it: it is not ours."""
    if not _has_mounts(path):
        shutil.rmtree(path, ignore_errors=True)


def _has_mounts(path: Path) -> bool:
    """Tell whether something is, or may be, mounted at or below a path. Format: proc_pid_mountinfo(5)."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return True
    points = (re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines)
    real = Path(os.path.realpath(path))
    return any(real in (point, *point.parents) for point in map(Path, points))


def labels_of(directory: Path) -> dict[str, str]:
    """Return the labels of the session that a private directory belongs to; {} if it is not a session's directory.

    A pid alone is not enough, because the cache may be shared with containers. Directories made by older versions
    of the harness have no file with host and runner: this host is assumed.
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
