"""What cron runs at night, each once: it must end well and complain of nothing."""

from __future__ import annotations

from collections.abc import Sequence

from harness import redact
from harness.checks.log import LogAllowance, records
from harness.checks.mails import outbox
from harness.checks.start import Starts
from harness.rt import Rt
from harness.verdict import Report

DASHBOARDS = "rt-email-dashboards"
"""Takes as long as people have subscribed to: where nobody can wait it is stopped, and that is no defect."""
_DASHBOARDS_PROGRAM = f"/usr/local/bin/{DASHBOARDS}"
JOBS = (
    ("rt-email-digest", "-m", "daily"),
    (DASHBOARDS, "--all"),  # into the container's own outbox; a dry run would end before anything is rendered
    # Without --skip-user it leaves each user one session: it would end those that are used meanwhile.
    ("rt-clean-sessions", "--skip-user", "--older", "1H"),
    (
        "rt-crontool", "--search", "RT::Search::FromSQL", "--search-arg", "id = 1",
        "--action", "RT::Action::SetPriority", "--action-arg", "1",
    ),
)  # fmt: skip
MORE_JOBS = (("rt-email-digest", "-m", "weekly"),)
"""The same jobs with other words, which a thorough visit runs as well."""
LIMIT, LIMIT_OF_DASHBOARDS = 300.0, 60.0
"""Seconds for a job; the second where somebody waits."""
_SUBSCRIPTION = "X-RT-Dashboard-Subscription-Id"
_SHOWN = 5


def run(
    report: Report, rt: Rt, allowed: Sequence[LogAllowance], *, thorough: bool = False,
    subscribers: Sequence[str] = (), more: Sequence[Sequence[str]] = (), starts: Starts | None = None,
) -> None:  # fmt: skip
    """Run every job on a site; what fails or complains becomes a finding. Writes.

    starts: what RT says at every start, which is no job's doing. more: jobs that not every site runs.
    subscribers: who gets dashboards by mail, whose take a second each: unless it is thorough, only the first one's
    are made, where the release's job can be told to.
    """
    few = len(subscribers) > 1 and not thorough and rt.run("grep", "-q", "user=s", _DASHBOARDS_PROGRAM).code == 0
    starts = starts or Starts(rt)
    for job in (*JOBS, *(MORE_JOBS if thorough else ()), *more):
        if job[0] != DASHBOARDS:
            one(report, rt, allowed, job, starts=starts)
        elif few:
            one(report, rt, allowed, (*job, f"--user={subscribers[0]}"), LIMIT_OF_DASHBOARDS, starts=starts)
            report.not_checked.append(f"dashboards by mail of {len(subscribers) - 1} other people than the first")
        else:
            one(report, rt, allowed, job, LIMIT if thorough else LIMIT_OF_DASHBOARDS, starts=starts)
    sent = {mail[_SUBSCRIPTION] for mail in outbox(rt)} - {None}
    report.facts["subscriptions sent"] = len(sent)
    if not sent:
        report.not_checked.append("dashboards by mail: none was sent to anybody")


def one(
    report: Report, rt: Rt, allowed: Sequence[LogAllowance], job: Sequence[str], limit: float = LIMIT,
    *, starts: Starts | None = None,
) -> None:  # fmt: skip
    """Run one job. limit: seconds after which it is stopped. starts: as for `run`."""
    report.looked_at += 1
    done = rt.run(*job, limit=limit)
    said = []
    for record in records(done.err.splitlines()):
        cover = next((one for one in allowed if one.covers(record, job[0])), None)
        if cover is None:
            said.append(record)
        elif (reason := f"{job[0]}: {cover.reason}") not in report.allowed:
            report.allowed.append(reason)
    stopped = done.timed_out and job[0] == DASHBOARDS
    if done.timed_out and not stopped:
        report.unanswered.append(f"whether {job[0]} works: it was not done within {limit:.0f} s, or was killed")
        return
    said = (starts or Starts(rt)).others(said)
    if stopped:
        report.not_checked.append(f"what {job[0]} would have sent after its first {limit:.0f} s")
    if said or (done.code and not stopped):
        report.find(
            f"job {' '.join(job[:3])}", f"exit code {done.code}, {len(said)} lines on standard error",
            samples=tuple(redact.line(record.message) for record in said[:_SHOWN]),
            repair=f"run {job[0]} by hand on a trial upgrade, and mend what it complains of",
        )  # fmt: skip
