"""The health of one task as Marathon and as Mesos judge it; pure state machines, without input or output.

Marathon-level checks (HTTP, HTTPS, TCP) are judged by `judge`: the kill comes with failure max + 1.
Agent-level checks (COMMAND, MESOS_*) are judged by `AgentJudge`, as the Mesos executor does, with the kill on
failure max; Marathon then only mirrors what the agent reports. Facts: Health.scala, HealthCheckActor and the Mesos
sources under src/checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.marathon.standin.checks import HealthCheck


@dataclass(frozen=True)
class Record:
    """Results of one check of one task; times are seconds since the epoch."""

    first_success: float | None = None
    last_success: float | None = None
    last_failure: float | None = None
    last_failure_cause: str | None = None
    consecutive_failures: int = 0

    @property
    def alive(self) -> bool:
        """True when the last success is strictly later than the last failure."""
        if self.last_success is None:
            return False
        return self.last_failure is None or self.last_success > self.last_failure


@dataclass(frozen=True)
class Judgement:
    """The record after a result, whether a failure was counted, and whether the task is to be killed."""

    record: Record
    failed: bool = False
    kill: bool = False


def judge(
    check: HealthCheck,
    record: Record | None,
    passed: bool,
    now: float,
    *,
    running_since: float | None,
    cause: str = "",
) -> Judgement:
    """Apply one result to a record (None if there is none yet).

    running_since: when the task became TASK_RUNNING; None if it is not running, and then failures do not count. A
    failure before the first success does not count either until the grace period is over; it still leaves an empty
    record behind, so that the task shows as not alive. `kill` is only ever true for Marathon-level checks: for
    others the agent decides.
    """
    known = record or Record()
    if passed:
        first = known.first_success if known.first_success is not None else now
        return Judgement(replace(known, first_success=first, last_success=now, consecutive_failures=0))
    if running_since is None:
        return Judgement(known)
    if known.first_success is None and now < running_since + check.grace_period_seconds:
        return Judgement(known)
    limit = check.max_consecutive_failures
    kill = check.by_marathon and limit > 0 and known.consecutive_failures >= limit
    failed = replace(
        known,
        last_failure=now,
        last_failure_cause=cause,
        consecutive_failures=known.consecutive_failures + 1,
    )
    return Judgement(failed, failed=True, kill=kill)


@dataclass(frozen=True)
class Update:
    """An agent's report about its check: the health, and whether it kills the task for it."""

    healthy: bool
    kill: bool = False


class AgentJudge:
    """The executor's side of a COMMAND or MESOS_* check of one task."""

    def __init__(self, check: HealthCheck, launched: float) -> None:
        """Begin at `launched` (seconds since the epoch), the start of the grace period."""
        self.check = check
        self.launched = launched
        self.initializing = True
        self.consecutive_failures = 0

    def observe(self, passed: bool, now: float) -> Update | None:
        """Return the report of one result, or None if the agent does not report it.

        Reported are every failure that counts, the first success, and the first success after a failure.
        """
        if passed:
            news = self.initializing or self.consecutive_failures > 0
            self.initializing, self.consecutive_failures = False, 0
            return Update(healthy=True) if news else None
        if self.initializing and now <= self.launched + self.check.grace_period_seconds:
            return None
        self.consecutive_failures += 1
        return Update(healthy=False, kill=self.consecutive_failures >= self.check.max_consecutive_failures)


def aggregate(checks: Sequence[HealthCheck], records: Mapping[int, Record]) -> bool | None:
    """Return a task's health over all checks: True if all are known and alive, None if one is unknown."""
    found = [records.get(index) for index in range(len(checks))]
    if not found or any(record is None for record in found):
        return None
    return all(record.alive for record in found if record is not None)


def counts_as(records: Mapping[int, Record]) -> str:
    """Return the app's total to which a task adds: "healthy", "unhealthy", or "unknown" without record."""
    if not records:
        return "unknown"
    return "healthy" if all(record.alive for record in records.values()) else "unhealthy"
