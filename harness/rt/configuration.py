"""Read a site's own configuration and list the files that a container of RT gets for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.rt import siteconfig

SITE_CONFIGURATION = "/opt/rt/site.d"
LAST = Path(__file__).parents[1] / "perl" / "last.pm"
"""Configuration that every copy reads after the site's own files."""


@dataclass(frozen=True)
class Configuration:
    """A site's own configuration: files below /opt/rt/site.d, by relative path.

    remarks: sentences about files of the site that were left out.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path | None) -> Configuration:
        """Read a .pm file, a directory of .pm files and plugins, or a copy of RT's etc directory.

        Raises UsageError if the given path contains nothing to read.
        """
        if path is None:
            return cls()
        return cls(*siteconfig.read(path))

    def inside(self) -> list[tuple[str, bytes]]:
        """Return (absolute path in the container, content) of each file, and of LAST, which is read last."""
        found = [(f"{SITE_CONFIGURATION}/{name}", content) for name, content in self.files.items()]
        return [*found, (f"{SITE_CONFIGURATION}/{self.last()}", LAST.read_bytes())]

    @staticmethod
    def pinned() -> set[str]:
        """Return the options that a copy overrides, whatever the site's configuration sets."""
        text = LAST.read_text(encoding="utf-8")
        return set(re.findall(r"^\s*(?:Set\(\$|RT->Config->Set\(')(\w+)", text, re.MULTILINE))

    def last(self) -> str:
        """Return a file name that the image reads last; it sorts names by bytes and skips hidden files."""
        own = [os.fsencode(name) for name in self.files if re.fullmatch(r"[^./][^/]*\.pm", name)]
        stem = max([b"~harness.pm", *own]).removesuffix(b".pm")
        return os.fsdecode(stem + b"~.pm")  # "~" sorts after the "." of the site's last file
