"""An instance survives an outage of its database: health must change, and change back, in time and by itself."""

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
"""Seconds on a busy machine: a health check that just passed, and one that runs into its limit of 5 s."""
HEALTHY_WITHIN = 30.0
"""Seconds after the database is back: its own start, and TCP's delay before it retries."""


class ObservedInstance(ABC):
    """An instance whose state can be asked for."""

    @abstractmethod
    def healthy(self) -> tuple[bool, str]:
        """Run the health check of the definition; return its result and its output."""

    @abstractmethod
    def ready(self) -> bool:
        """Request the page that the readiness check and the balancer use."""

    @abstractmethod
    def started(self) -> str:
        """Return when its process was started."""

    @abstractmethod
    def ended(self) -> str | None:
        """Return a sentence if it has ended."""

    def until(self, wanted: bool, since: float, limit: float) -> tuple[float, str]:
        """Wait until the health check returns `wanted`; return seconds since `since`, and its output."""

        def said() -> str:
            healthy, words = self.healthy()
            if healthy != wanted:
                raise Retry(words)
            return words

        words = wait_until(f"The health check saying {wanted}", said, limit, gone=self.ended)
        return time.monotonic() - since, words


@dataclass(frozen=True)
class Instance(ObservedInstance):
    """A serving RT and its database, kept through all outages: it is never restarted."""

    site: Rt
    database: Database

    def healthy(self) -> tuple[bool, str]:
        """Run the check inside the container, as Marathon would."""
        done = self.site.container.run(["/opt/rt/healthcheck", "127.0.0.1", "80"], limit=10)
        return done.code == 0, done.out.strip()

    def ready(self) -> bool:
        """Request it through the published port."""
        return login_page(self.site.container.address(80))

    def started(self) -> str:
        """Return it from the engine's data."""
        return str(self.site.container.docker.attrs["State"]["StartedAt"])

    def ended(self) -> str | None:
        """Return it from the engine's data."""
        return self.site.container.ended()


Outage = Callable[[Instance], AbstractContextManager[None]]


def assert_survives_outage(
    instance: ObservedInstance, outage: AbstractContextManager[None], name: str, say: Say
) -> None:
    """Run an outage; the health check must change, and change back, in time, without a new process."""
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
