"""Back a database up and put the backup back, with the server's own programs and the way an operator does it."""

from __future__ import annotations

import contextlib

import pymysql

from harness.database import NAME, USER, Database
from harness.errors import InfrastructureError

BACKUP = "/tmp/backup.sql"
"""Inside the server's container: a backup of production has no business on the machine of the harness."""


def take(database: Database) -> None:
    """Dump the database into a file beside its server.

    --hex-blob: attachments are bytes, and no client's character set may touch them. Raises ExecError.
    """
    database.dump_program("--hex-blob", "--no-tablespaces", f"--result-file={BACKUP}")


def put_back(database: Database, *, emptied: bool = True) -> None:
    """Restore what `take` has dumped, into an empty database of the same name on the same server.

    emptied: False restores over whatever is there, which is a mistake: tables that the dump does not know stay.
    Raises ExecError when the client does not take it.
    """
    if emptied:
        empty(database)
    program = "mariadb" if database.server.product == "mariadb" else "mysql"
    database.container.need(
        ["sh", "-c", f'exec {program} --no-defaults --protocol=TCP --host=127.0.0.1 --user={USER} '
         f'--default-character-set=utf8mb4 {NAME} <{BACKUP}'],
        environment={"MYSQL_PWD": database.credentials.password}, limit=3600,
    )  # fmt: skip


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
