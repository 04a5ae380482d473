"""Check that data of extensions which the target has absorbed is where the target looks for it.

For such data RT ships separate scripts (etc/upgrade/upgrade-*), to be run by hand after the steps: each copies the
extension's tables into RT's own. No step does so; without the script everything looks well, but RT sees none of
these rows.
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
"""Columns that identify a copied row: the id alone may belong to another row that a step has put there."""


@dataclass(frozen=True)
class Copy:
    """A table that a script copies. source: the extension's table; goal: RT's own table."""

    script: str
    source: str
    goal: str


def read(target: Rt) -> list[Copy]:
    """Return the table copies that the scripts of a container's release make."""
    return parse(target.of_image("sh", "-c", _SCRIPTS))


def parse(text: str) -> list[Copy]:
    """Parse lines of the scripts, each prefixed with the script's name and a colon."""
    return [Copy(*found) for found in _COPY.findall(text)]


def judge(report: Report, copies: Sequence[Copy], before: Schema, after: Schema, upgraded: Database) -> None:
    """Report the rows of extensions that the upgrade has left where the target does not look.

    Only checked if RT's own table is new: leftovers of an earlier upgrade are years old, and their rows may have
    been copied, and deleted, since.
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
    """Return the name of a table in a schema: some servers store all names in lower case."""
    return next((one for one in schema.tables if one.lower() == name.lower()), None)
