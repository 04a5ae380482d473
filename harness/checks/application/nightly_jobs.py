"""Choose the cron jobs that a visit runs, with the limit of each: those of every site, and the visit's own."""

from __future__ import annotations

from dataclasses import dataclass

from harness.checks.application import dashboard_mails
from harness.checks.application.trial_visit import JOB_LIMIT, Visit
from harness.common import cache
from harness.verdict import Report

DASHBOARDS = dashboard_mails.JOB
"""Its duration grows with the number of subscriptions: with a time limit it is stopped, which is no defect."""
JOBS = (
    ("rt-email-digest", "-m", "daily"),
    (DASHBOARDS, "--all"),  # into the container's own outbox; a dry run would end before anything is rendered
    # Without --skip-user it leaves each user one session, and would end sessions that are in use meanwhile.
    ("rt-clean-sessions", "--skip-user", "--older", "1H"),
    (
        "rt-crontool",
        "--search",
        "RT::Search::FromSQL",
        "--search-arg",
        "id = 1",
        "--action",
        "RT::Action::SetPriority",
        "--action-arg",
        "1",
    ),
)
MORE_JOBS = (("rt-email-digest", "-m", "weekly"),)
"""The same jobs with other arguments, which a thorough visit runs as well."""
LIMIT_OF_DASHBOARDS = 60.0
"""Seconds for the job that mails dashboards if a person is waiting."""


@dataclass(frozen=True)
class Job:
    """A cron job. limit: seconds after which it is stopped."""

    command: tuple[str, ...]
    limit: float = JOB_LIMIT

    @property
    def name(self) -> str:
        """Return its command as a digest: the command may contain a user's name."""
        return cache.keyed_digest(" ".join(self.command))

    @property
    def mails_dashboards(self) -> bool:
        """Whether the job is the one that mails dashboards."""
        return self.command[0] == DASHBOARDS

    @property
    def limited_to_user(self) -> bool:
        """Whether the job is limited to one user."""
        return any(word.startswith("--user=") for word in self.command)

    @property
    def shown(self) -> str:
        """Return the first words of its command, fit to be printed: without any user's name."""
        return " ".join(word for word in self.command[:3] if not word.startswith("--user="))


def choose(report: Report, visit: Visit) -> list[Job]:
    """Return the jobs that a visit runs, each with its limit.

    Each subscriber's dashboards take a second: unless the visit is thorough, only those of the first are made, if
    the release's job can be limited to one user.
    """
    subscribers, limit = visit.subscribers, visit.patience
    few = len(subscribers) > 1 and not visit.thorough and dashboard_mails.can_limit_to_user(visit.programs)
    chosen: list[Job] = []
    for command in (*JOBS, *(MORE_JOBS if visit.thorough else ()), *visit.jobs):
        if command[0] != DASHBOARDS:
            chosen.append(Job(command, limit))
        elif few:
            chosen.append(Job((*command, f"--user={subscribers[0]}"), LIMIT_OF_DASHBOARDS))
            report.out_of_scope.append(f"dashboards by mail of {len(subscribers) - 1} other people than the first")
        else:
            chosen.append(Job(command, limit if visit.thorough else LIMIT_OF_DASHBOARDS))
    return chosen
