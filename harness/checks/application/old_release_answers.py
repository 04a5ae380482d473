"""Access to the old release while a site is tried; each question is asked only if the new one gives cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.checks.application import exchanges, jobs
from harness.checks.application.mails import Mails
from harness.checks.application.startup_log import Start


@dataclass(frozen=True)
class OldReleaseAnswers:
    """Questions to the old release. start: its log at every start. mails: its mail, and its log about tickets.

    jobs: the output of its jobs. exchanges: the outcome of pages and of tickets by REST and by mail, and the
    site's log meanwhile. Each returns None if the old release cannot be asked; the defaults say nothing.
    """

    start: Callable[[], Start | None] = lambda: None
    mails: Callable[[], Mails | None] = lambda: None
    jobs: jobs.Before = lambda _: jobs.JobResults("")
    exchanges: exchanges.Before = lambda: None
