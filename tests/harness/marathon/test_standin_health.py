"""The health state machines, step by step, as documented for Marathon's HealthCheckActor and Mesos."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.marathon.standin.checks import HealthCheck
from harness.marathon.standin.health import AgentJudge, Record, aggregate, counts_as, judge


def check(**changes: Any) -> HealthCheck:
    """Return an HTTP check with a grace period of 300 s that kills after 2 failures."""
    values = {"gracePeriodSeconds": 300, "maxConsecutiveFailures": 2} | changes
    return HealthCheck.model_validate(values)


def play(
    checked: HealthCheck, results: str, *, start: float = 0, every: float = 10
) -> tuple[Record | None, list[int]]:
    """Apply "+" and "-" to a task running since 0; return the record and the numbers of results that kill."""
    record, kills = None, []
    for number, sign in enumerate(results, start=1):
        now = start + every * number
        judged = judge(checked, record, sign == "+", now, running_since=0.0, cause="down")
        record = judged.record
        kills += [number] if judged.kill else []
    return record, kills


@pytest.mark.parametrize(
    ("limit", "results", "kills"),
    [(2, "+---", [4]), (2, "+--+---", [7]), (1, "+--", [3]), (3, "+---", []), (0, "+---------", [])],
)
def test_the_kill_comes_with_failure_n_plus_one(limit: int, results: str, kills: list[int]) -> None:
    """Counted failures only; a limit of 0 never kills."""
    assert play(check(maxConsecutiveFailures=limit), results)[1] == kills


def test_in_grace_a_failure_leaves_an_empty_record() -> None:
    """The task shows as not alive although nothing was counted."""
    record, kills = play(check(), "-" * 29)
    assert (record, kills) == (Record(), [])
    assert record is not None
    assert not record.alive


def test_after_grace_failures_count_from_one() -> None:
    """Those within the grace period are not added."""
    record, kills = play(check(), "-" * 32)
    assert (record and record.consecutive_failures, kills) == (3, [32])


def test_the_first_success_ends_the_grace_period() -> None:
    """The grace is for the start and not for a later failure."""
    assert play(check(), "-+---")[1] == [5]


def test_a_success_resets_the_count_and_keeps_the_last_failure() -> None:
    """The record of the failure stays for ever."""
    record, _ = play(check(), "+-+")
    assert record == Record(
        first_success=10, last_success=30, last_failure=20, last_failure_cause="down", consecutive_failures=0
    )


def test_one_failure_flips_alive() -> None:
    """There is no tolerance for a single slow answer."""
    alive = [record.alive for record in (play(check(), results)[0] for results in ("+", "+-", "+-+")) if record]
    assert alive == [True, False, True]


def test_alive_needs_a_success_strictly_later_than_the_failure() -> None:
    """At the same moment the failure counts."""
    assert not Record(first_success=5, last_success=5, last_failure=5).alive


def test_a_task_that_does_not_run_cannot_fail() -> None:
    """A late answer must not count against a task that was told to stop."""
    before = Record(first_success=1, last_success=1)
    judged = judge(check(), before, False, 999, running_since=None)
    assert (judged.record, judged.failed, judged.kill) == (before, False, False)


def test_marathon_never_kills_for_a_check_of_the_agent() -> None:
    """The agent kills by itself, and twice would be once too often."""
    command = check(protocol="COMMAND", command={"value": "x"}, gracePeriodSeconds=0)
    assert play(command, "+-----")[1] == []


def agent(results: str, **changes: Any) -> list[tuple[int, bool, bool]]:
    """Return (number, healthy, kill) of each report of an agent over results 10 s apart."""
    mind = AgentJudge(check(protocol="COMMAND", command={"value": "x"}, **changes), launched=0)
    reports = [(number, mind.observe(sign == "+", number * 10)) for number, sign in enumerate(results, start=1)]
    return [(number, report.healthy, report.kill) for number, report in reports if report is not None]


def test_the_agent_kills_on_failure_n() -> None:
    """One earlier than Marathon."""
    assert agent("+--") == [(1, True, False), (2, False, False), (3, False, True)]


@pytest.mark.parametrize("limit", [0, 1])
def test_the_agent_kills_on_the_first_failure_with_a_limit_of_none_or_one(limit: int) -> None:
    """A limit of 0 does not turn the kill off."""
    assert agent("+-", maxConsecutiveFailures=limit)[-1] == (2, False, True)


def test_the_agent_says_nothing_during_grace_and_of_repeated_success() -> None:
    """It sends an update only where something has changed."""
    assert agent("---++") == [(4, True, False)]
    assert agent("-" * 31)[0] == (31, False, False)


def test_the_agent_reports_the_first_success_after_a_failure() -> None:
    """Otherwise the task would stay unhealthy in Marathon."""
    assert [healthy for _, healthy, _ in agent("+-+", maxConsecutiveFailures=5)] == [True, False, True]


def test_a_task_is_healthy_only_when_all_its_checks_are_known_and_alive() -> None:
    """With one unknown its health is unknown."""
    good, bad = Record(last_success=1), Record(last_failure=1)
    checks = [check(), check()]
    assert [aggregate(checks, records) for records in ({0: good}, {0: good, 1: good}, {0: good, 1: bad}, {})] == [
        None,
        True,
        False,
        None,
    ]


def test_totals_count_a_task_without_record_as_neither() -> None:
    """Healthy and unhealthy need not add up to running."""
    good, bad = Record(last_success=1), Record()
    assert [counts_as(r) for r in ({}, {0: good}, {0: good, 1: bad})] == ["unknown", "healthy", "unhealthy"]


@given(results=st.text("+-", min_size=1, max_size=60), limit=st.integers(0, 5), grace=st.integers(0, 400))
def test_a_kill_always_ends_a_run_of_exactly_so_many_counted_failures(
    results: str, limit: int, grace: int
) -> None:
    """For any sequence of results, limit and grace period, compared with a count of their own."""
    checked = check(maxConsecutiveFailures=limit, gracePeriodSeconds=grace)
    counted, seen, expected = 0, False, []
    for number, sign in enumerate(results, start=1):
        seen = seen or sign == "+"
        counted = 0 if sign == "+" else counted + (seen or number * 10 >= grace)
        if limit and sign == "-" and counted > limit:
            expected.append(number)
    assert play(checked, results)[1] == expected
