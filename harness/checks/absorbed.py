"""Is the data of extensions that the target has taken into itself where the target looks for it?

RT brings scripts of their own for such data (etc/upgrade/upgrade-*), to be run by hand after the steps: each
copies the extension's tables into RT's. No step does so, and without it everything looks well while RT knows of no
row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.database import Database
from harness.database.schema import Schema, quote
from harness.rt import Rt
from harness.verdict import Report

_SCRIPTS = "cd /opt/rt/upgrade && grep -H copy_tables upgrade-* || true"
_COPY = re.compile(r"^(upgrade-[\w.-]+):\s*copy_tables\(\s*['\"](\w+)['\"]\s*,\s*['\"](\w+)['\"]", re.MULTILINE)
_ALIKE = ("id", "Created", "Creator")
"""By what a row is known again: a step may have filled the new table with other rows of the same ids."""


@dataclass(frozen=True)
class Copy:
    """One table that a script copies. source: the extension's; goal: RT's own."""

    script: str
    source: str
    goal: str


def read(target: Rt) -> list[Copy]:
    """Return what the scripts of a container's release copy."""
    return parse(target.of_image("sh", "-c", _SCRIPTS))


def parse(text: str) -> list[Copy]:
    """Read lines of scripts, each behind the script's name and a colon."""
    return [Copy(*found) for found in _COPY.findall(text)]


def judge(report: Report, copies: Sequence[Copy], before: Schema, after: Schema, upgraded: Database) -> None:
    """Find the rows of extensions that the upgrade has left where the target does not look.

    Only where RT's own table is new: what an earlier upgrade left behind has been so for years, and its rows may
    have been copied, and deleted, since.
    """
    for copy in copies:
        source, goal = (_called(after, name) for name in (copy.source, copy.goal))
        if not source or not goal:
            continue
        report.looked_at += 1
        same = [one for one in _ALIKE if all(one in after.tables[name].columns for name in (source, goal))]
        where = " AND ".join(f"there.{quote(one)} <=> here.{quote(one)}" for one in same)
        left = f"FROM {quote(source)} here WHERE NOT EXISTS (SELECT 1 FROM {quote(goal)} there WHERE {where or 1})"
        count = int(upgraded.value(f"SELECT COUNT(*) {left}"))
        if not count:
            continue
        if _called(before, copy.goal):
            what = f"{count} rows of {source} that are not in {goal}"
            report.out_of_scope.append(f"{what}: it was there before, so an earlier upgrade has left them")
            continue
        report.find(
            source,
            f"{count} rows of an extension's that the target has in {goal} and looks for there alone; "
            "no step copies them",
            sql=f"SELECT here.id {left}",
            repair=f"plan etc/upgrade/{copy.script} of the target for after the steps, which copies them; "
            "then sign this finding off",
        )


def _called(schema: Schema, name: str) -> str | None:
    """Return what a table is called in a schema: some servers write all names small."""
    return next((one for one in schema.tables if one.lower() == name.lower()), None)
