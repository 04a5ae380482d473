"""Account for tables and columns that only one side of an upgrade has, and for the content of new columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from harness.checks.rows.allowances import ADDED, DROPPED, StructureAllowance
from harness.checks.rows.comparison import Comparison
from harness.checks.rows.judge import shown
from harness.checks.rows.undocumented_steps import words
from harness.database.digest import ask
from harness.database.schema import quote
from harness.verdict import MOST_SAMPLES, Report

UNDONE = (
    "see in the check run what the step complained of, mend that, and upgrade a fresh copy; never repeat the step"
)


def account(
    report: Report, both: Comparison, active: Sequence[StructureAllowance], unruled: Callable[[str], list[str]]
) -> Counter[str]:
    """Account for tables and columns that only one side has; check the content of new ones.

    unruled: the steps without rules that may have made or dropped a table, or columns of it.
    """
    used: Counter[str] = Counter()
    unknown: dict[str, list[str]] = {}
    by_name = {(one.table, one.column, one.change): one for one in active}

    def allowed(table: str, column: str, change: str) -> StructureAllowance | None:
        allowance = by_name.get((table, column, change))
        if allowance:
            used[str(allowance)] += 1
            return allowance
        what = f"the column {column} was {change}" if column else f"the table was {change}"
        if unruled(table):
            unknown.setdefault(table, []).append(what)
        else:
            report.find(
                table,
                f"{what}, and no step accounts for it.",
                sql=f"SHOW CREATE TABLE {quote(table)}",
                repair="look whether an extension or a step that the image has on top of its packages did this",
            )
        return None

    for name in sorted(set(both.old.tables) ^ set(both.new.tables)):
        if name in both.old.tables:
            allowed(name, "", DROPPED)
        elif allowed(name, "", ADDED):
            count = int(ask(both.after, f"SELECT COUNT(*) FROM {quote(name)}")[0][0])
            if count:
                report.find(name, f"the step makes an empty table, and it holds {count} rows.")
    for name in both.shapes:
        old, new = both.old.tables[name].columns, both.new.tables[name].columns
        for column in sorted(set(old) - set(new)):
            allowed(name, column, DROPPED)
        for column in sorted(set(new) - set(old)):
            if allowance := allowed(name, column, ADDED):
                _new_column(report, both, allowance)
    report.unanswered += [f"{name}: {', '.join(what)}: {words(unruled(name))}" for name, what in unknown.items()]
    return used


def _new_column(report: Report, both: Comparison, allowance: StructureAllowance) -> None:
    """Report rows in which a new column does not hold the value that its step sets."""
    shape = both.shapes[allowance.table][1]
    where = f"NOT ({quote(allowance.column)} <=> %s)"
    key = quote(shape.key[0]) if shape.key else "NULL"
    table = quote(allowance.table)
    count = ask(both.after, f"SELECT COUNT(*) FROM {table} WHERE {where}", [allowance.value])[0][0]
    if count:
        keys = ask(both.after, f"SELECT {key} FROM {table} WHERE {where} LIMIT {MOST_SAMPLES}", [allowance.value])
        report.find(
            f"{allowance.table}.{allowance.column}",
            f"{count} rows do not hold what step {allowance.step} puts into the new column.",
            samples=tuple(shown((str(one),), shape.counted) for (one,) in keys),
            repair=UNDONE,
        )
