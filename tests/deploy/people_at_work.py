"""Simulated users on some instances behind a balancer, and the check that verifies their writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fixtures.healthcheck_user import ROOT
from harness.checks import acknowledged
from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.load import Journal, Load, PublicSite
from harness.load.balancer import Balancer, login_page
from harness.rt import Rt, rest
from harness.verdict import Report

GAP = 20.0
ATTEMPTS = 24
"""By three users: enough for each of them to do every kind of action, files and pages included."""


@dataclass
class WorkedSite:
    """The users' actions, and the site: the input of the check."""

    journal: Journal
    database: Database
    site: PublicSite

    def judge(self, journal: Journal | None = None, *, longest_gap: float = GAP) -> Report:
        """Run the check; journal: another one than the recorded one."""
        with rest.client(self.site, *ROOT) as client:
            return acknowledged.check(
                journal or self.journal, self.database, client.attachment, longest_gap=longest_gap
            )


@contextmanager
def let_people_work(
    sites: Sequence[Rt], database: Database, kind: type[Balancer] = Balancer
) -> Iterator[tuple[WorkedSite, Balancer]]:
    """Let users work on some instances for a while."""
    with kind(
        lambda: [site.container.address(80) for site in sites if not site.container.ended()], login_page
    ) as balancer:
        wait_until("The instances", lambda: require_serving(balancer, len(sites)), 30)
        # Three users: two on two instances might alternate so that each always uses the same one.
        with Load(balancer.url, *ROOT, rate=8, clients=3) as load:
            load.reach(ATTEMPTS)
        yield WorkedSite(load.journal, database, load.site), balancer


def require_serving(balancer: Balancer, count: int) -> None:
    """Raise Retry until `count` instances serve."""
    if len(balancer.up) != count:
        raise Retry(f"{len(balancer.up)} of {count} serve")
