"""Run each nightly cron job once: it must succeed, without complaints that the old release did not make.

A subscription to a deleted dashboard, or a condition of the site's own that has warned for years, is not the
upgrade's fault; a new warning makes cron send mail every night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from harness.checks.application import dashboard_mails
from harness.checks.application.nightly_jobs import DASHBOARDS, Job, choose
from harness.checks.application.startup_log import StartupLogs, key
from harness.checks.application.trial_visit import Visit
from harness.checks.cached_fact import CachedFact
from harness.checks.log import LogAllowance, LogRecord, records
from harness.checks.open_question import ask_or_leave_open
from harness.common import redact
from harness.rt import Rt
from harness.verdict import MOST_SAMPLES, Report


@dataclass
class JobResults(CachedFact):
    """Output and exit codes of a release's jobs.

    said: job, by `Job.name`, to its messages, by `startup_log.key`; codes: exit codes. A job that the release
    lacks has said nothing, and has no code. A job that was stopped at its limit is in neither: its messages are
    unknown. sent: job to the ids of the subscriptions whose dashboards it mailed, only for the job that does so.
    """

    release: str
    said: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    sent: dict[str, list[str]] = field(default_factory=dict)


Before = Callable[[Sequence[Job]], JobResults | None]
"""Lets the old release run some jobs on a copy of its own; returns None if it cannot be asked."""


@dataclass(frozen=True)
class JobRun:
    """A job that was run: its exit code, and its messages that are not logged at every start."""

    job: Job
    code: int
    stopped: bool
    said: list[LogRecord]

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, with another exit code than 0."""
        return bool(self.code) and not self.stopped


def collect(tools: Rt, jobs: Iterable[Job]) -> JobResults:
    """Run those of the jobs that a release has, and return their output. Writes."""
    tools.warm_up()  # the new release is warmed up in the same way
    there = set(tools.of_image("ls", "/usr/local/bin").split())
    results = JobResults(tools.release)
    for job in jobs:
        if job.command[0] not in there:
            results.said[job.name] = []
            continue
        if job.limited_to_user and not dashboard_mails.can_limit_to_user(tools):
            continue
        done = tools.tool(*job.command, limit=job.limit, private=job.limited_to_user)
        if done.timed_out:
            continue
        results.codes[job.name] = done.code
        results.said[job.name] = sorted({key(record) for record in records(done.err.splitlines())})
        if job.mails_dashboards:
            results.sent[job.name] = sorted(dashboard_mails.sent_subscriptions(tools))
    return results


def judge(
    report: Report,
    visit: Visit,
    allowed: Sequence[LogAllowance],
    *,
    starts: StartupLogs | None = None,
    before: Before | None = None,
) -> None:
    """Run every job on a site; report failures and complaints that are new since the old release. Writes.

    starts: RT's log at every start, which no job causes. before: asked only if a job complains, or if no dashboard
    is mailed to any of the visit's subscribers: the old release may have mailed none either.
    """
    rt = visit.programs
    runs = _run_jobs(report, rt, allowed, choose(report, visit), starts or StartupLogs(rt))
    mailing = [run.job for run in runs if run.job.mails_dashboards and not run.stopped]
    sent = dashboard_mails.sent_subscriptions(rt)
    report.facts["subscriptions sent"] = len(sent)
    old = _report_new(report, runs, before, silent=[] if sent or not visit.subscribers else mailing)
    _compare_mailings(report, mailing, sent, old, expected=bool(visit.subscribers))


def _compare_mailings(
    report: Report, mailing: Sequence[Job], sent: set[str], old: JobResults | None, *, expected: bool
) -> None:
    """Report subscriptions that the old release mailed and this one did not. expected: somebody has subscribed."""
    if not sent:
        report.out_of_scope.append("dashboards by mail: none was sent to anybody")
    for job in mailing:
        if old and job.name in old.sent:
            dashboard_mails.compare(report, sent, old.sent[job.name], old.release)
        elif expected and not sent and (old is None or old.release):
            report.unanswered.append(
                "whether dashboards are mailed as before: nothing was, and nobody knows of before"
            )


def carry_out(
    report: Report,
    rt: Rt,
    allowed: Sequence[LogAllowance],
    chosen: Sequence[Job],
    starts: StartupLogs,
    *,
    before: Before | None = None,
) -> None:
    """Run these jobs and judge them. starts, before: as for `judge`."""
    _report_new(report, _run_jobs(report, rt, allowed, chosen, starts), before)


def _run_jobs(
    report: Report, rt: Rt, allowed: Sequence[LogAllowance], chosen: Sequence[Job], starts: StartupLogs
) -> list[JobRun]:
    """Run jobs; return those that were not ended by an open question."""
    return [run for job in chosen if (run := _run_job(report, rt, allowed, job, starts))]


def _run_job(
    report: Report, rt: Rt, allowed: Sequence[LogAllowance], job: Job, starts: StartupLogs
) -> JobRun | None:
    """Run a job; return None if it was stopped at its limit, which is an open question."""
    report.looked_at += 1
    name = job.command[0]
    done = rt.tool(*job.command, limit=job.limit, private=job.limited_to_user)
    said: list[LogRecord] = []
    for record in records(done.err.splitlines()):
        cover = next((allowance for allowance in allowed if allowance.covers(record, name)), None)
        if cover is None:
            said.append(record)
        elif (reason := f"{name}: {cover.reason}") not in report.allowed:
            report.allowed.append(reason)
    stopped = done.timed_out and name == DASHBOARDS
    if done.timed_out and not stopped:
        report.unanswered.append(f"whether {name} works: it was not done within {job.limit:.0f} s, or was killed")
        return None
    if stopped:
        report.out_of_scope.append(f"what {name} would have sent after its first {job.limit:.0f} s")
    return JobRun(job, done.code, stopped, starts.others(said))


def _ask_before(report: Report, jobs: Sequence[Job], before: Before | None) -> JobResults | None:
    """Return the output of the old release's jobs; None if unknown, which hides no complaint of the new ones."""
    if not jobs or before is None:
        return JobResults("")
    return ask_or_leave_open(report, "what jobs said before", lambda: before(jobs))


def _said_before(old: JobResults | None, name: str) -> set[str] | None:
    """Return the old release's messages in a job, by `startup_log.key`; None if unknown."""
    if old is None or (old.release and name not in old.said):
        return None
    return set(old.said.get(name, ()))


def _report_new(
    report: Report, runs: Sequence[JobRun], before: Before | None, *, silent: Sequence[Job] = ()
) -> JobResults | None:
    """Report new complaints and failures, without those of the old release; return the old release's output.

    silent: jobs for which the old release is asked although they logged nothing.
    """
    loud = [run for run in runs if run.said or run.failed]
    asked = [run.job for run in loud]
    old = _ask_before(report, [*asked, *(job for job in silent if job not in asked)], before)
    for run in loud:
        job = run.job
        failed_anew = run.failed and not (old and old.codes.get(job.name))
        known = _said_before(old, job.name)
        # If it is not known whether a message is new, only errors count: an error is wrong in either release.
        new = [line for line in run.said if (line.complaint if known is None else key(line) not in known)]
        if rest := [redact.line(record.message) for record in run.said if record not in new]:
            name = "warnings of jobs" if known is None else "known from the old release: jobs"
            report.facts.setdefault(name, []).extend(f"{job.command[0]}: {text}" for text in rest[:MOST_SAMPLES])
        if run.failed and not failed_anew:
            report.facts.setdefault("known from the old release: failed jobs", []).append(job.shown)
        if new or failed_anew:
            report.find(
                f"job {job.shown}",
                f"exit code {run.code}, {len(new)} lines on standard error",
                samples=tuple(redact.line(record.message) for record in new),
                repair=f"run {job.command[0]} by hand on a trial upgrade, and mend what it complains of",
            )
    return old
