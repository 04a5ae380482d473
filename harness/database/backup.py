"""Back up and restore a database with the server's own programs, as an operator does."""

from __future__ import annotations

import contextlib
import shlex

import pymysql

from harness.database import NAME, USER, Database, liveness, programs
from harness.engine.containers import ExecError
from harness.errors import InfrastructureError

BACKUP = "/tmp/backup.sql"
"""Path inside the server's container: a backup of production data must not be copied to the harness's machine."""


OBJECTS = ("--routines", "--events", "--triggers")
"""Options to dump objects besides tables and views that a site may have created."""


def take(database: Database) -> None:
    """Dump the database into a file in its server's container.

    --hex-blob: attachments are binary, so no character set conversion may touch them. The program leaves out
    routines and events by default.
    Raises ExecError.
    """
    programs.run_dump(database, "--hex-blob", "--no-tablespaces", *OBJECTS, f"--result-file={BACKUP}")


def restore(database: Database, *, emptied: bool = True) -> None:
    """Restore the dump of `take` into an empty database of the same name on the same server.

    emptied: False restores over the existing tables, which is a mistake: tables that the dump does not contain
    stay.
    Raises ExecError if the client fails.
    """
    if emptied:
        empty(database)
    done = database.container.run(
        ["sh", "-c", f"exec {shlex.join(programs.client_command(database.server, programs.AS_ROOT))} <{BACKUP}"],
        environment={"MYSQL_PWD": database.credentials.root_password},
        limit=programs.LONG,
    )
    if done.code:
        # The server's error quotes the row it refuses, which may be production data.
        raise ExecError(
            f"The backup could not be put back on {database.server.name} (exit code {done.code}).",
            [("Server", liveness.without_values(done.err)), ("Its log", liveness.log(database))],
            "see whether the disk is full: two copies and the backup need room at once",
        )


def empty(database: Database) -> None:
    """Drop the database and create it again, empty.

    Connections left by a dead upgrade are ended first: they hold locks until TCP times out, and DROP would wait
    for them.
    """
    left = database.rows("SELECT id FROM information_schema.processlist WHERE user = %s", [USER], root=True)
    with database.connection(root=True) as connection, connection.cursor() as cursor:
        for (identity,) in left:
            with contextlib.suppress(pymysql.err.MySQLError):  # the connection ended meanwhile
                cursor.execute(f"KILL {int(identity)}")
        cursor.execute(f"DROP DATABASE `{NAME}`")
        cursor.execute(f"CREATE DATABASE `{NAME}`")
    if database.tables():
        raise InfrastructureError(f"The database {NAME} is not empty after it was made anew.")
