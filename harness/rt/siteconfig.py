"""Read a site's configuration from its server's directory layout and convert it to the layout that images read.

An image reads *.pm of one directory, sorted, and takes lib/, plugins/ and so on beside them for RT's local tree.
RT itself reads RT_SiteConfig.pm and then RT_SiteConfig.d/*.pm, sorted (LoadConfig in RT's lib/RT/Config.pm).
Debian has both in /etc/request-tracker4 or 5; an installation from source has them in etc/ below its root, beside
the release's own RT_Config.pm, and additions to RT in local/.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.common.wording import listed
from harness.errors import UsageError

MAIN, PARTS, OWN = "RT_SiteConfig.pm", "RT_SiteConfig.d", "RT_Config.pm"
TREES = ("plugins", "html", "lib", "po", "static")
"""Directories of RT's local tree."""
_SHOWN = 3
EXPECTED = (
    "CONFIG is a .pm file; a folder of .pm files, with plugins/, html/, lib/, po/, static/ beside them; or a copy "
    f"of RT's etc folder, with {MAIN} and {PARTS}/ (docs/options.md shows both with commands)"
)

_PAGES = ("html", "po", "static")
"""Directories without files that affect RT's modules."""
_COMMENT = re.compile(rb"^[ \t]*#[^\n]*$|^=\w.*?^=cut\b[^\n]*$", re.MULTILINE | re.DOTALL)
_LOADS = re.compile(
    rb"\b(?:require|do|eval|Plugins?|INC|CORE::GLOBAL|package|push|unshift|splice)\b|\bsub\s+\w|\*\s*[A-Za-z_{]"
    rb"|\b(?:use|no)\s+(?!(?:utf8|strict|warnings|constant|v?5)\b)"
)
"""Perl code that may load other code, change where it is looked for, or act differently when run a second time."""


def only_sets_options(files: Mapping[str, bytes]) -> bool:
    """Tell whether RT's modules are certainly the same with these files as without; False if that is uncertain."""
    for name, content in files.items():
        if name.partition("/")[0] in _PAGES:
            continue
        if "/" in name or not name.endswith(".pm") or _LOADS.search(_COMMENT.sub(b"", content)):
            return False
    return True


def read(path: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return the files by the names under which an image reads them, and remarks about files left out.

    Raises UsageError if RT would read none of it (a named configuration must not be ignored) or a read fails.
    """
    try:
        return _read(path)
    except OSError as error:
        raise UsageError(
            f"The configuration {error.filename} cannot be read: {error.strerror}.",
            repair="copy the configuration as its owner, leave its passwords out, and name the copy",
        ) from error


def _read(path: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    if path.name == OWN:
        raise UsageError(f"{path} is the release's own, and not the site's configuration.", repair=EXPECTED)
    if path.is_file():
        if path.suffix != ".pm":
            raise UsageError(f"The configuration {path} is not a .pm file.", repair=EXPECTED)
        return {path.name: path.read_bytes()}, ()
    if not path.is_dir():
        raise UsageError(f"There is no configuration {path}.", repair="name a .pm file or a folder of them")
    if not os.access(path, os.R_OK | os.X_OK):  # else the first thing looked for in it would be blamed
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    found, remarks = _files_of_etc(path) if _is_etc(path) else (_files_by_name(path), ())
    top = [name for name in found if "/" not in name and name.endswith(".pm")]
    overlaid = [name for name in found if name.startswith(("lib/", "html/", "po/", "static/"))]
    if not top and (not overlaid or any(name.startswith("plugins/") for name in found)):
        raise _no_file_error(path)
    return {name: file.read_bytes() for name, file in found.items()}, remarks


def _is_etc(folder: Path) -> bool:
    """Tell whether this is RT's etc directory, or a part of it, rather than a directory of .pm files."""
    return _not_a_broken_link(folder / PARTS).is_dir() or _not_a_broken_link(folder / OWN).is_file()


def _files_of_etc(folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return the files of an etc directory that RT would read, in its order, and of a local tree beside it."""
    parts = [path for path in _sorted_entries(folder / PARTS) if path.suffix == ".pm"]
    found = {f"0-{MAIN}": folder / MAIN} if _not_a_broken_link(folder / MAIN).is_file() else {}
    found |= {f"1-{part.name}": part for part in parts if _not_a_broken_link(part).is_file()}
    if not found:
        raise _no_file_error(folder)
    for tree in TREES:
        found |= {f"{tree}/{name}": file for name, file in _files_by_name(folder / tree).items()}
    others = [path.name for path in _sorted_entries(folder) if path.suffix == ".pm"]
    others = [name for name in others if name not in (MAIN, "RT_SiteModules.pm")]
    if not others:
        return found, ()
    remark = f"Of the configuration {folder.name} RT reads {MAIN} and {PARTS}, so {', '.join(others)} was left out"
    # a name may hold any bytes, a report may not
    remark = remark.encode(errors="surrogateescape").decode(errors="replace")
    return found, (f"{remark}: the release's own." if others == [OWN] else f"{remark}.",)


def _files_by_name(folder: Path) -> dict[str, Path]:
    """Return all files below a directory by their relative paths."""
    return {str(path.relative_to(folder)): path for path in _walk(folder)}


def _walk(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield all files below a directory, sorted, also behind links: a site may consist of them (stow, Capistrano).

    Every file that RT would read is read or causes an error: `Path.rglob` skips linked and unreadable directories.
    """
    here = folder.resolve()
    if here in above:  # a link to a directory that contains it
        return
    for path in _sorted_entries(folder):
        if _not_a_broken_link(path).is_dir():
            yield from _walk(path, (*above, here))
        elif path.is_file():
            yield path


def _sorted_entries(folder: Path) -> list[Path]:
    """Return the entries of a directory, sorted; [] if it does not exist. Raises OSError if it may not be read."""
    return sorted(folder.iterdir()) if _not_a_broken_link(folder).is_dir() else []


def _not_a_broken_link(path: Path) -> Path:
    """Return the path. Raises UsageError if it is a broken link."""
    if path.is_symlink() and not path.exists():
        raise UsageError(
            f"The configuration's {path} is a link to {path.readlink()}, which is not there.",
            repair="copy the configuration with what its links lead to (cp -rL), or take the link out",
        )
    return path


def _no_file_error(folder: Path) -> UsageError:
    deeper = sorted(_files_deeper(folder))
    if not deeper:
        return UsageError(f"The folder {folder} holds no .pm file.", repair=EXPECTED)
    named = listed(deeper, _SHOWN)
    return UsageError(f"The folder {folder} holds no .pm file that RT would read, only {named}.", repair=EXPECTED)


def _files_deeper(folder: Path) -> Iterator[str]:
    below: Iterable[Path] = folder.rglob("*.pm")
    return (str(path.relative_to(folder)) for path in below if path.is_file())
