"""Check that the triggers that a site has made on its tables can still be fired.

RT does not know them, but each write to the table fails with them, and a step may drop a column or a table that
one uses. Each is fired by a row as it is, in a transaction that is rolled back. Only copies may be asked this.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor

from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.common.wording import amount, listed
from harness.database import CLIENT_ERRORS, Database, schema
from harness.database.schema import Schema, Table, quote
from harness.database.schema_extras import Trigger
from harness.errors import InfrastructureError
from harness.verdict import Report

_ROUTINES = (
    "SELECT COALESCE(routine_definition, '') FROM information_schema.routines WHERE routine_schema = DATABASE()"
)
_LOCKED = (1205, 1213)
"""Errors of locks that somebody else holds, which say nothing about a trigger."""
_OF_THE_ROW = (1062, 1526, 3819, 4025)
"""Errors of a table that refuses the row itself: an equal key, no partition for it, a CHECK.

A trigger's own statement may fail with one as well. Which of them it was the server does not say.
"""
_SESSION = (
    "SET SESSION foreign_key_checks = 0",  # whether the row may go is another question
    # Dates of zeros and the like, which old rows hold, are refused otherwise before a trigger is fired. A trigger
    # runs under the mode under which it was made, not this one.
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
)
_INTEGER = re.compile(r"(?:tiny|small|medium|big)?int\b(?!.*unsigned)")
_SHOWN = 5


class Side(NamedTuple):
    """A copy, and the structure that was read from it."""

    database: Database
    structure: Schema

    def triggers(self) -> list[tuple[Table, Trigger]]:
        """Return all triggers with their tables."""
        return [(table, one) for table in self.structure.tables.values() for one in table.triggers]

    def with_bodies(self) -> Side:
        """Return the same with what the triggers do, which a stored structure does not hold."""
        stored = not all(one.body for _, one in self.triggers())
        return self._replace(structure=schema.read(self.database)) if stored else self


class Fired(NamedTuple):
    """The result of a statement that fires triggers. code: 0 if it succeeded.

    tried: False if there is no such statement, it reached no row, or the table refuses the row.
    """

    code: int = 0
    said: str = ""
    sql: str = ""
    tried: bool = True


UNTRIED = Fired(tried=False)
Fires = dict[tuple[str, str], Fired]
"""Result by table and event."""


def judge(report: Report, before: Side, after: Side) -> None:
    """Report statements that fail with triggers and did not before. What is gone: `kept`."""
    old, new = before.with_bodies(), after.with_bodies()
    number = amount(len(new.triggers()), "triggers")
    if not old.triggers() and not new.triggers():
        return
    report.looked_at += len(new.triggers())
    if unsafe := _unsafe(old) or _unsafe(new):
        report.out_of_scope.append(f"whether the site's {number} can be fired: {unsafe}")
        return
    was, now = _fire(report, old), _fire(report, new)
    untried = []
    for (table, event), result in now.items():
        known = was.get((table, event))
        if known is None:
            continue  # left open, or a new trigger, which is a finding by itself
        if not (known.tried and result.tried):
            untried.append(f"{event} of {table}")
        elif result.code not in (0, known.code):
            _find(report, new, table, event, result)
    if broken := sorted(f"{event} of {table}" for (table, event), one in was.items() if one.code):
        report.facts["statements that failed with their triggers before"] = broken
    if untried:
        report.out_of_scope.append(
            f"triggers at {listed(untried, _SHOWN)}: no row could be written there for a trial"
        )
    report.out_of_scope.append(
        f"what the site's {number} write, only that one row can fire each; branches that this row does not take "
        "are not tried"
    )


def _find(report: Report, side: Side, table: str, event: str, result: Fired) -> None:
    own = [
        f"{one.name} ({one.timing} {event})" for one in side.structure.tables[table].triggers if one.event == event
    ]
    report.find(
        f"triggers of {table}",
        f"each {event} fails with error {result.code}, and did not before the upgrade",
        samples=(*own, redact.line(result.said)),
        sql=f"START TRANSACTION; {result.sql}; ROLLBACK",
        repair="make the trigger anew for the upgraded tables, or drop it, on the site before people write to it",
    )


def _unsafe(side: Side) -> str:
    """Return why firing triggers could leave something behind, "" if all of it can be rolled back."""
    routines = [text for (text,) in side.database.rows(_ROUTINES, root=True)]
    bodies = "\n".join([*(one.body for _, one in side.triggers()), *routines])
    words = set(re.findall(r"\w+", bodies.lower())) | {table.name.lower() for table, _ in side.triggers()}
    for name, table in sorted(side.structure.tables.items()):
        if table.engine and table.engine.lower() != "innodb" and name.lower() in words:
            return f"they may write to {name}, which is {table.engine} and knows no transactions"
    return ""


def _fire(report: Report, side: Side) -> Fires:
    """Fire the triggers of each table and event by one statement, and take it back.

    A statement that a server could not be asked for has no result, and is an open question of the report.
    """
    found: Fires = {}
    for name, event in sorted({(table.name, one.event) for table, one in side.triggers()}):
        sql = _statement(side.structure.tables[name], event)
        question = f"whether the site's triggers at {event} of {name} can be fired"
        result = ask_or_leave_open(report, question, partial(_try, side.database, sql)) if sql else UNTRIED
        if result is not None:
            found[name, event] = result
    return found


def _statement(table: Table, event: str) -> str:
    """Return a statement about one row as it is; "" if there is none.

    A row is inserted again under the negative of its key, which does not move the table's counter.
    """
    name, key = quote(table.name), [quote(column) for column in table.key]
    columns = [one.name for one in table.columns.values() if not one.generated]
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


def _try(database: Database, sql: str) -> Fired:
    """Carry a statement out and take it back. Raises errors that say nothing about its triggers."""
    # An UPDATE that changes nothing reaches its row all the same.
    with database.connection(client_flag=CLIENT.FOUND_ROWS) as connection, connection.cursor() as cursor:
        for setting in _SESSION:
            cursor.execute(setting)
        connection.begin()
        try:
            result = _result(cursor, sql)
        finally:
            connection.rollback()
    return result


def _result(cursor: Cursor, sql: str) -> Fired:
    try:
        reached = cursor.execute(sql)
    except pymysql.err.MySQLError as error:
        code = int(error.args[0])
        if code in CLIENT_ERRORS:
            raise
        if code in _LOCKED:
            raise InfrastructureError(f"Somebody else holds a lock there (error {code}).") from error
        return UNTRIED if code in _OF_THE_ROW else Fired(code, str(error.args[1]), sql)
    return Fired(sql=sql, tried=bool(reached))
