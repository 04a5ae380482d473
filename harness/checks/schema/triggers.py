"""Check that the triggers that a site has made on its tables can still be fired.

RT does not know them, but each write to the table fails with them, and a step may drop a column or a table that
one uses. Each is fired by a row as it is, in a transaction that is rolled back. Only copies may be asked this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor

from harness.common import redact
from harness.common.wording import amount, listed
from harness.database import Database, schema
from harness.database.schema import Table, quote
from harness.verdict import Report

_TRIGGERS = (
    "SELECT trigger_name, event_manipulation, event_object_table, action_timing, action_statement"
    " FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 3, 2, 1"
)
_GENERATED = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND COALESCE(generation_expression, '') <> ''"
)
_ROUTINES = (
    "SELECT COALESCE(routine_definition, '') FROM information_schema.routines WHERE routine_schema = DATABASE()"
)
_OF_CLIENTS = range(2000, 3000)
_PASSING = (1205, 1213)
"""Errors of locks that somebody else holds, which say nothing about a trigger."""
_DUPLICATE = 1062
_INTEGER = re.compile(r"(?:tiny|small|medium|big)?int\b(?!.*unsigned)")
_SHOWN = 5


class Trigger(NamedTuple):
    """A trigger. event: INSERT, UPDATE or DELETE; time: BEFORE or AFTER; body: its statement."""

    name: str
    event: str
    table: str
    time: str
    body: str


class Fired(NamedTuple):
    """The result of a statement that fires triggers. code: 0 if it succeeded."""

    code: int
    said: str
    sql: str


Fires = dict[tuple[str, str], Fired | None]
"""Result by table and event; None if the statement could not be tried, or reached no row."""


def judge(report: Report, before: Database, after: Database) -> None:
    """Report statements that fail with triggers and did not before. What is gone: `structure_kept`."""
    old, new = _read(before), _read(after)
    if not old and not new:
        return
    report.looked_at += len(new)
    if unsafe := _unsafe(before, old) or _unsafe(after, new):
        report.out_of_scope.append(f"whether the site's {amount(len(new), 'triggers')} can be fired: {unsafe}")
        return
    was, now = _fire(before, old), _fire(after, new)
    for (table, event), result in now.items():
        known = was.get((table, event))
        if result and result.code and (known is None or result.code != known.code):
            _find(report, new, table, event, result)
    if broken := sorted(f"{event} of {table}" for (table, event), one in was.items() if one and one.code):
        report.facts["statements that failed with their triggers before"] = broken
    untried = [f"{event} of {table}" for (table, event), result in now.items() if result is None]
    if untried:
        report.out_of_scope.append(
            f"triggers at {listed(untried, _SHOWN)}: no row could be written there for a trial"
        )
    report.out_of_scope.append(
        f"what the site's {amount(len(new), 'triggers')} write, only that one row can fire each; branches that "
        "this row does not take are not tried"
    )


def _find(report: Report, triggers: Mapping[str, Trigger], table: str, event: str, result: Fired) -> None:
    own = [
        f"{one.name} ({one.time} {event})" for one in triggers.values() if (one.table, one.event) == (table, event)
    ]
    report.find(
        f"triggers of {table}",
        f"each {event} fails with error {result.code}, and did not before the upgrade",
        samples=(*own, redact.line(result.said)),
        sql=f"START TRANSACTION; {result.sql}; ROLLBACK",
        repair="make the trigger anew for the upgraded tables, or drop it, on the site before people write to it",
    )


def _read(database: Database) -> dict[str, Trigger]:
    return {row[0]: Trigger(*row) for row in database.rows(_TRIGGERS, root=True)}


def _unsafe(database: Database, triggers: Mapping[str, Trigger]) -> str:
    """Return why firing triggers could leave something behind, "" if all of it can be rolled back."""
    routines = [text for (text,) in database.rows(_ROUTINES, root=True)]
    bodies = "\n".join([*(one.body for one in triggers.values()), *routines])
    words = set(re.findall(r"\w+", bodies.lower())) | {one.table.lower() for one in triggers.values()}
    others = "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()"
    for name, engine in sorted((name, engine) for name, engine in database.rows(others) if engine):
        if engine.lower() != "innodb" and name.lower() in words:
            return f"they may write to {name}, which is {engine} and knows no transactions"
    return ""


def _fire(database: Database, triggers: Mapping[str, Trigger]) -> Fires:
    """Fire the triggers of each table and event by one statement, and take it back."""
    tables = schema.read(database).tables if triggers else {}
    generated = {(table, column) for table, column in database.rows(_GENERATED)} if triggers else set()
    found: Fires = {}
    for name, event in sorted({(one.table, one.event) for one in triggers.values()}):
        table = tables[name]
        columns = [column for column in table.columns if (name, column) not in generated]
        sql = _statement(table, event, columns)
        found[name, event] = _try(database, sql) if sql else None
    return found


def _statement(table: Table, event: str, columns: list[str]) -> str:
    """Return a statement about one row as it is; "" if there is none.

    A row is inserted again under the negative of its key, which does not move the table's counter.
    """
    name, key = quote(table.name), [quote(column) for column in table.key]
    order = f" ORDER BY {', '.join(f'{column} DESC' for column in key)}" if key else ""
    if event == "DELETE":
        return f"DELETE FROM {name}{order} LIMIT 1"
    if event == "UPDATE":
        return f"UPDATE {name} SET {quote(columns[0])} = {quote(columns[0])}{order} LIMIT 1"
    if key and not (len(key) == 1 and _INTEGER.match(table.columns[table.key[0]].type)):
        return ""
    values = [f"-{quote(column)}" if column in table.key else quote(column) for column in columns]
    into = f"{name} ({', '.join(map(quote, columns))})"
    return f"INSERT INTO {into} SELECT {', '.join(values)} FROM {name}{order} LIMIT 1"


def _try(database: Database, sql: str) -> Fired | None:
    """Carry a statement out and take it back.

    Return None if it reached no row, or the table refuses a second one.
    """
    # An UPDATE that changes nothing reaches its row all the same.
    with database.connection(client_flag=CLIENT.FOUND_ROWS) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")  # whether the row may go is another question
        connection.begin()
        try:
            result = _result(cursor, sql)
        finally:
            connection.rollback()
    return result


def _result(cursor: Cursor, sql: str) -> Fired | None:
    try:
        reached = cursor.execute(sql)
    except pymysql.err.MySQLError as error:
        code = int(error.args[0])
        if code in _OF_CLIENTS or code in _PASSING:
            raise
        return None if code == _DUPLICATE else Fired(code, str(error.args[1]), sql)
    return Fired(0, "", sql) if reached else None
