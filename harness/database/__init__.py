"""Run a database server with one RT database in a container, and query it.

`restore` loads a dump, `remarks` says how the result differs from the site; `baseline` keeps it for clones, which
`copying` copies, and `baseline_record` says what is known of it; `schema`, with `schema_extras`, and `digest` read
the database, and `normalise` brings to one form what servers express differently. `programs` runs the server's own
client and dump program, `backup` backs up and restores with them. `liveness` detects a dead server, `keeping`
leaves a copy; `address` names a server, also before it starts; `profiles` are options for disk writes.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import pymysql
from docker import DockerClient
from pymysql.connections import Connection
from pymysql.cursors import SSCursor

from harness.common.waits import wait_until
from harness.database import copying
from harness.database.address import Credentials
from harness.database.profiles import FAST, Profile
from harness.engine.containers import Container
from harness.errors import InfrastructureError
from harness.releases import Server

NAME, USER, PORT = "rt", "rt", 3306
TABLE_TYPES = ("BASE TABLE", "SYSTEM VERSIONED")
"""Types of tables that hold rows.

SYSTEM VERSIONED is MariaDB's: it keeps former row versions, and is read alike.
"""
PATIENCE = 180.0
"""Seconds in which a server with its data in place must answer, and in which a running data copy must grow."""
SLOW_DISK = (2_000_000_000, 600.0)
"""Bytes, and the seconds allowed per so many bytes: a server that takes longer hangs rather than being slow."""
SHUT_DOWN = 3600
"""Seconds for a clean shutdown, which writes all pages to the tables: slow after a large restore."""
CLIENT_ERRORS = frozenset((0, *range(2000, 3000)))
"""Codes of errors that the client gives when it has no server to ask: they say nothing about a statement."""
_NOT_YET = (pymysql.err.OperationalError, pymysql.err.InterfaceError, ConnectionError, OSError)


COMMON = ("--max-allowed-packet=256M", "--innodb-stats-persistent=1", "--event-scheduler=OFF")
# By default the library loads all of the machine's certificates for each connection, which takes longer than the
# query. MySQL refuses passwords over an unencrypted connection; our own server need not be verified.
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
        self,
        client: DockerClient,
        server: Server,
        image: str,
        credentials: Credentials,
        profile: Profile = FAST,
        *,
        volumes: Mapping[str, tuple[str, str]] | None = None,
        first_start: bool = False,
        copy_from: str = "",
        options: Sequence[str] = (),
        **container: Any,
    ) -> None:
        """Start the server and wait until the application's user can query it over TCP.

        copy_from: path inside the container of a prepared data directory that is copied before the server starts.
        first_start: pass the settings that the entry point needs to create a new database.
        """
        self.server, self.credentials = server, credentials
        small = _SMALL[server.product] if profile.small else ()
        # Options only: the entry points of the official images put their server before them, and only before
        # options.
        arguments = [*profile.options, *small, *COMMON, *_ONLY[server.product], *options]
        if copy_from:
            container["entrypoint"] = ["bash", "-c", copying.COMMAND, "copy", copy_from]
        self.container = Container(
            client,
            image,
            "database",
            command=arguments,
            volumes=volumes,
            ports=[PORT],
            environment=_settings(server, credentials) if first_start else {},
            **container,
        )
        self.host = self.container.name
        try:
            if copy_from:
                copying.until_served(self.container, self.wait, server.name)
            else:
                self.wait()
        except BaseException:
            self.container.remove()
            raise

    def __enter__(self) -> Self:
        """Return the database; the `with` block removes it at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the server answers the application's user. timeout: seconds, by default PATIENCE.

        Raises NotReadyError with the server's log.
        """
        limit = PATIENCE if timeout is None else timeout
        wait_until(
            f"{self.server.name} answering",
            lambda: self.rows("SELECT 1"),
            limit,
            interval=0.05,
            retry_on=_NOT_YET,
            gone=self.container.ended,
            evidence=self.container.evidence,
        )

    @contextlib.contextmanager
    def connection(self, *, root: bool = False, **options: Any) -> Iterator[Connection[Any]]:
        """Open a connection for a `with` block. It commits automatically unless autocommit=False is given."""
        host, port = self.container.address(PORT)
        settings: dict[str, Any] = {
            "user": "root" if root else USER,
            "password": self.credentials.root_password if root else self.credentials.password,
            "database": NAME,
            "charset": "utf8mb4",
            "connect_timeout": 5,
            "autocommit": True,
            **_TRANSPORT[self.server.product],
            **options,
        }
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
        """Return the first column of the first row; None if there is no row."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    def execute(self, *statements: str, root: bool = False) -> None:
        """Run statements one after the other on one connection."""
        with self.connection(root=root) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query without holding them all in memory; for large results."""
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
        names = {name: name.replace("`", "``") for name in self.tables()}
        return {name: int(self.value(f"SELECT COUNT(*) FROM `{quoted}`")) for name, quoted in names.items()}

    def patience(self, least: float) -> float:
        """Return the seconds to allow for one statement about all of the data, at least `least`.

        Rebuilding the largest tables reads, writes and indexes everything: on slow disks a few megabytes per
        second.
        """
        size = self.value(
            "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
        )
        much, seconds = SLOW_DISK
        return least + int(size or 0) // much * seconds

    def shut_down(self) -> None:
        """Stop the server cleanly with everything written to its tables, ready to be copied.

        Raises InfrastructureError if it did not end cleanly: its data directory is then not a baseline.
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
