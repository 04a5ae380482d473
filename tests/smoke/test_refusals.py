"""`run` refuses to serve what would lose data, and says why."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.lifecycle import Lifecycle
from harness.releases import server
from harness.rt import Rt
from harness.waits import Retry, wait_until

AWAY, OLDER, NEWER, HALF_WAY, EMPTY = 70, 71, 72, 73, 74
SERVER = "mariadb-10.11"


def ending(site: Rt) -> tuple[int, str]:
    """Wait until a container has ended; return its exit code and its log."""

    def ended() -> tuple[int, str]:
        state = site.container.docker.attrs["State"]
        if state["Running"]:
            raise Retry("it is running")
        return int(state["ExitCode"]), site.container.logs()

    return wait_until("The container ending", ended, 30)


def test_a_database_that_stays_away(rt_site: RtFactory, version: str) -> None:
    """Started without a database, RT can offer its installer to the world, and keeps on doing so."""
    code, log = ending(rt_site(version, None, wait=False, environment={"RT_DB_WAIT": "1"}))
    assert code == AWAY
    assert "answered no query within 1 s" in log


def test_an_empty_database(lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, version: str) -> None:
    """A database without RT in it must not be filled by a web page."""
    empty = lifecycle.baselines.empty(server(SERVER), lifecycle.server_image(SERVER))
    code, log = ending(rt_site(version, clone(empty), wait=False))
    assert code == EMPTY
    assert "refusing to serve" in log


@pytest.mark.parametrize(
    ("code_and_database", "expected"),
    [("5.0.3 4.4.6", OLDER), ("4.4.6 4.4.4", OLDER), ("4.4.6 5.0.3", NEWER), ("5.0.7 5.0.10", NEWER)],
)
def test_a_schema_of_another_release(
    lifecycle: Lifecycle, clone: CloneFactory, rt_site: RtFactory, code_and_database: str, expected: int
) -> None:
    """Every page answers 200 on the wrong schema, and requestors get lost on the way."""
    code_release, database_release = code_and_database.split()
    database = clone(lifecycle.fresh(database_release, SERVER))
    code, log = ending(rt_site(code_release, database, wait=False))
    assert code == expected, log
    assert f"refusing to serve RT {code_release}" in log


def test_the_own_schema_is_served(
    rt_site: RtFactory, lifecycle: Lifecycle, clone: CloneFactory, version: str
) -> None:
    """The guard that refuses everything would pass all the tests above."""
    site = rt_site(version, clone(lifecycle.fresh(version, SERVER)))
    assert site.container.ended() is None
