"""Check what the bundled dumps must contain: queries in fixtures/dumps/promises.toml, run on a database.

A check without findings proves little if the data it checks is missing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass

from harness.database import Database
from harness.dump import FOLDER
from harness.releases import parse

PROMISES = FOLDER / "promises.toml"


@dataclass(frozen=True)
class Promise:
    """A minimum for the content; `sql` returns one number, which must be at least `least`."""

    what: str
    sql: str
    least: int
    feature: str = ""
    before: str = ""
    variant: str = ""

    def holds_for(self, release: str, lacking: Collection[str], variants: Collection[str]) -> bool:
        """Tell whether the promise applies: release old enough and with the feature, variant made."""
        in_time = not self.before or parse(release) < parse(self.before)
        return in_time and self.feature not in lacking and (not self.variant or self.variant in variants)


def promises() -> list[Promise]:
    """Return the promises in the order of the file."""
    return [Promise(**entry) for entry in tomllib.loads(PROMISES.read_text(encoding="utf-8"))["promise"]]


def broken(database: Database, release: str, lacking: Collection[str], variants: Collection[str]) -> list[str]:
    """Return a line for each promise that the database does not keep.

    release: the one that made the content. lacking: features that it does not have (`release_lacks` of the
    manifest).
    variants: those that the content was made with (`variants` of the manifest).
    """
    lines = []
    for promise in promises():
        if promise.holds_for(release, lacking, variants):
            found = int(database.value(promise.sql) or 0)
            if found < promise.least:
                lines.append(f"{promise.what}: {found} where at least {promise.least} are promised")
    return lines
