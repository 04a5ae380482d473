"""Find rights of nobody, or on nothing: a step that grants others to whoever has them logs errors instead.

They are left where a group or a queue was deleted by SQL, or an extension that had rights was taken out: at a
class that RT does not know the step dies, and all that come after get nothing. Which right a step looks for is
read in the step itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.database import Database
from harness.database.schema import Schema, quote
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.verdict import MOST_SAMPLES, Report

_READ = re.compile(r"FIELD\s*=>\s*'RightName'\s*,\s*VALUE\s*=>\s*'(\w+)'")
_CLASS = re.compile(r"RT::([A-Za-z]+)")
_PLURALS = ("s", "es")
SYSTEM = "RT::System"
_PROGRAM = """
use RT;
RT::LoadConfig();
RT::Init();
for my $class (grep { /^[\\w:]+\\z/ } @ARGV) {
    print "$class\\n" if eval { $class->DOES('RT::Record::Role::Rights') };
}
"""


def read_by_steps(target: Rt, steps: Sequence[str]) -> list[str]:
    """Return the rights whose holders the steps look for, read in a container of the target."""
    files = [f"/opt/rt/upgrade/{name}/content" for name in steps]
    code = target.of_image("sh", "-c", 'cat "$@" 2>/dev/null || true', "cat", *files) if files else ""
    return list(dict.fromkeys(_READ.findall(code)))


def knows(target: Rt, kinds: Sequence[str]) -> list[str]:
    """Return those of these classes that have rights in the target, as RT asks for it itself."""
    done = target.perl(_PROGRAM, *kinds)
    if done.code:
        why = redact.line(done.err.strip().rpartition("\n")[2]) or "it says nothing"
        raise InfrastructureError(f"RT {target.release} did not say what it knows (exit code {done.code}): {why}")
    return [kind for kind in kinds if kind in done.out.splitlines()]


def judge(report: Report, database: Database, schema: Schema, target: Rt, rights: Sequence[str]) -> None:
    """Report rights of these names whose principal is gone, or the object that they are for, or its class."""
    for right in rights:
        report.looked_at += 1
        these = f"a.RightName = '{right}'"
        principals = f"LEFT JOIN Principals p ON p.id = a.PrincipalId WHERE {these} AND p.id IS NULL"
        _gone(report, database, f"{right}: {{}} rights have no principal any more", principals)
        kinds = {str(kind) for (kind,) in database.rows(f"SELECT DISTINCT ObjectType FROM ACL a WHERE {these}")}
        known = _known(report, target, sorted(kinds - {SYSTEM}))
        if known is None:
            continue
        # Not the other way round: an extension that was taken out leaves its tables there.
        for kind, table in ((kind, table) for kind in known if (table := _table(schema, kind))):
            objects = f"LEFT JOIN {quote(table)} o ON o.id = a.ObjectId WHERE {these} AND a.ObjectType = '{kind}'"
            what = f"{right}: {{}} rights have no object in {table} any more"
            _gone(report, database, what, f"{objects} AND o.id IS NULL")
        if kinds - {SYSTEM, *known}:
            good = ", ".join(f"'{kind}'" for kind in (SYSTEM, *known))
            what = f"{right}: {{}} rights are for objects of a class that the target does not know"
            _gone(report, database, what, f"WHERE {these} AND a.ObjectType NOT IN ({good})")


def _known(report: Report, target: Rt, kinds: Sequence[str]) -> list[str] | None:
    """Return what `knows` does; None, with an open question, if RT cannot be asked, as with a missing plugin."""
    question = "whether the target knows the classes that rights are for, and their objects are there"
    return ask_or_leave_open(report, question, lambda: knows(target, kinds), said_once=True) if kinds else []


def _gone(report: Report, database: Database, what: str, which: str) -> None:
    """Report the rights that a query's end selects, if there are any."""
    those = f"FROM ACL a {which}"
    if count := int(database.value(f"SELECT COUNT(*) {those}")):
        sql = f"SELECT a.id, a.PrincipalType, a.PrincipalId, a.ObjectType, a.ObjectId {those} ORDER BY a.id"
        report.find(
            "ACL",
            f"{what.format(count)}: a step grants others to whoever has this one, and fails there",
            samples=tuple(f"id {row[0]}" for row in database.rows(f"{sql} LIMIT {MOST_SAMPLES}")),
            sql=sql,
            repair=f"where no extension is missing in CONFIG, they are of no use: DELETE a {those};",
        )


def _table(schema: Schema, kind: str) -> str:
    """Return the table of a class of RT's, "Queues" of "RT::Queue"; "" for others, and for the one RT::System."""
    match = _CLASS.fullmatch(kind)
    names = {name.lower(): name for name in schema.tables}
    wanted = [f"{match[1]}{plural}".lower() for plural in _PLURALS] if match else []
    return next((names[one] for one in wanted if one in names), "")
