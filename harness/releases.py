"""List the known RT releases, database servers and pairs of releases.

The facts are rows of image/releases.toml; nothing here knows a version by name.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.common.wording import option
from harness.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "image" / "releases.toml"
STEPS = MANIFEST.with_name("steps")
"""Folder with a list of upgrade steps for each release."""
VERSION = re.compile(r"^\d+\.\d+\.\d+$")


@dataclass(frozen=True)
class Suite:
    """A Debian suite and its settings for apt."""

    name: str
    security: bool = False
    apt: tuple[str, ...] = ()


@dataclass(frozen=True)
class Server:
    """A database server: `product` is "mariadb" or "mysql", `version` its release series."""

    name: str
    suite: Suite
    packages: tuple[str, ...]

    @property
    def product(self) -> str:
        """Return the product, the part of the name before the dash."""
        return self.name.partition("-")[0]

    @property
    def version(self) -> str:
        """Return the release series, the part of the name after the dash."""
        return self.name.partition("-")[2]


@dataclass(frozen=True)
class Release:
    """An RT release that has an image here."""

    version: str
    suite: Suite
    servers: tuple[str, ...]

    @property
    def major(self) -> int:
        """Return 4 or 5, which is part of Debian's package names."""
        return int(self.version.partition(".")[0])


def parse(version: str) -> tuple[int, int, int]:
    """Return "5.0.10" as (5, 0, 10), which sorts. Raises UsageError for anything else."""
    if not VERSION.match(version):
        raise UsageError(f"{version!r} is not an RT release.", repair="say it as three numbers, for example 4.4.6")
    one, two, three = map(int, version.split("."))
    return one, two, three


@dataclass(frozen=True)
class Pair:
    """An upgrade: from one release to another on one server."""

    origin: str
    target: str
    server: str

    def __str__(self) -> str:
        """Return the pair's id, as tests and reports show it."""
        return f"{self.origin}-to-{self.target}@{self.server}"


@cache
def _manifest(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def suites(path: Path = MANIFEST) -> dict[str, Suite]:
    """Return all suites by name."""
    return {
        name: Suite(name, row.get("security", False), tuple(row.get("apt", ())))
        for name, row in _manifest(path)["suite"].items()
    }


def servers(path: Path = MANIFEST) -> dict[str, Server]:
    """Return all servers by name, in the manifest's order."""
    known = suites(path)
    return {
        row["name"]: Server(row["name"], known[row["suite"]], tuple(row["packages"]))
        for row in _manifest(path)["server"]
    }


def releases(path: Path = MANIFEST) -> dict[str, Release]:
    """Return all releases by version, oldest first."""
    known = suites(path)
    rows = [
        Release(row["version"], known[row["suite"]], tuple(row["servers"])) for row in _manifest(path)["release"]
    ]
    return {row.version: row for row in sorted(rows, key=lambda row: parse(row.version))}


def _choose(kind: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise UsageError(f"There is no {kind} {name!r} here.", repair=f"choose one of: {', '.join(names)}")


def release(version: str) -> Release:
    """Return the release of that version. Raises UsageError that lists the known ones."""
    _choose("RT release", version, releases())
    return releases()[version]


def server(name: str) -> Server:
    """Return the server of that name. Raises UsageError that lists the known ones."""
    _choose("database server", name, servers())
    return servers()[name]


def file_of_steps(version: str) -> Path:
    """Return the path of the file that lists a release's upgrade steps."""
    return STEPS / f"{version}.txt"


def promised_steps(version: str) -> dict[str, str]:
    """Return the upgrade steps that a release has, oldest first, each with a digest of its files.

    Raises UsageError for a release without such a list: nothing else says whether an image has all of them.
    """
    try:
        lines = file_of_steps(version).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    if not lines:
        raise UsageError(
            f"Nothing says which upgrade steps RT {version} has: there is no image/steps/{version}.txt.",
            repair="write it, and see what is new in it: .venv/bin/python -m harness.upgrade.promised_steps "
            f"{version}",
        )
    return {name: digest for name, _, digest in (line.partition(" ") for line in lines)}


def pair(origin: str, target: str, server_name: str) -> Pair:
    """Return the upgrade from `origin` to `target` on a server.

    `origin` may be a release without an image here: its dump can be upgraded all the same.
    Raises UsageError for an unknown target or server, a pair going backwards, a server that the target cannot
    run on, or a target whose upgrade steps are not listed.
    """
    goal = release(target)
    promised_steps(target)
    server(server_name)
    if parse(origin) > parse(target):
        raise UsageError(
            f"RT cannot go backwards from {origin} to {target}.",
            repair=f"look at both, as one may be mistyped, or swap {option('from')} and {option('to')}; the way "
            "back after an upgrade is restoring the backup",
        )
    if server_name not in goal.servers:
        later = [one.version for one in releases().values() if server_name in one.servers]
        able = f", or a target that can: {', '.join(later)}" if later else ""
        raise UsageError(
            f"RT {target} cannot run on {server_name}.",
            repair=f"choose a server that it runs on ({', '.join(goal.servers)}){able}",
        )
    return Pair(origin, target, server_name)


def pairs() -> list[Pair]:
    """Return every forward pair on every server that its target may run on."""
    return [
        Pair(origin.version, target.version, name)
        for origin, target in itertools.combinations(releases().values(), 2)
        for name in target.servers
    ]


@dataclass(frozen=True)
class Broken:
    """A known failure of a pair: the check that finds it, patterns of its findings, and the reason."""

    check: str
    findings: tuple[re.Pattern[str], ...]
    reason: str

    def describes(self, found: Collection[str]) -> bool:
        """Tell whether these findings are the failure: each is one of it, and none of it is missing."""
        every = all(any(pattern.search(one) for one in found) for pattern in self.findings)
        return every and not self.others(found)

    def others(self, found: Collection[str]) -> list[str]:
        """Return the findings that do not belong to the failure."""
        return [one for one in found if not any(pattern.search(one) for pattern in self.findings)]


def broken(asked: Pair, path: Path = MANIFEST) -> dict[str, Broken]:
    """Return the known failures of a pair by check; {} for a pair that works."""
    return {
        row["check"]: Broken(row["check"], tuple(map(re.compile, row["findings"])), row["reason"])
        for row in _manifest(path).get("broken", ())
        if asked.origin in row["from"] and asked.target == row["to"]
    }


def neighbour(origin: str, structural: Iterable[str], known: Iterable[str] | None = None) -> str | None:
    """Return the closest release with an image that can read a database of `origin`; itself if it has one.

    structural: names of the upgrade steps that change tables; none of them may lie between the two. None if every
    release with an image is on the other side of such a step.
    """
    here = parse(origin)
    walls = [parse(one) for one in structural]
    able = [
        one
        for one in (releases() if known is None else known)
        if not any(min(here, parse(one)) < wall <= max(here, parse(one)) for wall in walls)
    ]
    older = [one for one in able if parse(one) <= here]
    newer = [one for one in able if parse(one) > here]
    return max(older, key=parse, default=None) or min(newer, key=parse, default=None)


def adjacent(origin: str, target: str) -> bool:
    """Tell whether no release with an image here lies between the two."""
    return not [one for one in releases() if parse(origin) < parse(one) < parse(target)]
