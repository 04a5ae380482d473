"""Tell whether a database server still answers: results from one that died say nothing about the site."""

from __future__ import annotations

import re

import pymysql

from harness.common import redact
from harness.common.waits import Retry
from harness.database import Database
from harness.errors import InfrastructureError

_NOBODY = (2002, 2003, 2006, 2013)
"""Error codes of clients that found no server, or lost it (MySQL Error Message Reference, client errors)."""
# An unclosed quote extends to the end: servers truncate statements. An apostrophe within a word is not a quote.
_QUOTED = re.compile(r"(?<![A-Za-z])'(?:[^'\\]|\\.)*(?:'|\Z)", re.DOTALL)


def gone(database: Database) -> str | None:
    """Return a sentence if the server has ended or no longer answers; None while it does.

    The engine notices a server's end a little later than its clients do, so both are asked.
    """
    try:
        database.rows("SELECT 1")
    except Retry as error:
        return database.container.ended() or str(error)
    except pymysql.err.MySQLError as error:
        # Any other refusal, such as a missing database, may be the result of an upgrade.
        lost = isinstance(error, pymysql.err.InterfaceError) or error.args[:1] in [(code,) for code in _NOBODY]
        return database.container.ended() or (f"it answers no more ({error.args[0]})" if lost else None)
    return None


def log(database: Database) -> str:
    """Return the end of the server's log without data: its errors if there are any, else its last lines.

    A server that crashes writes pages about itself after the line with the reason, and its current query.
    """
    lines = [one for one in database.container.logs(tail=400).splitlines() if not one.startswith("Query (")]
    said = [one for one in lines if "[ERROR]" in one or "signal" in one]
    return without_values("\n".join(said[-12:] or lines[-12:]))


def without_values(text: str) -> str:
    """Return the message of a client or server without quoted values and personal data."""
    cut = "\n".join(map(redact.without_given, text.splitlines()))
    return redact.lines(_QUOTED.sub("'...'", cut))


def need(database: Database, what: str) -> None:
    """Raise InfrastructureError, with the server's log, if the server went away during `what`."""
    if why := gone(database):
        raise InfrastructureError(
            f"{database.server.name} went away during {what}: {why}.",
            [("Its log", log(database))],
            "see in its log whether the machine ran out of memory or disk, and run it again",
        )
