"""Keep expensive results between runs, keyed by the inputs they were made from."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import InfrastructureError

VARIABLE = "RT_HARNESS_CACHE"
PATIENCE = 1800.0
"""Seconds to wait for a lock held by another process whose work takes minutes."""
_KEY, _KEY_SIZE = "key", 32
_DIGEST, _RANDOM, _SESSION = "[0-9a-f]{16}", "[a-z0-9_]{8}", r"\d+-(?:\d+|None)-[0-9a-f]{6}"
_MADE = tuple(
    map(
        re.compile,
        (
            rf"baselines/{_DIGEST}\.(?:json|new)",
            rf"facts/{_DIGEST}\.(?:json|{_RANDOM}\.new)",
            rf"runs/{_DIGEST}\.(?:json|[0-9a-f]{{12}})",
            rf"private/{_SESSION}",
            r"logs/build-rt-harness_.+\.log",
        ),
    )
)
"""Paths of files the harness creates in the cache, besides its key; other programs use no such names."""
_LOCK = re.compile(
    rf"locks/(?:apt|engine|timings|build-slot-\d+|image-(?:.+-)?{_DIGEST}|baseline-(?:private-)?{_DIGEST}"
    rf"|network-{_SESSION})\.lock"
)
_BEGINNINGS = {
    "logs/engine.log": "dockerd|containerd|failed to start daemon",
    "marathon/address": r"\Ahttp://\S+:\d+\Z",
    **dict.fromkeys(
        ("marathon/state.json", "marathon/state.new"), r'\A\{\n "format": \d+,\n "identity": "[0-9a-f]{32}"'
    ),
    **dict.fromkeys(
        ("timings/steps.json", "timings/steps.new"), r'\A\{(?:\}|\n"(?:[^"\\]|\\.)*": \d[\d.e-]*(?:,|\n))'
    ),
}
"""Paths of files the harness creates under names that others may also use, with the content each begins with."""
_BEGINNING = 2000
"""Number of leading characters that are compared with _BEGINNINGS."""
_ENGINE_FOLDER, _PROGRAMS = re.compile(f"engine-{_RANDOM}"), {"iptables", "ip6tables"}
"""A directory of links to programs that a started engine finds on its PATH before the usual ones."""
_FOLDERS = ("baselines", "facts", "locks", "logs", "marathon", "private", "runs", "timings")


def directory(name: str = "") -> Path:
    """Return a directory of the cache, creating it on first use.

    The root is $RT_HARNESS_CACHE, else the user's cache directory (XDG base directory specification).
    Raises InfrastructureError if it cannot be created.
    """
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    root = Path(os.environ.get(VARIABLE) or Path(base) / "rt-verification-harness")
    path = root / name
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(
            f"The cache directory {path} cannot be made: {error.strerror}.",
            repair=f"name a directory of yours with {VARIABLE}=",
        ) from error
    return path


def digest(*parts: str | bytes) -> str:
    """Return a 16-character key over the parts; boundaries count, so ("ab", "c") differs from ("a", "bc")."""
    state = hashlib.sha256()
    for part in parts:
        # file names may hold any bytes
        raw = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        state.update(len(raw).to_bytes(8, "big"))
        state.update(raw)
    return state.hexdigest()[:16]


def digest_of_files(root: Path, files: Iterable[Path]) -> str:
    """Return a key over the names, executable bits and contents of files below `root`."""
    parts: list[str | bytes] = []
    for path in sorted(files):
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        parts += [f"{path.relative_to(root)} {executable}", path.read_bytes()]
    return digest(*parts)


@functools.cache
def _secret(root: Path) -> bytes:
    path = root / _KEY
    if not path.exists():
        with tempfile.NamedTemporaryFile("wb", dir=root) as new:  # mode 0600
            new.write(secrets.token_bytes(_KEY_SIZE))
            new.flush()
            with contextlib.suppress(FileExistsError):  # another process was first: use its key
                os.link(new.name, path)
    return path.read_bytes()


def secret() -> str:
    """Return the key of this cache: 64 hex digits, created on first use, readable by its owner alone."""
    return _secret(directory()).hex()


def keyed_digest(text: str | bytes) -> str:
    """Return a keyed 16-character digest of personal text, to compare it: without the key, nothing can be guessed.

    harness/checks/perl/main.pl computes the same digest inside RT (HMAC, RFC 2104, over SHA-256 of UTF-8).
    """
    raw = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    return hmac.digest(bytes.fromhex(secret()), raw, "sha256").hex()[:16]


def cached(make: Callable[[], Any], *parts: str) -> Any:
    """Return the JSON value that `make` returns, cached under a key over `parts`, the inputs it depends on."""
    path = directory("facts") / f"{digest(*parts)}.json"
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return json.loads(path.read_text(encoding="utf-8"))
    found = make()
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"{path.stem}.", suffix=".new", dir=path.parent, encoding="utf-8", delete=False
    ) as new:
        json.dump(found, new)
    Path(new.name).replace(path)
    return found


def lock(name: str, timeout: float | None = None) -> FileLock:
    """Return a lock shared by this user's processes, so that an expensive result is made only once.

    timeout: seconds to wait for the lock, by default PATIENCE; a negative value waits without limit.
    """
    return FileLock(directory("locks") / f"{name}.lock", timeout=PATIENCE if timeout is None else timeout)


@contextlib.contextmanager
def exclusive_lock(name: str, waiting: Callable[[str], object], timeout: float = -1) -> Iterator[None]:
    """Hold a lock for a `with` block; a lock held by another process is released when that process ends.

    waiting: called once with the holder ("process 12") if another process holds the lock; not called for a lock
    that this process holds, because it has already reported what it is doing.
    timeout: seconds to wait before filelock.Timeout is raised; a negative value waits without limit.
    """
    held = lock(name, timeout)
    try:
        held.acquire(blocking=False)
    except Timeout:
        if (who := holder(Path(held.lock_file))) != f"process {os.getpid()}":
            waiting(who)
        held.acquire()
    try:
        yield
    finally:
        held.release()


def holder(path: Path) -> str:
    """Return the holder of a lock as "process 12" (proc_locks(5)), or "another process" if it is not listed."""
    with contextlib.suppress(OSError, ValueError):
        facts = path.stat()
        place = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            fields = line.split()
            if place in fields and "->" not in fields and (pid := int(fields[4])) > 0:
                return f"process {pid}"
    return "another process"


def empty(spared: Collection[str] = ()) -> None:
    """Remove what the harness created in its cache and nothing else: the directory may be a user's home.

    While an engine started from here runs, the files needed to stop it stay. spared: names of folders that stay.
    """
    root = directory()
    running = (root / "engine.pid").exists()
    for folder in (root, *(root / name for name in _FOLDERS if name not in spared)):
        for path in list(folder.iterdir()) if folder.is_dir() and os.access(folder, os.R_OK) else ():
            name = str(path.relative_to(root))
            with contextlib.suppress(PermissionError):  # a directory we may not read was not created by us
                if _is_ours(path, name) and not (running and _is_of_an_engine(name)):
                    _remove(path)
    key = root / _KEY
    # its size tells it from a file named "key" that the user put there
    if key.is_file() and key.stat().st_size == _KEY_SIZE:
        key.unlink()
    for name in _FOLDERS:
        with contextlib.suppress(OSError):  # other files are in it
            (root / name).rmdir()


def _is_ours(path: Path, name: str) -> bool:
    """Tell whether the harness created this: by its name, and also by its content if others may use the name."""
    if any(one.fullmatch(name) for one in _MADE):
        return True
    if _ENGINE_FOLDER.fullmatch(name):
        return path.is_dir() and all(one.is_symlink() and one.name in _PROGRAMS for one in path.iterdir())
    if not path.is_file():
        return False
    if _LOCK.fullmatch(name):
        return not path.stat().st_size
    if name not in _BEGINNINGS:
        return False
    with path.open(encoding="utf-8", errors="replace") as text:
        beginning = text.read(_BEGINNING)
    return not beginning or re.search(_BEGINNINGS[name], beginning) is not None


def _is_of_an_engine(name: str) -> bool:
    """Tell whether this file is needed to stop an engine that was started from here."""
    return name == "logs/engine.log" or _ENGINE_FOLDER.fullmatch(name) is not None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
