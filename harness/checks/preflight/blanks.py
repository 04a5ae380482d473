"""Find values with a trailing blank that RT will no longer find without it once a step has converted their table.

Older collations ignore a trailing blank: a search for a name also finds the name with a blank, and RT strips none.
In the newest collation of some servers a blank counts like any other character. The rows do not change, so no
check after the upgrade can notice this.
"""

from __future__ import annotations

from harness.checks.preflight.collisions import STEP, Affected, Cause, is_text, tables_with_collations
from harness.checks.rows.judge import shown
from harness.database import Database
from harness.database.schema import Schema, Table, charset_of, quote
from harness.verdict import MOST_SAMPLES, Report

TOLD = "values that end in a blank"
SOUGHT = ("Name", "EmailAddress")
"""Columns by which RT loads an object from a name: the user who logs in or writes a mail, the queue of a mail
gateway, the field or template of a scrip."""


def judge(report: Report, database: Database, schema: Schema, affected: Affected, cause: Cause = STEP) -> None:
    """Report such values as findings in unique columns and in those that RT loads by, else as facts."""
    for table, after in tables_with_collations(database, schema, affected):
        counting = {collation for collation in set(after.values()) if not _ignores_blanks(database, collation)}
        if not counting:
            continue
        report.looked_at += 1
        columns = {column: sought for column, sought in _columns(table).items() if after.get(column) in counting}
        sums = ", ".join(f"SUM({_ends_in_a_blank(column)})" for column in columns)
        counts = database.rows(f"SELECT {sums} FROM {quote(table.name)}")[0] if columns else ()
        for (column, sought), count in zip(columns.items(), counts, strict=True):
            if not count or not _ignores_blanks(database, table.columns[column].collation):
                continue
            if sought:
                consequence = f"under {after[column]}, {cause.brings}, nobody finds them without it"
                _find(report, database, table, column, f"{count} values end in a blank; {consequence}")
            else:
                report.facts.setdefault(TOLD, []).append(f"{table.name}.{column}: {count}, under {after[column]}")


def _columns(table: Table) -> dict[str, bool]:
    """Return the text columns by which rows are looked up, each with whether its values are names."""
    indexed = {column.partition("(")[0] for index in table.indexes for column in index.columns}
    unique = {column.partition("(")[0] for index in table.indexes if index.unique for column in index.columns}
    return {
        column.name: column.name in unique or column.name in SOUGHT
        for column in table.columns.values()
        if is_text(column) and (column.name in indexed or column.name in SOUGHT)
    }


def _ends_in_a_blank(column: str) -> str:
    """Return the SQL condition on a column; under its present collation, a value of blanks only equals ''."""
    return f"{quote(column)} <> '' AND {quote(column)} LIKE '% '"


def _ignores_blanks(database: Database, collation: str) -> bool:
    """Compare on the server itself: each product describes this in a different column, or in none."""
    charset = charset_of(collation)
    with_blank, without = (f"CONVERT('{text}' USING {charset}) COLLATE {collation}" for text in ("a ", "a"))
    return bool(int(database.value(f"SELECT {with_blank} = {without}")))


def _find(report: Report, database: Database, table: Table, column: str, what: str) -> None:
    name, text = quote(table.name), quote(column)
    sql = f"SELECT {', '.join(map(quote, table.key))} FROM {name} WHERE {_ends_in_a_blank(column)}"
    rows = database.rows(f"{sql} LIMIT {MOST_SAMPLES}")
    report.find(
        f"{table.name}.{column}",
        what,
        samples=tuple(f"{', '.join(table.key)} {shown(tuple(map(str, row)), table.counted)}" for row in rows),
        sql=sql,
        repair="on the site, once you have seen that no other row has the same without the blank:\n"
        f"UPDATE {name} SET {text} = TRIM(TRAILING ' ' FROM {text}) WHERE {_ends_in_a_blank(column)};",
    )
