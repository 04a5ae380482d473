"""Health endpoints tell the truth while the database is away, hangs, refuses, cannot write; and RT recovers alone.

Two are asked: the health check of the definition, and the page that its readiness check and the balancer ask for.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from fixtures.healthcheck_user import CHEAP, PASSWORD
from harness.common.waits import Retry, wait_until
from harness.database import DURABLE, Database
from harness.database.baseline import Baseline
from harness.load import network_faults
from harness.load.balancer import login_page
from harness.rt import Rt
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.conftest import RELEASE, Say

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("health-truth")]

UNHEALTHY_WITHIN = 15.0
"""Seconds: one health check that was let through just before, and one more that runs into its limit of 5 s, on a
machine that has more to do."""
HEALTHY_WITHIN = 30.0
"""Seconds after the database is back: its own start, and what TCP waits before it tries again."""


class Asked(ABC):
    """Something that says how it is."""

    @abstractmethod
    def healthy(self) -> tuple[bool, str]:
        """Ask the health check of the definition; return its answer and its words."""

    @abstractmethod
    def ready(self) -> bool:
        """Ask for the page that the readiness check and the balancer ask for."""

    @abstractmethod
    def started(self) -> str:
        """Return when its process was started."""

    @abstractmethod
    def ended(self) -> str | None:
        """Return a sentence once it has ended."""

    def until(self, wanted: bool, since: float, limit: float) -> tuple[float, str]:
        """Wait until the health check says so; return seconds since `since`, and its words."""

        def said() -> str:
            healthy, words = self.healthy()
            if healthy != wanted:
                raise Retry(words)
            return words

        words = wait_until(f"The health check saying {wanted}", said, limit, gone=self.ended)
        return time.monotonic() - since, words


@dataclass(frozen=True)
class Instance(Asked):
    """A serving RT and its database, kept through all outages: nobody ever restarts it."""

    site: Rt
    database: Database

    def healthy(self) -> tuple[bool, str]:
        """Ask as Marathon would, inside the container."""
        done = self.site.container.run(["/opt/rt/healthcheck", "127.0.0.1", "80"], limit=10)
        return done.code == 0, done.out.strip()

    def ready(self) -> bool:
        """Ask through the published port."""
        return login_page(self.site.container.address(80))

    def started(self) -> str:
        """Ask the engine."""
        return str(self.site.container.docker.attrs["State"]["StartedAt"])

    def ended(self) -> str | None:
        """Ask the engine."""
        return self.site.container.ended()


Outage = Callable[[Instance], AbstractContextManager[None]]


@contextlib.contextmanager
def stopped(instance: Instance) -> Iterator[None]:
    """The server is stopped by its operator."""
    instance.database.container.stop()
    yield
    instance.database.restart()


@contextlib.contextmanager
def killed(instance: Instance) -> Iterator[None]:
    """The server's machine loses its power."""
    instance.database.container.signal("KILL")
    yield
    instance.database.restart()


@contextlib.contextmanager
def hanging(instance: Instance) -> Iterator[None]:
    """The server's processes stand still: connections open and stay silent."""
    instance.database.container.docker.pause()
    yield
    instance.database.container.docker.unpause()


def dropped(direction: network_faults.Direction) -> Outage:
    """Packets between instance and server vanish in one direction."""
    return lambda at: network_faults.dropping(at.database.container, at.site.container, direction)


@contextlib.contextmanager
def refusing(instance: Instance) -> Iterator[None]:
    """The server runs, and refuses RT's user; the connections that it had are closed."""
    instance.database.execute("ALTER USER rt@'%' ACCOUNT LOCK", "KILL USER rt", root=True)
    yield
    instance.database.execute("ALTER USER rt@'%' ACCOUNT UNLOCK", root=True)


@contextlib.contextmanager
def read_only(instance: Instance) -> Iterator[None]:
    """The server takes no writes: a replica after a switch, or a disk that the kernel has given up."""
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


def lived_through(instance: Asked, outage: AbstractContextManager[None], name: str, say: Say) -> None:
    """Go through an outage; the health check must turn, and turn back, in time, on the process that was there."""
    instance.until(True, time.monotonic(), HEALTHY_WITHIN)
    before = instance.started()
    began = time.monotonic()
    with outage:
        unhealthy, words = instance.until(False, began, UNHEALTHY_WITHIN)
        assert instance.ready() is False, "the balancer would still send people here"
        ended = time.monotonic()
    healthy, _ = instance.until(True, ended, HEALTHY_WITHIN)
    wait_until("The page being served again", lambda: _want(instance.ready()), HEALTHY_WITHIN)
    assert instance.started() == before, "it was restarted"
    say(f"database {name}: unhealthy after {unhealthy:.1f} s, healthy again {healthy:.1f} s later ({words})")


def _want(good: bool) -> None:
    if not good:
        raise Retry("not yet")


@pytest.mark.parametrize("name", OUTAGES)
def test_health_is_the_truth_while_the_database_is(instance: Instance, name: str, say: Say) -> None:
    """Unhealthy within seconds, healthy again within seconds, and never a restart by hand."""
    lived_through(instance, OUTAGES[name](instance), name, say)
