"""Health endpoints must report a database that is away, hangs, refuses, cannot write; RT must recover alone.

Two are tested: the health check of the definition, and the page that its readiness check and the balancer use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from fixtures.healthcheck_user import CHEAP, PASSWORD
from harness.database.baseline_record import Baseline
from harness.database.profiles import DURABLE
from harness.load import network_faults
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.living_through import Instance, Outage, assert_survives_outage
from tests.deploy.shared import RELEASE, Say

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("health-truth")]


@contextlib.contextmanager
def stopped(instance: Instance) -> Iterator[None]:
    """The server is stopped by its operator."""
    instance.database.container.stop()
    yield
    instance.database.restart()


@contextlib.contextmanager
def killed(instance: Instance) -> Iterator[None]:
    """The server's machine loses power."""
    instance.database.container.signal("KILL")
    yield
    instance.database.restart()


@contextlib.contextmanager
def hanging(instance: Instance) -> Iterator[None]:
    """The server's processes are suspended: connections stay open and silent."""
    instance.database.container.docker.pause()
    yield
    instance.database.container.docker.unpause()


def dropped(direction: network_faults.Direction) -> Outage:
    """Packets between instance and server are dropped in one direction."""
    return lambda at: network_faults.dropping(at.database.container, at.site.container, direction)


@contextlib.contextmanager
def refusing(instance: Instance) -> Iterator[None]:
    """The server runs, but refuses RT's user; its open connections are closed."""
    instance.database.execute("ALTER USER rt@'%' ACCOUNT LOCK", "KILL USER rt", root=True)
    yield
    instance.database.execute("ALTER USER rt@'%' ACCOUNT UNLOCK", root=True)


@contextlib.contextmanager
def read_only(instance: Instance) -> Iterator[None]:
    """The server accepts no writes: a replica after a switch, or a disk that the kernel made read-only."""
    instance.database.execute("SET GLOBAL read_only = ON", root=True)
    yield
    instance.database.execute("SET GLOBAL read_only = OFF", root=True)


OUTAGES: dict[str, Outage] = {
    "stopped": stopped,
    "killed": killed,
    "hanging": hanging,
    "packets to it dropped": dropped("to the server"),
    "packets from it dropped": dropped("from the server"),
    "refusing connections": refusing,
    "read-only": read_only,
}


@pytest.fixture(scope="module")
def instance(lifecycle: Lifecycle, deployable: Baseline) -> Iterator[Instance]:
    """One instance for all outages."""
    database = lifecycle.baselines.clone(deployable, DURABLE, cap_add=[network_faults.CAPABILITY])
    site = None
    try:
        site = lifecycle.site(RELEASE, database, healthcheck_password=PASSWORD, configuration=CHEAP)
        yield Instance(site, database)
    finally:
        if site:
            site.remove()
        lifecycle.baselines.discard(database)


@pytest.mark.parametrize("name", OUTAGES)
def test_health_is_the_truth_while_the_database_is(instance: Instance, name: str, say: Say) -> None:
    """Unhealthy within seconds, healthy again within seconds, and never restarted."""
    assert_survives_outage(instance, OUTAGES[name](instance), name, say)
