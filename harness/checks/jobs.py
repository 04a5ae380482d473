"""Run each nightly cron job once: it must succeed, without complaints that the old release did not make.

A subscription to a deleted dashboard, or a condition of the site's own that has warned for years, is not the
upgrade's fault; a new warning makes cron send mail every night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from harness.checks import dashboard_mails
from harness.checks.cached_fact import Remembered
from harness.checks.log import LogAllowance, LogRecord, records
from harness.checks.open_question import ask_or_leave_open
from harness.checks.startup_log import Starts, key
from harness.common import cache, redact
from harness.rt import Rt
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
LIMIT, LIMIT_OF_DASHBOARDS = 300.0, 60.0
"""Seconds for a job on a small database; the second if a person is waiting."""
_SHOWN = 5


@dataclass
class Night(Remembered):
    """Output and exit codes of a release's jobs.

    said: job, by `Job.name`, to its messages, by `startup_log.key`; codes: exit codes. A job that the release
    lacks has said nothing, and has no code. A job that was stopped at its limit is in neither: its messages are
    unknown. sent: job to the ids of the subscriptions whose dashboards it mailed, only for the job that does so.
    """

    release: str
    said: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    sent: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A cron job. limit: seconds after which it is stopped."""

    command: tuple[str, ...]
    limit: float = LIMIT

    @property
    def name(self) -> str:
        """Return its command as a digest: the command may contain a user's name."""
        return cache.keyed(" ".join(self.command))

    @property
    def mails_dashboards(self) -> bool:
        """Whether the job is the one that mails dashboards."""
        return self.command[0] == DASHBOARDS

    @property
    def about_one(self) -> bool:
        """Whether the job is limited to one user."""
        return any(word.startswith("--user=") for word in self.command)

    @property
    def shown(self) -> str:
        """Return the first words of its command, fit to be printed: without any user's name."""
        return " ".join(word for word in self.command[:3] if not word.startswith("--user="))


Before = Callable[[Sequence[Job]], Night | None]
"""Lets the old release run some jobs on a copy of its own; returns None if it cannot be asked."""


@dataclass(frozen=True)
class Tried:
    """A job that was run: its exit code, and its messages that are not logged at every start."""

    job: Job
    code: int
    stopped: bool
    said: list[LogRecord]


def collect(tools: Rt, jobs: Iterable[Job]) -> Night:
    """Run those of the jobs that a release has, and return their output. Writes."""
    tools.warm_up()  # the new release is warmed up in the same way
    there = set(tools.of_image("ls", "/usr/local/bin").split())
    night = Night(tools.release)
    for job in jobs:
        if job.command[0] not in there:
            night.said[job.name] = []
            continue
        if job.about_one and not dashboard_mails.knows_people(tools):
            continue
        done = tools.tool(*job.command, limit=job.limit)
        if done.timed_out:
            continue
        night.codes[job.name] = done.code
        night.said[job.name] = sorted({key(one) for one in records(done.err.splitlines())})
        if job.mails_dashboards:
            night.sent[job.name] = sorted(dashboard_mails.sent(tools))
    return night


def judge(
    report: Report,
    rt: Rt,
    allowed: Sequence[LogAllowance],
    *,
    thorough: bool = False,
    subscribers: Sequence[str] = (),
    more: Sequence[Sequence[str]] = (),
    starts: Starts | None = None,
    before: Before | None = None,
    limit: float = LIMIT,
) -> None:
    """Run every job on a site; report failures and complaints that are new since the old release. Writes.

    starts: RT's log at every start, which no job causes. before: asked only if a job complains, or sends nothing.
    more: jobs that not every site runs. subscribers: users who get dashboards by mail, each of which takes a
    second: unless the visit is thorough, only the first user's dashboards are made, if the release's job can be
    limited to one user. If nothing is sent to any of them, the old release is asked as well: it may have sent
    nothing either.
    limit: seconds for a job.
    """
    few = len(subscribers) > 1 and not thorough and dashboard_mails.knows_people(rt)
    starts = starts or Starts(rt)
    chosen: list[Job] = []
    for command in map(tuple, (*JOBS, *(MORE_JOBS if thorough else ()), *more)):
        if command[0] != DASHBOARDS:
            chosen.append(Job(command, limit))
        elif few:
            chosen.append(Job((*command, f"--user={subscribers[0]}"), LIMIT_OF_DASHBOARDS))
            report.out_of_scope.append(f"dashboards by mail of {len(subscribers) - 1} other people than the first")
        else:
            chosen.append(Job(command, limit if thorough else LIMIT_OF_DASHBOARDS))
    tried = [one for job in chosen if (one := _try(report, rt, allowed, job, starts))]
    sent = dashboard_mails.sent(rt)
    mailing = [one.job for one in tried if one.job.mails_dashboards and not one.stopped]
    night = _weigh(report, tried, before, silent=[] if sent or not subscribers else mailing)
    report.facts["subscriptions sent"] = len(sent)
    if not sent:
        report.out_of_scope.append("dashboards by mail: none was sent to anybody")
    for job in mailing:
        if night and job.name in night.sent:
            dashboard_mails.compare(report, sent, night.sent[job.name], night.release)
        elif subscribers and not sent and (night is None or night.release):
            report.unanswered.append(
                "whether dashboards are mailed as before: nothing was, and nobody knows of before"
            )


def carry_out(
    report: Report,
    rt: Rt,
    allowed: Sequence[LogAllowance],
    chosen: Sequence[Job],
    starts: Starts,
    *,
    before: Before | None = None,
) -> None:
    """Run these jobs and judge them. starts, before: as for `judge`."""
    tried = [one for job in chosen if (one := _try(report, rt, allowed, job, starts))]
    _weigh(report, tried, before)


def _try(report: Report, rt: Rt, allowed: Sequence[LogAllowance], job: Job, starts: Starts) -> Tried | None:
    """Run a job; return None if it was stopped at its limit, which is an open question."""
    report.looked_at += 1
    name = job.command[0]
    done = rt.tool(*job.command, limit=job.limit)
    said = []
    for record in records(done.err.splitlines()):
        cover = next((one for one in allowed if one.covers(record, name)), None)
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
    return Tried(job, done.code, stopped, starts.others(said))


def _night(report: Report, jobs: Sequence[Job], before: Before | None) -> Night | None:
    """Return the output of the old release's jobs; None if unknown, which hides no complaint of the new ones."""
    if not jobs or before is None:
        return Night("")
    return ask_or_leave_open(report, "what jobs said before", lambda: before(jobs))


def _said_before(night: Night | None, name: str) -> set[str] | None:
    """Return the old release's messages in a job, by `startup_log.key`; None if unknown."""
    if night is None or (night.release and name not in night.said):
        return None
    return set(night.said.get(name, ()))


def _weigh(
    report: Report, tried: Sequence[Tried], before: Before | None, *, silent: Sequence[Job] = ()
) -> Night | None:
    """Report new complaints and failures, without those of the old release; return the old release's output.

    silent: jobs for which the old release is asked although they logged nothing.
    """
    loud = [one for one in tried if one.said or (one.code and not one.stopped)]
    asked = [one.job for one in loud]
    night = _night(report, [*asked, *(one for one in silent if one not in asked)], before)
    for one in loud:
        words = one.job.name
        failed = one.code and not one.stopped and not (night and night.codes.get(words))
        known = _said_before(night, words)
        # If it is not known whether a message is new, only errors count: an error is wrong in either release.
        new = [line for line in one.said if (line.complaint if known is None else key(line) not in known)]
        if old := [redact.line(record.message) for record in one.said if record not in new]:
            name = "warnings of jobs" if known is None else "said by jobs before as well"
            report.facts.setdefault(name, []).extend(f"{one.job.command[0]}: {text}" for text in old[:_SHOWN])
        if one.code and not one.stopped and not failed:
            report.facts.setdefault("jobs that failed before as well", []).append(one.job.shown)
        if new or failed:
            report.find(
                f"job {one.job.shown}",
                f"exit code {one.code}, {len(new)} lines on standard error",
                samples=tuple(redact.line(record.message) for record in new[:_SHOWN]),
                repair=f"run {one.job.command[0]} by hand on a trial upgrade, and mend what it complains of",
            )
    return night
