"""An instance goes through an outage of its database: health must turn, and turn back, in time and by itself."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.load.balancer import login_page
from harness.rt import Rt
from tests.deploy.shared import Say

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
