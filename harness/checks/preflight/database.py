"""Find, before anything runs, the properties of a database that will make an upgrade fail or lose data.

The questions are derived from the database's own structure and from the SQL of the steps to be applied; no table
and no release is named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.checks.rows import allowances
from harness.database import Database
from harness.database.schema import Schema, Table, quote
from harness.rt import Rt
from harness.verdict import MOST_SAMPLES, Report

_CONVERTED = re.compile(r"ALTER\s+TABLE\s+`?(\w+)`?\s+CONVERT\s+TO\s+CHARACTER\s+SET\s+(\w+)", re.IGNORECASE)
_REFERENCE = re.compile(
    r"ALTER\s+TABLE\s+`?(\w+)`?\s+ADD\s+(?:CONSTRAINT\s+\S+\s+)?FOREIGN\s+KEY\s*\(\s*`?(\w+)`?\s*\)"
    r"\s*REFERENCES\s+`?(\w+)`?\s*\(\s*`?(\w+)`?\s*\)",
    re.IGNORECASE,
)
_ADDED = re.compile(r"ALTER\s+TABLE\s+`?(\w+)`?\s+ADD\s+COLUMN\s+`?(\w+)", re.IGNORECASE)
_CREATED = re.compile(r"^\s*CREATE\s+TABLE\s+(?!IF\b)`?(\w+)", re.IGNORECASE | re.MULTILINE)
_DECLARED = re.compile(r"^\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?`?(\w+)`?", re.IGNORECASE | re.MULTILINE)
NO_PEOPLE = ("ascii", "binary", "")
ORDINARY = ("utf8mb3", "utf8mb4")


@dataclass(frozen=True)
class SchemaChanges:
    """Changes made by the SQL of the steps to be applied. converted: table to character set. references: foreign
    keys added, as (table, column, target table, target column). created, added: tables, and columns as (table,
    column). declared: tables of the target's own schema."""

    converted: dict[str, str] = field(default_factory=dict)
    references: tuple[tuple[str, str, str, str], ...] = ()
    created: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    declared: tuple[str, ...] = ()


def read_changes(target: Rt, names: Sequence[str]) -> SchemaChanges:
    """Read the steps' SQL and the target's schema in a container of the target."""
    files = [f"/opt/rt/upgrade/{name}/schema.mysql" for name in names]
    sql = target.of_image("sh", "-c", 'cat "$@" 2>/dev/null || true', "cat", *files) if files else ""
    schema = target.of_image("cat", "/opt/rt/share/etc/schema.mysql")
    references = tuple((one[0], one[1], one[2], one[3]) for one in _REFERENCE.findall(sql))
    return SchemaChanges(
        dict(_CONVERTED.findall(sql)),
        references,
        tuple(_CREATED.findall(sql)),
        tuple((one[0], one[1]) for one in _ADDED.findall(sql)),
        tuple(_DECLARED.findall(schema)),
    )


def structure(report: Report, database: Database, schema: Schema, changes: SchemaChanges) -> None:
    """Report engines, character sets and names of tables that RT cannot work with."""
    known = {name.lower(): name for name in changes.declared}
    # Beside a table of RT one of the same letters is the site's own: RT reads the former.
    meant = {name: known[name.lower()] for name in schema.tables if name.lower() in known}
    own = {name: schema.tables[name] for name, rt in meant.items() if name == rt or rt not in schema.tables}
    foreign = sorted(set(schema.tables) - set(own))
    report.looked_at += len(schema.tables)
    report.facts["tables that are not RT's"] = foreign
    folded = sorted(name for name in own if name != known[name.lower()])
    if folded and int(database.value("SELECT @@lower_case_table_names")) == 0:
        report.find(
            "tables",
            f"{len(folded)} tables have lost the capitals of their names; this server tells them apart",
            samples=tuple(folded),
            repair="\n".join(f"RENAME TABLE {quote(name)} TO {quote(known[name.lower()])};" for name in folded),
        )
    _engines(report, own)
    report_charsets(report, own)


def _engines(report: Report, own: dict[str, Table]) -> None:
    others = [table for table in own.values() if table.engine.lower() != "innodb"]
    if anew := [table.name for table in others if table.name.lower() in _made_anew()]:
        report.facts["tables of no lasting rows that are not InnoDB"] = anew
    others = [table for table in others if table.name not in anew]
    if others:
        report.find(
            "tables",
            f"{len(others)} tables are not InnoDB: they know no transactions, and RT wants none of its own so",
            samples=tuple(f"{table.name}: {table.engine}" for table in others),
            repair="\n".join(f"ALTER TABLE {quote(table.name)} ENGINE = InnoDB;" for table in others),
        )


def charsets(schema: Schema, changes: SchemaChanges) -> dict[str, list[str]]:
    """Return RT's own tables by their character set, as far as they hold text that is kept.

    RT 3 created numeric tables without a character set: they have the server's default of that time.
    """
    known = {name.lower() for name in changes.declared} - _made_anew()
    found: dict[str, list[str]] = {}
    for table in schema.tables.values():
        if table.name.lower() in known and any(column.charset for column in table.columns.values()):
            found.setdefault(table.charset, []).append(table.name)
    return found


def _made_anew() -> set[str]:
    """Return the tables whose rows are not kept: many sites recreate them, with the defaults of that day."""
    return {name.lower() for name in allowances.read().excluded}


def report_charsets(report: Report, own: dict[str, Table]) -> None:
    """Report the tables with text in another character set than RT writes."""
    strange: dict[str, list[str]] = {}
    for name, table in own.items():
        if name.lower() in _made_anew():
            continue
        odd = table.charset not in (*ORDINARY, *NO_PEOPLE)
        if odd and any(column.charset == table.charset for column in table.columns.values()):
            strange.setdefault(table.charset, []).append(table.name)
    for charset, tables in strange.items():
        report.find(
            "tables",
            f"{len(tables)} tables are in the character set {charset}, which RT has never used",
            samples=tuple(tables),
            repair="convert them on a copy to the others' character set, read some texts, then mend the site",
        )


def orphans(report: Report, database: Database, schema: Schema, changes: SchemaChanges) -> None:
    """Report rows that a foreign key to be added will not accept: that step fails."""
    for table, column, target, key in changes.references:
        if column not in (schema.tables[table].columns if table in schema.tables else ()):
            continue
        those = (
            f"FROM {quote(table)} s LEFT JOIN {quote(target)} t ON t.{quote(key)} = s.{quote(column)}"
            f" WHERE s.{quote(column)} IS NOT NULL AND t.{quote(key)} IS NULL"
        )
        sql = f"SELECT s.id, s.{quote(column)} {those}"
        report.looked_at += 1
        if count := int(database.value(f"SELECT COUNT(*) {those}")):
            rows = database.rows(f"{sql} LIMIT {MOST_SAMPLES}")
            report.find(
                f"{table}.{column}",
                f"{count} rows point to no {target}: a step adds a foreign key and fails",
                samples=tuple(f"id {row}: {column} {value}" for row, value in rows),
                sql=sql,
                repair="rt-validator --check --resolve on a copy, look at what it does, then on the real one",
            )


def values(report: Report, database: Database, schema: Schema) -> None:
    """Report dates that this server refuses, and values larger than one of its packets may be."""
    mode = str(database.value("SELECT @@GLOBAL.sql_mode"))
    packet = int(database.value("SELECT @@GLOBAL.max_allowed_packet"))
    strict = "NO_ZERO_DATE" in mode and "STRICT" in mode
    largest = 0
    for table in schema.tables.values():
        dates = [one.name for one in table.columns.values() if one.type.startswith(("date", "timestamp"))]
        big = [one.name for one in table.columns.values() if one.type in ("longblob", "longtext", "mediumtext")]
        asked = [f"SUM(CAST({quote(name)} AS CHAR) LIKE '0000-00-00%')" for name in dates]
        asked += [f"MAX(LENGTH({quote(name)}))" for name in big]
        if not asked:
            continue
        answers = [
            int(value or 0) for value in database.rows(f"SELECT {', '.join(asked)} FROM {quote(table.name)}")[0]
        ]
        report.looked_at += len(asked)
        _zero_dates(report, table, zip(dates, answers, strict=False), strict)
        for name, size in zip(big, answers[len(dates) :], strict=True):
            largest = max(largest, size)
            if size >= packet:
                report.find(
                    f"{table.name}.{name}",
                    f"a value has {size} bytes, max_allowed_packet is {packet}",
                    sql=f"SELECT id FROM {quote(table.name)} ORDER BY LENGTH({quote(name)}) DESC LIMIT 1",
                    repair=f"SET GLOBAL max_allowed_packet = {max(2 * size, 1 << 26)};",
                )
    report.facts["largest value in bytes"], report.facts["max_allowed_packet"] = largest, packet


def _zero_dates(report: Report, table: Table, counts: Iterable[tuple[str, int]], strict: bool) -> None:
    for name, count in counts:
        if not count:
            continue
        if strict:
            report.find(
                f"{table.name}.{name}",
                f"{count} dates are 0000-00-00, which this server refuses",
                sql=f"SELECT id FROM {quote(table.name)} WHERE CAST({quote(name)} AS CHAR) LIKE '0000-00-00%'",
                repair="set them to NULL, or take NO_ZERO_DATE out of sql_mode for the upgrade",
            )
        else:
            report.facts.setdefault("dates 0000-00-00", []).append(f"{table.name}.{name}: {count}")
