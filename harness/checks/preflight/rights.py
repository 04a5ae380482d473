"""Find rights of nobody, or on nothing: a step that grants others to whoever has them logs errors instead.

They are left where a group or a queue was deleted by SQL. Which right a step looks for is read in the step itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.database import Database
from harness.database.schema import Schema, quote
from harness.rt import Rt
from harness.verdict import MOST_SAMPLES, Report

_READ = re.compile(r"FIELD\s*=>\s*'RightName'\s*,\s*VALUE\s*=>\s*'(\w+)'")
_CLASS = re.compile(r"RT::([A-Za-z]+)")
_PLURALS = ("s", "es")


def read_by_steps(target: Rt, steps: Sequence[str]) -> list[str]:
    """Return the rights whose holders the steps look for, read in a container of the target."""
    files = [f"/opt/rt/upgrade/{name}/content" for name in steps]
    code = target.of_image("sh", "-c", 'cat "$@" 2>/dev/null || true', "cat", *files) if files else ""
    return list(dict.fromkeys(_READ.findall(code)))


def judge(report: Report, database: Database, schema: Schema, rights: Sequence[str]) -> None:
    """Report rights of these names whose principal is gone, or the object that they are for."""
    for right in rights:
        report.looked_at += 1
        lacking = {"principal": ("Principals p ON p.id = a.PrincipalId", f"a.RightName = '{right}'")}
        kinds = database.rows(f"SELECT DISTINCT ObjectType FROM ACL WHERE RightName = '{right}'")
        for kind in sorted(str(kind) for (kind,) in kinds):
            if table := _table(schema, kind):
                which = f"a.RightName = '{right}' AND a.ObjectType = '{kind}'"
                lacking[f"object in {table}"] = (f"{quote(table)} p ON p.id = a.ObjectId", which)
        for gone, (join, which) in lacking.items():
            _gone(
                report, database, f"{right}: {{}} rights have no {gone}", f"{join} WHERE {which} AND p.id IS NULL"
            )


def _gone(report: Report, database: Database, what: str, those: str) -> None:
    those = f"FROM ACL a LEFT JOIN {those}"
    if count := int(database.value(f"SELECT COUNT(*) {those}")):
        sql = f"SELECT a.id, a.PrincipalType, a.PrincipalId, a.ObjectType, a.ObjectId {those} ORDER BY a.id"
        report.find(
            "ACL",
            f"{what.format(count)} any more: a step grants others to whoever has this one, and logs errors there",
            samples=tuple(f"id {row[0]}" for row in database.rows(f"{sql} LIMIT {MOST_SAMPLES}")),
            sql=sql,
            repair=f"they are of no use to anybody: DELETE a {those};",
        )


def _table(schema: Schema, kind: str) -> str:
    """Return the table of a class of RT's, "Queues" of "RT::Queue"; "" for others, and for the one RT::System."""
    match = _CLASS.fullmatch(kind)
    names = {name.lower(): name for name in schema.tables}
    wanted = [f"{match[1]}{plural}".lower() for plural in _PLURALS] if match else []
    return next((names[one] for one in wanted if one in names), "")
