"""Run the server's own client and dump program, inside its container."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.database import NAME, USER, Database
from harness.engine.commands import CommandResult
from harness.releases import Server

AS_USER = ("--protocol=TCP", "--host=127.0.0.1", f"--user={USER}")
AS_ROOT = ("--socket=/run/mysqld/mysqld.sock", "--user=root")
"""Login options of a program inside the container; root over the socket or over TCP are different accounts."""
LONG = 24 * 3600.0
"""Time limit in seconds for reading or writing all of the data: a program ends by itself if the server does."""


def client_name(server: Server) -> str:
    """Return the name of the command line client."""
    return "mariadb" if server.product == "mariadb" else "mysql"


def dump_name(server: Server) -> str:
    """Return the name of the program that makes dumps."""
    return "mariadb-dump" if server.product == "mariadb" else "mysqldump"


def client_command(server: Server, login: Sequence[str] = AS_USER) -> list[str]:
    """Return the command that starts the client.

    login: AS_USER or AS_ROOT. The application's user owns one database, so a dump cannot reach another one.
    The client is told not to print the statement that failed: it would put raw data into a log.
    """
    quiet = {"mariadb": "--loose-skip-print-query-on-error", "mysql": "--default-character-set=utf8mb4"}
    # In binary mode the client interprets no commands of its own: a line of a dump must not start a program.
    return [client_name(server), "--no-defaults", "--binary-mode", quiet[server.product], *login, NAME]


def run_client(database: Database, pieces: Iterable[bytes]) -> CommandResult:
    """Feed SQL to the client, as the application's user."""
    return database.container.run(
        client_command(database.server),
        environment={"MYSQL_PWD": database.credentials.password},
        stdin=pieces,
        limit=LONG,
    )


def run_dump(database: Database, *arguments: str) -> str:
    """Return a dump made as root: other accounts may not read routines. Raises ExecError."""
    command = [dump_name(database.server), "--no-defaults", *AS_ROOT, "--single-transaction"]
    return database.container.need(
        [*command, "--default-character-set=utf8mb4", *arguments, NAME],
        environment={"MYSQL_PWD": database.credentials.root_password},
        limit=LONG,
    )
