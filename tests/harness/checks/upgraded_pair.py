"""Provide both sides of an upgrade that went well, for tests that plant defects into them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from harness import dump, releases
from harness.checks.rows import comparison
from harness.database import Database, schema
from harness.database.digest import Digest
from harness.database.schema import Schema
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle

PAIR = releases.pair("4.4.6", "5.0.10", "mariadb-10.11")


@dataclass
class UpgradedPair:
    """A clone of the bundled dump, and one of it upgraded.

    tools: a container of the target on the upgraded one. steps: those that were applied.
    """

    before: Database
    after: Database
    tools: Rt
    steps: list[str]

    @cached_property
    def thaw(self) -> Thawer:
        """Return the thawer of the target."""
        return Thawer(self.tools)

    @cached_property
    def digests(self) -> dict[str, Digest]:
        """Return the checksums of the old side."""
        return comparison.digests(self.before)


@contextlib.contextmanager
def upgraded_pair(lifecycle: Lifecycle) -> Iterator[UpgradedPair]:
    """Return both sides for a `with` block, which removes them at its end."""
    campus = dump.load(dump.bundled(PAIR.origin))
    upgraded, run = lifecycle.upgraded(PAIR, campus)
    cloned = lifecycle.baselines.cloned
    with (
        cloned(lifecycle.restored(campus, PAIR.server)) as before,
        cloned(upgraded) as after,
        lifecycle.tools(PAIR.target, after) as tools,
    ):
        yield UpgradedPair(before, after, tools, [step.name for step in run.steps])


def fresh_schema(lifecycle: Lifecycle) -> Schema:
    """Return the schema of a new site of the target."""
    with lifecycle.baselines.cloned(lifecycle.fresh(PAIR.target, PAIR.server)) as database:
        return schema.read(database)
