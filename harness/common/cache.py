"""Where expensive things are kept between runs, keyed by what they were made from."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.errors import InfrastructureError

VARIABLE = "RT_HARNESS_CACHE"
_KEY, _KEY_SIZE = "key", 32
_HEX = "[0-9a-f]"
_DIGEST = _HEX * 16
_MADE = (
    f"baselines/{_DIGEST}.*", f"facts/{_DIGEST}.json", "facts/tmp????????", "locks/*.lock", "logs/build-*.log",
    "logs/engine.log", "marathon/address", "marathon/state.*", f"private/[0-9]*-*-{_HEX * 6}", f"runs/{_DIGEST}.*",
    "timings/steps.*", "engine.pid", "engine-????????",
)  # fmt: skip
"""All that the harness makes in a cache, beside its key."""
_OF_AN_ENGINE = ("engine.pid", "engine-????????", "logs/engine.log")
"""What is needed to stop an engine that was started from here."""


def directory(name: str = "") -> Path:
    """Return a directory of the cache, made on first use.

    The root is $RT_HARNESS_CACHE, else the user's cache directory (XDG base directory specification).
    Raises InfrastructureError where it cannot be made.
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
    """Return a 16-character key over the parts; their borders count, so ("ab", "c") is not ("a", "bc")."""
    state = hashlib.sha256()
    for part in parts:
        raw = part.encode(errors="surrogateescape") if isinstance(part, str) else part  # names of files are bytes
        state.update(len(raw).to_bytes(8, "big"))
        state.update(raw)
    return state.hexdigest()[:16]


def digest_of_files(root: Path, files: Iterable[Path]) -> str:
    """Return a key over names, modes and contents of files below `root`."""
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
            with contextlib.suppress(FileExistsError):  # somebody else was first, and his is taken
                os.link(new.name, path)
    return path.read_bytes()


def secret() -> str:
    """Return the key of this cache: 64 hex digits, made on first use, readable by its owner alone."""
    return _secret(directory()).hex()


def keyed(text: str | bytes) -> str:
    """Return a 16-character digest of what people wrote, for comparing: without the key nobody can try guesses.

    harness/checks/perl/main.pl makes the same inside of RT (HMAC, RFC 2104, over SHA-256 of UTF-8).
    """
    raw = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    return hmac.digest(bytes.fromhex(secret()), raw, "sha256").hex()[:16]


def fact(make: Callable[[], Any], *parts: str) -> Any:
    """Return what `make` returns, a JSON value, kept under the parts that it depends on."""
    path = directory("facts") / f"{digest(*parts)}.json"
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return json.loads(path.read_text(encoding="utf-8"))
    found = make()
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as new:
        json.dump(found, new)
    Path(new.name).replace(path)
    return found


def lock(name: str, timeout: float = 1800) -> FileLock:
    """Return a lock that processes of this user share, so that an expensive thing is made once."""
    return FileLock(directory("locks") / f"{name}.lock", timeout=timeout)


def empty() -> None:
    """Remove what the harness made in its cache, and nothing else: the directory may be somebody's home.

    What is needed to stop an engine that was started from here stays while there is one.
    """
    root = directory()
    running = (root / "engine.pid").exists()
    for pattern in _MADE:
        if running and pattern in _OF_AN_ENGINE:
            continue
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    key = root / _KEY
    if key.is_file() and key.stat().st_size == _KEY_SIZE:  # not a key of the owner's own
        key.unlink()
    for folder in {pattern.partition("/")[0] for pattern in _MADE if "/" in pattern}:
        with contextlib.suppress(OSError):  # somebody else's things are in it
            (root / folder).rmdir()
