"""Know the upgrade steps that a release has, whatever an image of it contains.

An image may lack a step, or have another one in its place; RT applies what it finds and says that all is done. So
the list is kept beside the release's row, and an image is held against it.

    python -m harness.upgrade.promised_steps 5.0.11

writes the list of a release, image/steps/5.0.11.txt, from its image; it is built if it does not exist.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence

from docker import DockerClient

from harness import end_of_run, engine
from harness.common import owner
from harness.common.arguments import Parser
from harness.engine import faults
from harness.releases import VERSION, file_of_steps, parse, release
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle

_LOOK = "cd /opt/rt/upgrade/ && ls -d */ && sha256sum */* 2>/dev/null || true"
"""Lists folders and their files; a folder in one is no file."""
DIGITS = 16
"""Of a digest, so many are kept: they tell one content from another, and no more is asked of them."""


def installed(tools: Rt) -> dict[str, str]:
    """Return the steps in a release's image, oldest first, each with a digest of its files."""
    return digests(tools.of_image("sh", "-c", _LOOK))


def digests(listing: str) -> dict[str, str]:
    """Return the steps of a listing, oldest first, each with a digest of its files.

    listing: names of folders, each with a slash at its end, and "digest  folder/file", in any order: an image's
    shell sorts names as its locale does.
    """
    files: dict[str, list[str]] = {}
    for line in sorted(listing.splitlines(), key=lambda line: line.partition("  ")[2]):  # folders first
        if line.endswith("/"):
            files.setdefault(line[:-1], [])
        elif (name := line.partition("  ")[2].partition("/")[0]) in files:
            files[name].append(line)
    return {
        name: hashlib.sha256("\n".join(files[name]).encode()).hexdigest()[:DIGITS]
        for name in sorted(filter(VERSION.match, files), key=parse)
    }


def text(steps: Mapping[str, str]) -> str:
    """Return the list's text: a line for each step, with the digest of its files."""
    return "".join(f"{name} {digest}\n" for name, digest in steps.items())


def _tools(client: DockerClient, version: str) -> Rt:
    """Return an idle container of a release. The caller removes it."""
    return Lifecycle(client, Configuration()).tools(version, None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the list of a release."""
    parser = Parser(
        prog="python -m harness.upgrade.promised_steps",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("release", help="a release that has a row in image/releases.toml")
    asked = parser.parse_args(arguments).release

    def work() -> int:
        version = release(asked).version
        owner.session()
        try:
            with contextlib.closing(engine.connect()) as client, _tools(client, version) as tools:
                file_of_steps(version).write_text(text(installed(tools)), encoding="utf-8")
        finally:
            end_of_run.clear("promised_steps")
        return 0

    return faults.run_command("promised_steps", work)


if __name__ == "__main__":
    sys.exit(main())
