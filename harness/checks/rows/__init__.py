"""Check that every row of every table is unchanged, or changed, added or removed as a step is known to do.

Both sides are read by their own servers, in parallel, and only checksums of chunks are sent. Rows are fetched if
chunks differ, one chunk at a time, so memory does not grow with the database. Findings name keys and columns,
never values: the data may be personal.

`comparison` finds the rows that differ, `judge` explains each by `allowances`, which are data with matchers:
`rules` for one row (those of `dashboards` too), `effects` for rows that follow from others, all within a
`context`. `homepages` knows those that RT cannot read. `structure_changes` accounts for tables and columns,
`triggers` for rows that the site's own triggers add, `undocumented_steps` for steps that nobody has described,
`unreadable` for values that no Perl can read any more.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from harness.checks.rows import allowances as known_allowances
from harness.checks.rows import structure_changes
from harness.checks.rows import triggers as row_triggers
from harness.checks.rows.allowances import (
    ADDED,
    CHANGED,
    REMOVED,
    RowAllowance,
    RowAllowances,
)
from harness.checks.rows.comparison import Comparison, digests, open_comparison
from harness.checks.rows.context import Context
from harness.checks.rows.effects import EFFECTS, absent_rows
from harness.checks.rows.judge import FILLED, UNEXPLAINED, Judge
from harness.checks.rows.structure_changes import UNDONE
from harness.checks.rows.undocumented_steps import STRUCTURE, words
from harness.checks.rows.unreadable import readable
from harness.database import Database
from harness.database.digest import Digest, Key, Row, fetch, rows_of_chunk
from harness.database.schema import quote
from harness.rt.thaw import Thawer
from harness.verdict import Report

__all__ = ["CHECK", "QUESTION", "check", "digests"]
CHECK = "rows"
QUESTION = "Is every row of every table accounted for?"
REPAIR = (
    "look at these rows before and after on a copy, and do not upgrade the site before the difference is explained"
)
_LOOK = {
    ADDED: "look at them on an upgraded copy, and find out what made them: an extension, a trigger, an event",
    REMOVED: "look at them on the site, and find out on a copy what removed them: an extension, a trigger",
    CHANGED: "compare them on the site and an upgraded copy; find out what changed them: an extension, a trigger",
}
FETCHED_AT_ONCE = 50


def check(
    before: Database,
    after: Database,
    steps: Sequence[str],
    thaw: Thawer,
    *,
    known: Mapping[str, Digest] | None = None,
    rules: RowAllowances | None = None,
    tables_of_rt: Collection[str] = (),
    written: row_triggers.Written = row_triggers.never,
) -> Report:
    """Account for every row.

    before: a clone of the untouched baseline. after: the upgraded database. steps: the steps that were applied,
    oldest first; none for the control, where nothing may differ. known: the result of `digests` for the old side.
    tables_of_rt: all others are the site's own, to which triggers may add rows; () where that is not known.
    written: tells which events of a table the steps' own statements may cause.
    """
    started = time.monotonic()
    rules = rules or known_allowances.read()
    structure, rows = rules.of_steps(steps)
    report = Report(CHECK, QUESTION, unit="rows", facts={"row_changes": []}, repair=REPAIR)
    with open_comparison(before, after, rules, known or {}) as both:
        report.facts["seconds for checksums"] = round(time.monotonic() - started, 3)
        context = Context(both.before, both.after, thaw, rules.window)
        used = structure_changes.account(
            report, both, structure, partial(rules.unruled.candidates, steps, STRUCTURE)
        )
        changes: dict[str, Counter[str]] = {}
        for table in row_triggers.in_order(both, tables_of_rt):
            judge = Judge(
                table,
                context,
                rules,
                [one for one in rows if one.table == table],
                both.shapes[table][0].counted,
                row_triggers.filling(both, table, tables_of_rt, changes),
                row_triggers.perhaps_filling(both, table, tables_of_rt, written),
            )
            _table(report, both, judge, steps)
            changes[table] = judge.tally
            used += Counter(map(str, judge.used.elements()))
        _unmet(report, context, rows)
        _key_tables(report, both, rules)
    report.allowed += [f"{count} x {what}" for what, count in used.items()] + context.notes
    report.facts["allowances unused"] = [str(one) for one in [*structure, *rows] if not used[str(one)]]
    report.out_of_scope += [f"{table}: {reason}" for table, reason in rules.excluded.items()]
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _table(report: Report, both: Comparison, judge: Judge, steps: Sequence[str]) -> None:
    """Compare one table, chunk by chunk if checksums differ, and report unexplained differences."""
    name = judge.table
    first, second = both.digests[name]
    report.looked_at += int(first["rows"])
    chunks = [
        chunk
        for chunk in {**first["chunks"], **second["chunks"]}
        if first["chunks"].get(chunk) != second["chunks"].get(chunk)
    ]
    for chunk in chunks:
        with readable(report, name):
            _chunk(both, judge, chunk)
    report.unanswered += [
        f"{name}: {found.count} rows ({', '.join(found.samples)}): {why}"
        for why, found in judge.unreadable.items()
    ]
    if added := judge.tally[FILLED]:
        report.allowed.append(
            f"{name}: {added} rows added by the site's own triggers, on tables that the upgrade writes to: "
            + ", ".join(judge.filled_by)
        )
    key = ", ".join(both.shapes[name][0].key)
    for what, rows in judge.wrong.items():
        whole = second["rows"] if what.startswith(ADDED) else first["rows"]
        kind = next(one for one in (ADDED, REMOVED, CHANGED) if what.startswith(one))
        candidates = judge.allowances.unruled.candidates(steps, kind, name)
        triggers = judge.perhaps_filled_by if kind == ADDED else ()
        if candidates or triggers:
            shown_keys = f"{key or 'row'} {', '.join(rows.samples)}"
            why = words(candidates) if candidates else row_triggers.words(triggers)
            report.unanswered.append(f"{name}: {rows.count} of {whole} rows {what} ({shown_keys}): {why}")
            continue
        sql = f"SELECT * FROM {quote(name)} WHERE {key} IN ({', '.join(rows.samples)})"
        report.find(
            name,
            f"{rows.count} of {whole} rows {what}.",
            samples=tuple(f"{key or 'row'} {sample}" for sample in rows.samples),
            sql=sql if all(sample.lstrip("-").isdigit() for sample in rows.samples) else "",
            repair=_LOOK[kind],
        )
    if first["rows"] and not second["rows"]:
        report.find(
            name,
            f"the table held {first['rows']} rows and is empty.",
            sql=f"SELECT * FROM {quote(name)}",
            repair="find out what emptied it on a copy, and do not upgrade the site before that is mended",
        )
    kinds = {kind: judge.tally[kind] for kind in (ADDED, REMOVED, CHANGED, UNEXPLAINED)}
    report.facts["row_changes"].append({"table": name, "before": first["rows"], "after": second["rows"], **kinds})


def _chunk(both: Comparison, judge: Judge, chunk: str) -> None:
    old_shape, new_shape = both.shapes[judge.table]
    old = rows_of_chunk(both.before, old_shape, chunk)
    new = rows_of_chunk(both.after, new_shape, chunk)
    changed = [key for key in old if key in new and old[key] != new[key]]
    added, removed = [key for key in new if key not in old], [key for key in old if key not in new]
    if not old_shape.key:
        for key in added:
            judge.nameless(ADDED, key[:1])
        for key in removed:
            judge.nameless(REMOVED, key[:1])
        return
    for key, was, now in _pairs(both, judge, changed):
        judge.changed(key, was, now)
    for keys, side, one_shape, verdict in (
        (added, both.after, new_shape, judge.added),
        (removed, both.before, old_shape, judge.removed),
    ):
        for part in _parts(keys):
            rows = fetch(side, one_shape, part, judge.frozen)
            judge.prepare(rows.values())
            for key, row in rows.items():
                verdict(key, row)


def _pairs(both: Comparison, judge: Judge, keys: Sequence[Key]) -> Iterator[tuple[Key, Row, Row]]:
    old_shape, new_shape = both.shapes[judge.table]
    for part in _parts(keys):
        old = fetch(both.before, old_shape, part, judge.frozen)
        new = fetch(both.after, new_shape, part, judge.frozen)
        judge.prepare([*old.values(), *new.values()])
        for key in part:
            yield key, old[key], new[key]


def _parts(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), FETCHED_AT_ONCE):
        yield keys[start : start + FETCHED_AT_ONCE]


def _unmet(report: Report, context: Context, active: Sequence[RowAllowance]) -> None:
    """Report changes of rows that the steps should have made and have not."""
    for one in active:
        missing: list[str] = []
        if one.unmet:
            missing = [", ".join(f"{k} {v}" for k, v in row.items()) for row in context.rows("after", one.unmet)]
        if one.expect and one.change == ADDED and not one.optional:
            missing += absent_rows(context, one.table, one.expect, one.on, one.known_by)
        if one.effect:
            with readable(report, f"{one.table}, {one.effect}"):
                missing += EFFECTS[one.effect](context)
        if missing:
            what = f"{len(missing)} effects of {one.step} are missing ({one.reason})."
            report.find(one.table, what, samples=tuple(missing), sql=context.filled(one.unmet), repair=UNDONE)


def _key_tables(report: Report, both: Comparison, rules: RowAllowances) -> None:
    """Leave the report vacuous if a table that every site fills was empty from the start."""
    empty = [name for name in rules.key_tables if name not in both.digests or not both.digests[name][0]["rows"]]
    if empty:
        report.out_of_scope.append(
            f"the old database holds no row in {', '.join(empty)}: a site without them proves little"
        )
        report.looked_at = 0
