"""First starts of our database servers work as the official images', and give no access without a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker import DockerClient
from docker.types import Mount

from harness.common.waits import Retry, wait_until
from harness.dump.choice import DEFAULT_SERVER
from harness.engine.containers import Container
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
MYSQL = "mysql-9.7"
SERVERS = pytest.mark.parametrize(("server", "program"), [(DEFAULT_SERVER, "mariadbd"), (MYSQL, "mysqld")])
FIRST = "/docker-entrypoint-initdb.d"
TELLS = b"""client=$(command -v mariadb || command -v mysql)
echo "CREATE TABLE told (word VARCHAR(40)); INSERT INTO told VALUES
      ('$MYSQL_ROOT_PASSWORD $MARIADB_ROOT_PASSWORD $MYSQL_DATABASE $SET_BY_NOBODY')" |
    "$client" --no-defaults --socket=/run/mysqld/mysqld.sock -uroot "$MARIADB_DATABASE"
"""
"""A script that the entry point's own shell reads, as it may not be executable."""
REFUSED = ("Access denied", "is not allowed to connect")
"""Errors of a server for a user without access, and for a host without access."""
Start = Callable[..., Container]


@pytest.fixture
def start(engine: DockerClient, lifecycle: Lifecycle) -> Iterator[Start]:
    """Return a function (server, environment, command, files, **options) that starts a container for the test."""
    made: list[Container] = []

    def begin(
        server: str,
        environment: dict[str, str],
        command: tuple[str, ...] = (),
        files: tuple[tuple[str, bytes], ...] = (),
        **options: Any,
    ) -> Container:
        image = lifecycle.server_image(server)
        made.append(
            Container(
                engine,
                image,
                "first-start",
                command=command or None,
                environment=environment,
                files=files,
                **options,
            )
        )
        return made[-1]

    yield begin
    for one in made:
        one.remove()


def prefixed(server: str, **settings: str) -> dict[str, str]:
    """Return settings with the names that a server's official image uses."""
    return {f"{server.partition('-')[0].upper()}_{name}": value for name, value in settings.items()}


def asked(container: Container, sql: str, *options: str, password: str = "") -> tuple[int, str, str]:
    """Run SQL on the server from within its container; return exit code, output and errors."""
    words = [
        "sh",
        "-c",
        'exec "$(command -v mariadb || command -v mysql)" --no-defaults "$@"',
        "ask",
        "-N",
        *options,
    ]
    done = container.run([*words, "-e", sql], environment={"MYSQL_PWD": password})
    return done.code, done.out.strip(), done.err


def over_tcp(container: Container, user: str, password: str = "") -> bool:
    """Tell whether a user can log in over TCP; the server listens there only after its first start."""

    def ask() -> bool:
        code, _, errors = asked(container, "SELECT 1", "-h127.0.0.1", f"-u{user}", password=password)
        if code and not any(word in errors for word in REFUSED):
            raise Retry(errors)
        return not code

    return wait_until("The server", ask, 120, gone=container.ended, evidence=container.evidence)


def as_root(container: Container, sql: str, password: str = "") -> str:
    """Return the server's output of a statement run as root at its socket."""
    code, out, errors = asked(
        container, sql, "--socket=/run/mysqld/mysqld.sock", "-uroot", "rt", password=password
    )
    assert code == 0, errors
    return out


def ending(container: Container) -> str:
    """Wait until the container has ended and return how."""

    def look() -> str:
        if not (said := container.ended()):
            raise Retry("it runs")
        return said

    return wait_until("The end", look, 60, evidence=container.evidence)


@SERVERS
def test_nobody_gets_in_who_was_not_let_in(start: Start, server: str, program: str) -> None:
    """There must be no user without a password, and root only from the container if the settings say so."""
    settings = prefixed(server, USER="lonely", DATABASE="rt", ROOT_HOST="localhost", ROOT_PASSWORD_FILE="/roots")
    container = start(server, settings, files=(("/roots", b"secret"), (f"{FIRST}/1-tells.sh", TELLS)))
    assert not over_tcp(container, "lonely")
    assert not over_tcp(container, "root", "secret")
    assert not over_tcp(container, "root")
    who = "SELECT CONCAT(user, '@', host) FROM mysql.user WHERE user IN ('root', 'lonely', '')"
    assert as_root(container, who, "secret") == "root@localhost"
    assert "the user lonely is not made" in container.logs()
    assert as_root(container, "SELECT word FROM told", "secret") == "secret secret rt", f"scripts of {program}"


@SERVERS
def test_the_servers_own_name_is_as_good_as_none(start: Start, server: str, program: str) -> None:
    """Compose files use `mysqld --option`: that must also be a first start, with our defaults.

    Also on a host named like the host part of the one account of root that stays.
    """
    settings = prefixed(server, ALLOW_EMPTY_PASSWORD="1", ALLOW_EMPTY_ROOT_PASSWORD="1", DATABASE="rt")
    container = start(server, settings, command=(program, "--max-connections=33"), hostname="localhost")
    assert over_tcp(container, "root"), "from anywhere, where nothing else is said"
    assert as_root(container, "SELECT @@max_connections, @@skip_name_resolve") == "33\t1"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"USER": "root", "PASSWORD": "x"}, "another user than root"),
        ({"USER": "rt", "PASSWORD_FILE": "/absent"}, "/absent"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_made(
    start: Start, settings: dict[str, str], told: str
) -> None:
    """A restart policy starts it again, and must not serve an unfinished database with root without a password."""
    container = start(DEFAULT_SERVER, prefixed(DEFAULT_SERVER, ROOT_PASSWORD="secret", **settings))
    assert "ended with exit code" in ending(container)
    container.start()
    assert "ended with exit code" in ending(container)
    assert container.logs().count(told) == 2


@SERVERS
def test_a_first_start_that_was_killed_is_not_served(start: Start, server: str, program: str) -> None:
    """Until a first start has ended, root has no password: the next start must not serve that."""
    waits = (f"{FIRST}/1-waits.sh", b"touch /tmp/reached; sleep 600")
    container = start(server, prefixed(server, ROOT_PASSWORD="secret"), files=(waits,))

    def reached() -> None:
        if container.run(["test", "-e", "/tmp/reached"]).code:
            raise Retry("it is before its scripts")

    wait_until(f"The scripts of {program}", reached, 120, gone=container.ended, evidence=container.evidence)
    container.docker.kill()
    ending(container)
    container.start()
    assert "exit code 64" in ending(container)
    assert "the first start in this data directory was interrupted" in container.logs()


OWN_SETTINGS = (("/etc/mysql/conf.d/own.cnf", b"[mysqld]\nmax_connections = 44\n"),)
WITH_IPV6 = {"net.ipv6.conf.all.disable_ipv6": "0", "net.ipv6.conf.lo.disable_ipv6": "0"}
LISTENS = "grep -qi ':0CEA 0*:0000 0A ' /proc/net/tcp6"
"""Whether something listens on port 3306 of IPv6 addresses."""


@SERVERS
def test_a_server_is_set_up_as_with_the_official_images(start: Start, server: str, program: str) -> None:
    """Options must count when the data is made, settings be read where people mount them, and any user serve."""
    settings = prefixed(server, ROOT_PASSWORD="secret", DATABASE="rt")
    smaller = "--innodb-page-size=4k"
    container = start(server, settings, (program, smaller), OWN_SETTINGS, user="1000:1000", sysctls=WITH_IPV6)
    assert over_tcp(container, "root", "secret")
    asked_for = "SELECT @@innodb_page_size, @@max_connections"
    assert as_root(container, asked_for, "secret") == "4096\t44"
    assert container.run(["sh", "-c", LISTENS]).code == 0, "reached by IPv4 alone"
    assert container.need(["stat", "-c", "%u", "/var/lib/mysql/ibdata1"]).strip() == "1000"


def test_a_data_directory_that_nobody_may_write_is_told(start: Start) -> None:
    """The server would end with the words of a program that the user has not called."""
    settings = prefixed(DEFAULT_SERVER, ROOT_PASSWORD="secret")
    closed = Mount("/var/lib/mysql", None, type="tmpfs", read_only=True)
    container = start(DEFAULT_SERVER, settings, user="1000:1000", mounts=[closed])
    assert "exit code 64" in ending(container)
    assert "/var/lib/mysql must be writable for user 1000" in container.logs()


def test_a_server_that_is_asked_for_its_version_makes_nothing(start: Start) -> None:
    """A version query must create no database and require no password."""
    container = start(DEFAULT_SERVER, {}, command=("mariadbd", "--version"))
    assert ending(container).endswith("exit code 0")
    assert "MariaDB" in container.logs()
