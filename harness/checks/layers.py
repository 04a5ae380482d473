"""Check that no layer of an image holds a secret, including secrets that a later layer deletes.

Every layer of an image can be read after a pull. So the image is read as the engine exports it (docker's own
layout or OCI's, https://github.com/opencontainers/image-spec), layer by layer, and not as a container shows it.
"""

from __future__ import annotations

import contextlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from typing import Any, cast

from docker import DockerClient

from harness.errors import InfrastructureError
from harness.rt import SECRETS
from harness.verdict import Report

CHECK = "layers"
QUESTION = "Does any layer of the image hold a secret?"
REPAIR = "make the image without them: what a later layer removes can still be read in an earlier one"
_LARGEST = 1 << 20
"""Bytes: settings and keys are smaller, and programs are not searched for words."""
_PLACES = (SECRETS.removeprefix("/") + "/", "etc/ssl/private/")
"""Mount point of a deployment's secrets, and a server's directory of keys: an image must have no file there."""
_BY_NAME = re.compile(r"(?:^|/)(?:\.mylogin\.cnf|\.ssh/id_\w+|ssh_host_\w+_key)$")
_SETTINGS = re.compile(
    r"^(?:etc|opt|root|home|srv|tmp|run|usr/local|var)/(?!lib/dpkg/|cache/request-tracker|ssl/openssl\.cnf$)"
)
"""Places of settings. Elsewhere, among RT's compiled pages and in that file, there is only code and examples."""
_KEY = re.compile(rb"^-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----\r?\n", re.MULTILINE)
_WORDS = rb"(?:pass(?:word|wd|phrase)?|secret)"
_VALUES = (
    # RT: Set($DatabasePassword, 'x'), and pass => 'x' within a setting that is a list.
    rb"^\s*Set\(\s*\$\w*" + _WORDS + rb"\s*,\s*(?:'[^']|\"[^\"]|q\w?\s*([^\w\s])(?![})\]>]|\1))",
    rb"\b\w*" + _WORDS + rb"['\"]?\s*=>\s*(?:'[^']|\"[^\"])",
    # Database clients, dbconfig, and the file that a deployment mounts; values that a shell expands are unknown.
    rb"^[ \t]*(?:export[ \t]+)?[\w.-]*" + _WORDS + rb"[ \t]*=[ \t]*['\"]?(?!false\b|no\b)[^\s'\"$#]",
)
_SETTING = re.compile(rb"|".join(_VALUES), re.MULTILINE | re.IGNORECASE)
_OF_ONE_KIND = {
    re.compile(r"(?:msmtprc|\.netrc|fetchmailrc)$"): re.compile(rb"^[^#\n]*\bpass(?:word)?\s+\S", re.MULTILINE),
    re.compile(r"/debconf/passwords\.dat"): re.compile(rb"^Value: \S", re.MULTILINE),
    re.compile(r"^etc/shadow-?$"): re.compile(rb"^[^:\n]+:\$", re.MULTILINE),
}
"""Password settings of other files, by file name: mail programs, Debian's answers at installation, logins."""
_IN_WORDS = re.compile(r"\w*(?:passw(?:or)?d|passphrase|secret)\w*=[^\s\"$]", re.IGNORECASE)


def check(client: DockerClient, name: str) -> Report:
    """Read every layer of an image, its settings and the commands that made it.

    Raises InfrastructureError when the engine hands out fewer layers than the image has.
    """
    report = Report(CHECK, QUESTION, unit="files", repair=REPAIR)
    image = client.images.get(name)
    walked = 0
    for layer, files, found in read_layers(image.save()):
        walked += 1
        report.looked_at += files
        if found:
            report.find(
                f"layer {layer}",
                f"{len(found)} files hold a secret, or lie where one belongs",
                blocks=(("Files", "\n".join(sorted(found))),),  # all of them: each is to be removed
            )
    expected = len(set(image.attrs["RootFS"]["Layers"]))
    if walked < expected:
        raise InfrastructureError(f"The engine handed out {walked} of the {expected} layers of {name}.")
    words = json.dumps([image.history(), image.attrs["Config"]])
    if variables := {match[0].partition("=")[0] for match in _IN_WORDS.finditer(words)}:
        report.find(
            "commands",
            f"{len(variables)} variables that say a secret are written down with the image",
            samples=tuple(sorted(variables)),
            repair="mount secrets, and hand none to a build",
        )
    return report


def secret(path: str, content: bytes) -> bool:
    """Tell whether a file of an image is a secret or holds one. path: without a leading slash."""
    if path.startswith(_PLACES) or _BY_NAME.search(path) or _KEY.search(content):
        return True
    if any(named.search(path) and words.search(content) for named, words in _OF_ONE_KIND.items()):
        return True
    return bool(_SETTINGS.match(path) and b"\0" not in content and _SETTING.search(content))


def read_layers(pieces: Iterable[bytes]) -> Iterator[tuple[str, int, list[str]]]:
    """Yield for each layer its name, the number of its files and the paths of those that hold a secret."""
    stream = _Pieces(pieces)
    with tarfile.open(fileobj=cast(Any, stream), mode="r|") as image:
        for member in image:
            # Layouts name layers differently; a member that is no archive is a document about the image.
            if member.isfile() and (inner := image.extractfile(member)):
                with contextlib.suppress(tarfile.ReadError), tarfile.open(fileobj=inner, mode="r|*") as layer:
                    yield (member.name.removeprefix("blobs/sha256/")[:12], *_searched(layer))
    stream.drain()


def _searched(layer: tarfile.TarFile) -> tuple[int, list[str]]:
    files, found = 0, []
    for member in layer:
        if not member.isfile() or "/.wh." in f"/{member.name}":  # ".wh." marks a file that the layer deletes
            continue
        files += 1
        path = member.name.removeprefix("./").removeprefix("/")
        small = layer.extractfile(member) if member.size <= _LARGEST else None
        if secret(path, small.read() if small else b""):
            found.append(path)
    return files, found


class _Pieces:
    """A file object, to be read once, over consecutive pieces of bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Take the pieces in order."""
        self._pieces, self._rest = iter(pieces), bytearray()

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer at the end."""
        while len(self._rest) < size and (piece := next(self._pieces, b"")):
            self._rest += piece
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken

    def drain(self) -> None:
        """Read the rest, so that the engine's connection is closed."""
        for _ in self._pieces:
            pass
