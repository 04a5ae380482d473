"""Run the server's own client and dump program, inside its container."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.database import NAME, USER, Database
from harness.engine.commands import CommandResult
from harness.releases import Server

AS_USER = ("--protocol=TCP", "--host=127.0.0.1", f"--user={USER}")
AS_ROOT = ("--socket=/run/mysqld/mysqld.sock", "--user=root")
"""Login options of a program inside the container; root over the socket or over TCP are different accounts."""
LONG = 24 * 3600.0
"""Time limit in seconds for reading or writing all of the data: a program ends by itself if the server does."""

_DIAGNOSTIC = re.compile(r"(Note|Warning|Error) \(Code (\d+)\): ")
"""How the client shows a warning of the server. The rest of the line quotes the value concerned."""
_LAST, _LONGEST = 20, 2000
"""Lines of the client's other output that are kept, and characters of each."""


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


def run_client(database: Database, pieces: Iterable[bytes], warned: Counter[int] | None = None) -> CommandResult:
    """Feed SQL to the client, as the application's user.

    warned: the server's warnings are asked for, and counted in it by their codes. A server lists a part of those
    of a statement (max_error_count), so these are the least that there were. They quote data and there may be
    millions, so no text of them is kept; `err` of the result is then the end of all other output.
    """
    login = {"MYSQL_PWD": database.credentials.password}
    command = client_command(database.server)
    if warned is None:
        return database.container.run(command, environment=login, stdin=pieces, limit=LONG)
    others: deque[str] = deque(maxlen=_LAST)

    def heard(line: str) -> None:
        if (match := _DIAGNOSTIC.match(line)) is None:
            others.append(line[:_LONGEST])
        elif match[1] != "Note":
            warned[int(match[2])] += 1

    command.insert(2, "--show-warnings")
    done = database.container.run(command, environment=login, stdin=pieces, limit=LONG, heard=heard, most=None)
    return replace(done, err="\n".join(others))


def run_dump(database: Database, *arguments: str) -> str:
    """Return a dump made as root: other accounts may not read routines. Raises ExecError."""
    command = [dump_name(database.server), "--no-defaults", *AS_ROOT, "--single-transaction"]
    return database.container.need(
        [*command, "--default-character-set=utf8mb4", *arguments, NAME],
        environment={"MYSQL_PWD": database.credentials.root_password},
        limit=LONG,
    )
