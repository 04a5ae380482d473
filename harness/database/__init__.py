"""A running database server with one RT database in it, and how to ask it.

`restore` fills it, `baseline` keeps that for clones, which `copying` copies; `schema` and `digest` read it,
`backup` takes it away and back, `liveness` tells a dead server, `keeping` leaves a copy behind; `address` is where
one is, or will be, `profiles` how it treats the disk.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import pymysql
from docker import DockerClient
from pymysql.connections import Connection
from pymysql.cursors import SSCursor

from harness.common.waits import wait_until
from harness.database import copying
from harness.database.address import Credentials
from harness.database.profiles import FAST, Profile
from harness.engine.commands import Done
from harness.engine.containers import Container
from harness.errors import InfrastructureError
from harness.releases import Server

NAME, USER, PORT = "rt", "rt", 3306
AS_USER = ("--protocol=TCP", "--host=127.0.0.1", f"--user={USER}")
AS_ROOT = ("--socket=/run/mysqld/mysqld.sock", "--user=root")
"""How a client within the container logs in; where root comes from decides which root it is."""
TABLE_TYPES = ("BASE TABLE", "SYSTEM VERSIONED")
"""What holds rows. The second kind is MariaDB's: it keeps what its rows once were, and is read like the first."""
PATIENCE = 180.0
"""Seconds in which a server that has its data answers, and in which a copy of data grows."""
LONG = 24 * 3600.0
"""Seconds for a client that reads or writes all of the data: it ends by itself where the server does."""
SLOW_DISK = (2_000_000_000, 600.0)
"""Bytes and seconds: a server that takes longer for as much is not slow but hangs."""
SHUT_DOWN = 3600
"""Seconds in which a server writes everything to its tables, which after a large restore takes its time."""
_NOT_YET = (pymysql.err.OperationalError, pymysql.err.InterfaceError, ConnectionError, OSError)


COMMON = ("--max-allowed-packet=256M", "--innodb-stats-persistent=1", "--event-scheduler=OFF")
# Left alone, the library loads all of the machine's certificates for each connection, which takes longer than the
# question. MySQL takes no password over a plain connection; to a server of one's own, nobody need be verified.
_UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_UNVERIFIED.check_hostname, _UNVERIFIED.verify_mode = False, ssl.CERT_NONE
_TRANSPORT: Mapping[str, Mapping[str, Any]] = {"mysql": {"ssl": _UNVERIFIED}, "mariadb": {"ssl_disabled": True}}
_ONLY = {"mysql": ("--mysqlx=OFF", "--skip-log-bin"), "mariadb": ()}
_SMALL = {"mysql": ("--innodb-redo-log-capacity=32M",), "mariadb": ("--innodb-log-file-size=32M",)}


class Database:
    """A server container with the database `rt`, reachable from this machine and from its network.

    It exists from construction until `remove`, or for a `with` block.
    """

    def __init__(
        self, client: DockerClient, server: Server, image: str, credentials: Credentials,
        profile: Profile = FAST, *, volumes: Mapping[str, tuple[str, str]] | None = None,
        first_start: bool = False, copy_from: str = "", options: Sequence[str] = (), **container: Any,
    ) -> None:  # fmt: skip
        """Start it and wait until the application's user can ask it a question over TCP.

        copy_from: path inside the container of a prepared data directory that is copied before the server
        starts. first_start: give the settings that the entry point needs to make a new database.
        """
        self.server, self.credentials, self.profile = server, credentials, profile
        small = _SMALL[server.product] if profile.small else ()
        # Options alone, for the entry points of the official images put their server before those, and only those.
        arguments = [*profile.options, *small, *COMMON, *_ONLY[server.product], *options]
        if copy_from:
            container["entrypoint"] = ["bash", "-c", copying.COMMAND, "copy", copy_from]
        self.container = Container(
            client, image, "database", command=arguments, volumes=volumes, ports=[PORT],
            environment=_settings(server, credentials) if first_start else {}, **container,
        )  # fmt: skip
        self.host, self.port = self.container.name, PORT
        try:
            if copy_from:
                copying.until_served(self.container, self.wait, server.name)
            else:
                self.wait()
        except BaseException:
            self.container.remove()
            raise

    def __enter__(self) -> Self:
        """Give it for a `with` block, which removes it at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def wait(self, timeout: float | None = None) -> None:
        """Wait (PATIENCE, unless said) until the server answers the application's user.

        Raises NotReadyError with the server's log.
        """
        limit = PATIENCE if timeout is None else timeout
        wait_until(
            f"{self.server.name} answering", lambda: self.rows("SELECT 1"), limit, interval=0.05,
            retry_on=_NOT_YET, gone=self.container.ended, evidence=self.container.evidence,
        )  # fmt: skip

    @contextlib.contextmanager
    def connection(self, *, root: bool = False, **options: Any) -> Iterator[Connection[Any]]:
        """Open a connection for a `with` block; commits are the caller's business unless autocommit."""
        host, port = self.container.address(PORT)
        settings: dict[str, Any] = {
            "user": "root" if root else USER,
            "password": self.credentials.root_password if root else self.credentials.password,
            "database": NAME, "charset": "utf8mb4", "connect_timeout": 5, "autocommit": True,
            **_TRANSPORT[self.server.product], **options,
        }  # fmt: skip
        connection = pymysql.connect(host=host, port=port, **settings)
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str, parameters: Sequence[Any] = (), *, root: bool = False) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self.connection(root=root) as connection, connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            return list(cursor.fetchall())

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row; None when there is no row."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    def execute(self, *statements: str, root: bool = False) -> None:
        """Run statements in one session, one after the other."""
        with self.connection(root=root) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield rows without holding them all; for big results."""
        with self.connection(cursorclass=SSCursor) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            yield from cursor

    def tables(self) -> list[str]:
        """Return the names of the base tables, sorted."""
        query = (
            "SELECT table_name FROM information_schema.tables "
            f"WHERE table_schema = DATABASE() AND table_type IN {TABLE_TYPES}"
        )
        return sorted(name for (name,) in self.rows(query))

    def counts(self) -> dict[str, int]:
        """Return the exact number of rows of every table."""
        return {name: int(self.value(f"SELECT COUNT(*) FROM `{name}`")) for name in self.tables()}

    def patience(self, least: float) -> float:
        """Return the seconds that one statement about all of the data may take: at least so many.

        A rebuild of the largest tables reads and writes everything, and indexes it anew: on slow disks some
        megabytes a second.
        """
        size = self.value(
            "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
        )
        much, seconds = SLOW_DISK
        return least + int(size or 0) // much * seconds

    def client_words(self, login: Sequence[str] = AS_USER) -> list[str]:
        """Return the words that start the server's own command line client.

        login: AS_USER or AS_ROOT. The application's user owns one database, so a dump cannot reach another one.
        The client is told not to print the statement that failed: it would put raw data into a log.
        """
        program, quiet = (
            ("mariadb", "--loose-skip-print-query-on-error")
            if self.server.product == "mariadb"
            else ("mysql", "--default-character-set=utf8mb4")
        )
        # In binary mode the client runs no commands of its own: a line of a dump may not start a program.
        return [
            program, "--no-defaults", "--binary-mode", quiet, *login, NAME,
        ]  # fmt: skip

    def client_program(self, pieces: Iterable[bytes]) -> Done:
        """Feed SQL to the server's own command line client, as the application's user."""
        return self.container.run(
            self.client_words(), environment={"MYSQL_PWD": self.credentials.password}, stdin=pieces, limit=LONG
        )

    def dump_program(self, *arguments: str, limit: float = LONG) -> str:
        """Return a dump of the database made by the server's own client, as root: others may not read routines."""
        program = "mariadb-dump" if self.server.product == "mariadb" else "mysqldump"
        return self.container.need(
            [program, "--no-defaults", *AS_ROOT, "--single-transaction", "--default-character-set=utf8mb4",
             *arguments, NAME],
            environment={"MYSQL_PWD": self.credentials.root_password}, limit=limit,
        )  # fmt: skip

    def shut_down(self) -> None:
        """Stop the server cleanly with everything written to its tables, ready for a copy.

        Raises InfrastructureError when it did not end cleanly: its data directory is then not a baseline.
        """
        self.execute("SET GLOBAL innodb_fast_shutdown = 0", root=True)
        code = self.container.stop(SHUT_DOWN)
        if code:
            raise InfrastructureError(
                f"{self.server.name} ended with exit code {code} when it was asked to stop.",
                self.container.evidence(),
            )

    def restart(self) -> None:
        """Start the server again after it was stopped or killed, and wait for it."""
        self.container.start()
        self.wait()

    def remove(self) -> None:
        """Remove the server and its data."""
        self.container.remove()


def _settings(server: Server, credentials: Credentials) -> dict[str, str]:
    prefix = server.product.upper()
    return {
        f"{prefix}_ROOT_PASSWORD": credentials.root_password,
        f"{prefix}_DATABASE": NAME,
        f"{prefix}_USER": USER,
        f"{prefix}_PASSWORD": credentials.password,
    }
