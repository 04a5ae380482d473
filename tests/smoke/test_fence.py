"""An instance must end its service if its database gets another release's schema, or half of it, while it runs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest
import requests

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import with_healthcheck_user
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import upgrade
from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.rt import Rt
from tests.harness.mutants.guard import HARMLESS_EVENTS, UNDER_A_RUNNING_INSTANCE, InTables
from tests.harness.mutants.planting import RowMutant, planted
from tests.smoke.instances import ALIKE, TWO_WORKERS, Instances

SOON = 20.0
"""Seconds until every worker must have checked; each does so every two."""
LOOKS = "SELECT DISTINCT thread_id FROM mysql.general_log WHERE argument LIKE 'SELECT CONCAT_WS(%FROM Attributes%'"
"""Counts the connections by which the fence has checked, from the server's own log; each worker has one."""
WORKERS = int(TWO_WORKERS["RT_WORKERS"])


def answer(site: Rt) -> tuple[int, str]:
    """Request the login page; return status and body."""
    got = requests.get(f"{site.url}/", headers={"Host": "localhost"}, timeout=10, allow_redirects=False)
    return got.status_code, got.text


def health(site: Rt) -> str:
    """Return the output of the health check."""
    return site.container.run(["/opt/rt/healthcheck", "127.0.0.1", "80"]).out


def refused(site: Rt, reason: str) -> str:
    """Wait until the instance refuses; return the reason from its health check. Raises NotReadyError."""
    sentence = re.compile(rf"RT {re.escape(site.release)} no longer serves this database: [^\n]*{reason}")

    def refusing() -> str:
        status, body = answer(site)
        if status != 503 or not sentence.match(body):
            raise Retry(f"GET / answers {status}: {body[:200]}")
        said = health(site)
        if not said.startswith("unhealthy: ") or not sentence.search(said):
            raise Retry(f"the health check says {said}")
        return said

    return wait_until("The instance refusing", refusing, SOON, evidence=site.container.evidence)


def serves_again(site: Rt, database: Database) -> None:
    """Wait until all workers serve."""

    def serving() -> None:
        served_throughout(site, database)
        if not (said := health(site)).startswith("healthy: "):
            raise Retry(f"the health check says {said}")

    wait_until("The instance serving again", serving, SOON, retry_on=(AssertionError,))


def served_throughout(site: Rt, database: Database) -> None:
    """Assert that each of many requests is served, until every worker has checked since they began.

    A fixed time would not do: on a busy machine a worker may get no request in it, and would not have checked.
    """

    def everybody_looked() -> None:
        status, body = answer(site)
        assert status == 200, body
        looked = database.rows(LOOKS, root=True)
        if len(looked) < WORKERS:
            raise Retry(f"{len(looked)} of {WORKERS} workers have looked")

    with statements_logged(database):
        wait_until("A look of every worker", everybody_looked, SOON, evidence=site.container.evidence)


@contextlib.contextmanager
def statements_logged(database: Database) -> Iterator[None]:
    """Log every statement to mysql.general_log of the server for a `with` block."""
    database.execute(
        "SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = 1", root=True
    )
    try:
        yield
    finally:
        database.execute("SET GLOBAL general_log = 0", root=True)


@contextlib.contextmanager
def made(mutant: RowMutant | InTables, database: Database, site: Rt) -> Iterator[None]:
    """Plant a defect of either kind for a `with` block."""
    if isinstance(mutant, RowMutant):
        with planted(mutant, database, site):
            yield
        return
    database.execute(*mutant.statements)
    try:
        yield
    finally:
        database.execute(mutant.undo)


@ALIKE
def test_what_happens_to_its_database_ends_its_service(instances: Instances, served: Rt, tally: Tally) -> None:
    """RT would serve a schema that it does not know, with normal pages, and lose requestors."""
    for mutant, reason in UNDER_A_RUNNING_INSTANCE:
        caught = ""
        try:
            with made(mutant, instances.database, served):
                caught = refused(served, reason)
        finally:
            tally(mutant.name, "fence", caught)
    serves_again(served, instances.database)
    logged = served.container.logs()
    assert "run: serving no longer: " in logged
    assert "run: serving again" in logged


@ALIKE
@pytest.mark.control("fence")
def test_other_entries_in_its_history_do_not(instances: Instances, served: Rt) -> None:
    """Inserting a queue's data with rt-setup-database, or upgrading a plugin, must not end the service."""
    with planted(HARMLESS_EVENTS, instances.database, served):
        served_throughout(served, instances.database)
        assert health(served).startswith("healthy: ")


@pytest.mark.parametrize("version", ["4.4.6"], scope="package")
def test_an_upgrade_under_it(instances: Instances, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """The real case: RT's own program runs while an instance was left running."""
    lifecycle, server = instances.lifecycle, instances.database.server.name
    database = clone(with_healthcheck_user(lifecycle, "4.4.6", server))
    with Instances(lifecycle, "4.4.6", database).shared() as old:
        assert health(old).startswith("healthy: ")
        assert upgrade.run(rt_tools("5.0.3", database), "4.4.6", "5.0.3").code == 0
        assert "which RT 4.4.6 does not know" in refused(old, "steps ")
