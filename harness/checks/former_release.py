"""What the old release can be asked about a site that is being tried; each only where the new one gives cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.checks import exchanges, jobs
from harness.checks.mails import Mails
from harness.checks.startup_log import Start


@dataclass(frozen=True)
class Former:
    """The old release. start: what it says at every start. mails: what it sends, and logs about tickets meanwhile.

    jobs: what jobs of it say. exchanges: what pages show, what comes of tickets by REST and by mail, and what the
    site logs meanwhile. Each returns None where nobody can speak for it; by default nothing was ever said.
    """

    start: Callable[[], Start | None] = lambda: None
    mails: Callable[[], Mails | None] = lambda: None
    jobs: jobs.Before = lambda _: jobs.Night("")
    exchanges: exchanges.Before = lambda: None
