"""Check that the dump is a whole database of the release that it is said to be of.

Some answers forbid the upgrade itself: it would be applied to a database that has had it already, wholly or in
part, or that lacks the prerequisites of its steps. RT does not check this, and on some paths ends with exit code 0
and a damaged database.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from harness.checks.preflight import database as preflight_database
from harness.checks.preflight.database import SchemaChanges
from harness.checks.upgrade_history import History, report_unfinished
from harness.common import redact
from harness.common.wording import option
from harness.database.schema import Schema, quote
from harness.errors import InfrastructureError, UsageError
from harness.rt import Rt
from harness.upgrade.guard import KNOWN, WAIT, command, own_columns
from harness.verdict import Finding, Report

OLDER, SAME, HALF = "older", "ok", "half"
BLIND = ("misconfigured", "unreachable")
"""The guard's result if it could not read the database: no statement about which release it is of."""
_REFUSED = "could not be read"
"""The guard's words where the server did answer, with an error: that is about the database."""
PRESENT = "present"
OWN = "own columns"
"""The fact with the setting that the deployed image needs as well: it refuses columns that RT does not know."""
_PERHAPS = "without an upgrade history they may as well be a later release's: see the finding about the database"
BACKUP = "restore the backup from before that upgrade"
AS_IT_IS = f"say {option('from')} as it is"


def guard(release: Rt, known: Collection[str] = ()) -> dict[str, Any]:
    """Return the result of a release's guard (in its image) about the database that the release is connected to.

    known: columns that the site has added itself.
    Raises UsageError if the configuration directs RT to another database: that one must not be touched. Raises
    InfrastructureError if the guard gives no answer, or the server cannot be reached or does not answer it.
    """
    answer = _answer(release, known, 0)  # another database is not waited for
    if answer.get("verdict") == "unreachable" and _REFUSED not in answer["reason"]:
        answer = _answer(release, known, WAIT)
    if answer.get("database_error"):  # the connection failed; unreadable tables are another case
        raise InfrastructureError(
            f"RT {release.release} does not reach the copy's server: {redact.line(answer['reason'])}",
            repair="see whether containers find each other by name on this engine",
        )
    if answer.get("verdict") == "unreachable" and _REFUSED not in answer["reason"]:
        raise InfrastructureError(
            f"The copy's server did not answer RT {release.release}: {redact.line(answer['reason'])}",
            repair="see how busy this machine and its disk are, and run it again",
        )
    return answer


def _answer(release: Rt, known: Collection[str], wait: int) -> dict[str, Any]:
    """Return the guard's result after `wait` seconds at most. Raises as `guard` does, save for the server."""
    done = release.run(*command(known, wait))
    try:
        answer: dict[str, Any] = json.loads(done.out)
    except json.JSONDecodeError as error:
        raise InfrastructureError(
            f"The guard of RT {release.release} gave no answer (exit code {done.code}).",
            [("Errors", redact.line(done.err))],
        ) from error
    if answer.get("database_host") not in (None, release.database_host):
        raise UsageError(
            f"With this configuration RT {release.release} works on another database than the copy.",
            repair="take whatever changes the database out of CONFIG",
        )
    return answer


def judge(
    report: Report, origin: Rt | None, target: Rt, path: tuple[str, str], steps: Sequence[str]
) -> list[Finding]:
    """Compare FROM with the verdicts of both releases on the database's history and tables.

    Return those of the findings that forbid the upgrade.
    """
    already = len(report.findings)
    answer, own = guard(target), guard(origin) if origin else None
    if known := own_columns(*filter(None, [answer, own])):  # as every site of a copy gets them
        report.facts[OWN] = [f'{KNOWN}="{" ".join(known)}"']
        if answer.get("history") == PRESENT:
            answer, own = guard(target, known), guard(origin, known) if origin else None
        else:  # the tables are the only witness
            report.facts[OWN].append(_PERHAPS)
    _target(report, answer, path, steps)
    stops = report.findings[already:] if answer["verdict"] not in BLIND else []
    if own is None:
        report.out_of_scope.append(f"what RT {path[0]} itself says of the database: it has no image here")
        return stops
    report.looked_at += 1
    if own["verdict"] in BLIND:
        _blind(report, path[0], own)
    elif own["verdict"] != SAME:
        report.find(
            "database",
            f"to RT {path[0]} it is not its own: {own['reason']}",
            repair=f"say {option('from')} as it is",
        )
        # A foreign key of the site's own makes it strange too; that does not matter if the history agrees.
        if own["verdict"] == HALF or answer.get("history") != PRESENT:
            stops.append(report.findings[-1])
    return stops


def _blind(report: Report, release: str, answer: dict[str, Any]) -> None:
    report.find(
        "guard",
        f"RT {release} could not look at the database: {redact.line(answer['reason'])}",
        repair="see whether CONFIG, or the options in the database, keep RT from starting, and mend that",
    )


def _target(report: Report, answer: dict[str, Any], path: tuple[str, str], steps: Sequence[str]) -> None:
    report.looked_at += 1
    report.facts["guard of the target"] = {
        key: answer.get(key) for key in ("verdict", "reason", "history", "open")
    }
    if answer["verdict"] in BLIND:
        _blind(report, path[1], answer)
        return
    idle = tuple(answer.get("idle_steps") or ())  # the database is the same with or without them in its history
    wanted = OLDER if set(steps) - set(idle) else SAME
    release = answer.get("database_release")
    if answer["verdict"] != wanted:
        report.find(
            "database",
            f"to RT {path[1]} it is not a database of RT {path[0]}: {answer['reason']}",
            repair=BACKUP if answer["verdict"] == HALF else f"{AS_IT_IS}, or look for the right dump",
        )
    missing = answer.get("missing_steps")
    if missing is None:
        report.unanswered.append("which steps the database lacks: it has no upgrade history")
        return
    more = [one for one in missing if one not in steps]
    less = [one for one in steps if one not in missing and one not in idle]
    if more or less:
        words = [f"it lacks {', '.join(more)} as well"] * bool(more) + [f"it has {', '.join(less)}"] * bool(less)
        report.find(
            "database",
            f"from RT {path[0]} on, other steps are applied than it lacks: {'; '.join(words)}",
            samples=(f"the database is of RT {release}",),
            repair=f"say {option('from', release)}" if release else "",
        )


def unfinished(report: Report, history: History | None) -> None:
    """Report actions of any upgrade that were begun and never ended.

    They need not forbid another upgrade: the guard knows whether a later one went past them.
    """
    if history is None:
        return
    report.looked_at += 1
    if history.trouble:
        report.facts["history"] = history.trouble
    report_unfinished(report, history, repair=BACKUP)


def done_already(report: Report, schema: Schema, changes: SchemaChanges) -> list[Finding]:
    """Report traces of the steps to be applied, whether in the history or not. Each forbids the upgrade."""
    already = len(report.findings)
    report.looked_at += 1
    half_converted(report, schema, changes)
    for table, what in _existing_already(schema, changes):
        report.find(
            table,
            f"{what} that a step adds is there already: the upgrade, or a part of it, was done before",
            sql=f"SHOW CREATE TABLE {quote(table)}",
            repair=BACKUP,
        )
    return report.findings[already:]


def _existing_already(schema: Schema, changes: SchemaChanges) -> Iterator[tuple[str, str]]:
    """Yield (table, object in it) for everything that the steps add and that already exists in the database."""
    for table in changes.created:
        if table in schema.tables:
            yield table, "the table"
    for table, column in changes.added:
        if table in schema.tables and column in schema.tables[table].columns and table not in changes.created:
            yield table, f"the column {column}"
    for table, column, _, _ in changes.references:
        if table in schema.tables and any(column in key.columns for key in schema.tables[table].foreign_keys):
            yield table, f"the foreign key of {column}"


def half_converted(report: Report, schema: Schema, changes: SchemaChanges) -> None:
    """Report tables of RT's in both of its character sets: a conversion was cut off."""
    by_charset = preflight_database.charsets(schema, changes)
    parts = {name: tables for name, tables in by_charset.items() if name in preflight_database.ORDINARY}
    if len(parts) > 1:
        few = min(parts.values(), key=len)
        report.find(
            "tables",
            "some of RT's tables are utf8mb3 and others utf8mb4: a conversion stopped half way",
            samples=(*(f"{name}: {len(tables)} tables" for name, tables in sorted(parts.items())), *few),
            repair=BACKUP,
        )
