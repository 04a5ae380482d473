"""`run` must refuse to serve in states that would lose data, and give the reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.dump.choice import DEFAULT_TARGET
from harness.releases import server
from harness.rt import Rt
from harness.upgrade.guard import AWAY, EMPTY, NEWER, OLDER
from harness.upgrade.lifecycle import Lifecycle
from tests.smoke.instances import AFTER_ALL, ALIKE, Instances

SERVER = "mariadb-10.11"


def ending(site: Rt) -> tuple[int, str]:
    """Wait until a container has ended; return its exit code and its log."""

    def ended() -> tuple[int, str]:
        state = site.container.docker.attrs["State"]
        if state["Running"]:
            raise Retry("it is running")
        return int(state["ExitCode"]), site.container.logs()

    return wait_until("The container ending", ended, 120)


@contextlib.contextmanager
def locked(database: Database, table: str) -> Iterator[None]:
    """Lock a table against reading for a `with` block, as an ALTER does."""
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {table} WRITE")
        yield


_ASKING = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT Content FROM Attributes%'"


def test_a_database_that_stays_away(rt_site: RtFactory, version: str) -> None:
    """Started without a database, RT can offer its installer to everyone, and continues to do so."""
    code, log = ending(rt_site(version, None, wait=False, environment={"RT_DB_WAIT": "1"}))
    assert code == AWAY
    assert "answered no query within 1 s" in log


@ALIKE
def test_a_database_that_falls_silent(instances: Instances, served: Rt) -> None:
    """An open connection is not an answer: a table may be locked, or a network drop all packets."""
    with locked(instances.database, "Attributes"):
        done = served.run("/opt/rt/guard", limit=30)
    assert (done.code, "was silent for 5 s" in done.err) == (AWAY, True), done


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")
def test_one_that_speaks_again_in_time(instances: Instances, served: Rt) -> None:
    """The guard must wait for a database, at whatever point it stops answering."""
    asked: set[int] = set()

    def again() -> None:
        asked.update(number for (number,) in instances.database.rows(_ASKING))
        if len(asked) < 2:
            raise Retry(f"connections {asked} have asked")

    with ThreadPoolExecutor(1) as pool:
        with locked(instances.database, "Attributes"):
            waiting = pool.submit(served.run, "/opt/rt/guard", "--wait", "60")
            wait_until("The guard asking by a second connection", again, 30)
        assert waiting.result().code == 0


def test_an_empty_database(lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, version: str) -> None:
    """A database without RT must not be filled through a web page."""
    empty = clone(lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER)))
    code, log = ending(rt_site(version, empty, wait=False))
    assert code == EMPTY
    assert "refusing to serve" in log
    assert empty.tables() == []


@pytest.mark.parametrize(
    ("version", "code_release", "expected"),
    [("4.4.4", "4.4.6", OLDER), ("4.4.6", "5.0.3", OLDER), ("5.0.3", "4.4.6", NEWER), ("5.0.10", "5.0.7", NEWER)],
    scope="package",
)
def test_a_schema_of_another_release(
    rt_site: RtFactory, instances: Instances, code_release: str, expected: int
) -> None:
    """Every page answers 200 on the wrong schema, and requestors are lost on the way."""
    code, log = ending(rt_site(code_release, instances.database, wait=False))
    assert code == expected, log
    assert f"refusing to serve RT {code_release}" in log


RUN_WITH_MAIL_SETTINGS = """
umask $0; rm -f /etc/msmtprc; echo 'host mail.example.org' >/etc/msmtprc; exec env RT_DB_WAIT=0 "$@" /opt/rt/run
"""
BY_SENDMAIL = "RT_MAIL_COMMAND=/usr/sbin/sendmail"
MISCONFIGURED = 78


@ALIKE
def test_mail_settings_that_workers_cannot_read(rt_tools: RtFactory, version: str) -> None:
    """The file holds a password, so it is often for root only; RT would serve, and all its mail fail.

    Where nothing is wrong with it, `run` goes on, and misses its database.
    """
    tools = rt_tools(version, None)
    for mask, settings, expected in (
        ("077", [BY_SENDMAIL], MISCONFIGURED),
        ("022", [BY_SENDMAIL], AWAY),
        ("077", [BY_SENDMAIL, "RT_SCRATCH=1"], AWAY),
        ("077", [], AWAY),
    ):
        done = tools.run("sh", "-c", RUN_WITH_MAIL_SETTINGS, mask, *settings)
        assert done.code == expected, f"{mask} {settings}: {done.err}"
        assert ("must be readable for www-data" in done.err) == (expected == MISCONFIGURED), done.err


@ALIKE
def test_a_bound_that_is_no_number(rt_tools: RtFactory, version: str) -> None:
    """Apache would end with an exit code that a deployment's table of codes does not have.

    The driver would take seconds that it cannot hold for others. Where nothing is wrong with it, `run` goes on,
    and misses its database.
    """
    tools = rt_tools(version, None)
    bounds = dict.fromkeys(("RT_LARGEST_REQUEST", "RT_LARGEST_FORM", "RT_MOST_FIELDS"), 18)
    for name, digits in {**bounds, "RT_DB_TIMEOUT": 6}.items():
        is_seconds = name == "RT_DB_TIMEOUT"
        for value in ("", "00" if is_seconds else "0", "50M", "-1", "1" + "0" * digits):
            done = tools.run("env", "RT_DB_WAIT=0", f"{name}={value}", "/opt/rt/run")
            assert done.code == MISCONFIGURED, f"{name}={value}: {done.err}"
            assert f"{name} must be a whole number" in done.err, done.err
        for value in ("9" * digits, *(["0"] if is_seconds else [])):
            done = tools.run("env", "RT_DB_WAIT=0", f"{name}={value}", "/opt/rt/run")
            assert done.code == AWAY, f"{name}={value}: {done.err}"


@ALIKE
def test_a_site_below_another_path(rt_tools: RtFactory, version: str) -> None:
    """The image serves RT at /, and all links would be for the other path: healthy, and nobody could log in.

    Debian's packages suggest /rt. Without the setting `run` goes on, and misses its database.
    """
    for path, expected in (("/rt", MISCONFIGURED), ("/", MISCONFIGURED), ("", AWAY)):
        own = (AFTER_ALL, f"Set($WebPath, '{path}');\n1;\n".encode())
        done = rt_tools(version, None, files=[own]).run("env", "RT_DB_WAIT=0", "/opt/rt/run")
        assert done.code == expected, f"{path}: {done.err}"
        assert (f"$WebPath to '{path}', but this image serves RT at /" in done.err) == bool(path), done.err


BY_WORKER = ("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "env", "RT_DB_WAIT=0")


@ALIKE
def test_directories_that_it_cannot_write_to(rt_tools: RtFactory, version: str) -> None:
    """Apache would say so, with an exit code that a deployment's table of codes does not have.

    With a writable /run any user may start it; mail settings that this user can read are then no reason to refuse.
    """
    tools = rt_tools(version, None)
    tools.need("sh", "-c", "umask 022; echo 'host mail.example.org' >/etc/msmtprc; chmod 755 /run")
    done = tools.run(*BY_WORKER, BY_SENDMAIL, "/opt/rt/run")
    assert (done.code, "/run must be writable for user 33" in done.err) == (MISCONFIGURED, True), done.err
    tools.need("chmod", "1777", "/run")
    done = tools.run(*BY_WORKER, BY_SENDMAIL, "/opt/rt/run")
    assert done.code == AWAY, done.err
    assert tools.need("find", "/run", "/tmp", "-name", "run.*") == "", "nothing of the trial stays"


def test_the_own_schema_is_served(served: Rt) -> None:
    """A guard that refuses everything would pass all the tests above."""
    assert served.container.ended() is None
