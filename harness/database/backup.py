"""Back a database up and put the backup back, with the server's own programs and the way an operator does it."""

from __future__ import annotations

import contextlib
import shlex

import pymysql

from harness.database import AS_ROOT, LONG, NAME, USER, Database, liveness
from harness.engine.containers import ExecError
from harness.errors import InfrastructureError

BACKUP = "/tmp/backup.sql"
"""Inside the server's container: a backup of production has no business on the machine of the harness."""


OBJECTS = ("--routines", "--events", "--triggers")
"""What a site may have made beside tables and views."""


def take(database: Database) -> None:
    """Dump the database into a file beside its server.

    --hex-blob: attachments are bytes, and no client's character set may touch them. Routines and events are left
    out by the client unless it is told. Raises ExecError.
    """
    database.dump_program("--hex-blob", "--no-tablespaces", *OBJECTS, f"--result-file={BACKUP}")


def put_back(database: Database, *, emptied: bool = True) -> None:
    """Restore what `take` has dumped, into an empty database of the same name on the same server.

    emptied: False restores over whatever is there, which is a mistake: tables that the dump does not know stay.
    Raises ExecError when the client does not take it.
    """
    if emptied:
        empty(database)
    done = database.container.run(
        ["sh", "-c", f"exec {shlex.join(database.client_words(AS_ROOT))} <{BACKUP}"],
        environment={"MYSQL_PWD": database.credentials.root_password},
        limit=LONG,
    )
    if done.code:
        # The server quotes the row that it does not take, and this may be production's.
        raise ExecError(
            f"The backup could not be put back on {database.server.name} (exit code {done.code}).",
            [("Server", liveness.without_values(done.err)), ("Its log", liveness.log(database))],
            "see whether the disk is full: two copies and the backup need room at once",
        )


def empty(database: Database) -> None:
    """Drop the database and make it anew, empty.

    What is left of a dead upgrade's connections is ended first: they hold locks until TCP gives up, and DROP
    would wait for them.
    """
    left = database.rows("SELECT id FROM information_schema.processlist WHERE user = %s", [USER], root=True)
    with database.connection(root=True) as connection, connection.cursor() as cursor:
        for (identity,) in left:
            with contextlib.suppress(pymysql.err.MySQLError):  # gone meanwhile
                cursor.execute(f"KILL {int(identity)}")
        cursor.execute(f"DROP DATABASE `{NAME}`")
        cursor.execute(f"CREATE DATABASE `{NAME}`")
    if database.tables():
        raise InfrastructureError(f"The database {NAME} is not empty after it was made anew.")
