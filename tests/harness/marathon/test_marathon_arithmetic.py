"""Capacity, deadlines, changes and exit codes: arithmetic that needs no server."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.marathon.commands import exit_code
from harness.marathon.comparison import changes
from harness.marathon.deadline import deadline_of, soak_of, waves
from harness.marathon.definition import Capacity, capacity, commands, load
from harness.marathon.networking import network_mode, ports_of
from harness.verdict import Finding, Report

GOOD: dict[str, Any] = load(Path(__file__).parents[3] / "marathon.json")


def definition(schema: str | None = "5.0.3", **fields: Any) -> dict[str, Any]:
    """Return the repository's definition with another schema label or other fields."""
    app = copy.deepcopy(GOOD) | fields
    app["labels"]["RT_SCHEMA"] = schema
    return app


@pytest.mark.parametrize(
    ("instances", "minimum", "over", "running", "expected"),
    [
        (1, 1, 1, 1, (1, 2, 0)),
        (1, 1, 0, 1, (1, 2, 0)),
        (1, 0.5, 0, 1, (1, 2, 0)),
        (1, 0, 0, 1, (0, 1, 1)),
        (2, 0.5, 0, 2, (1, 2, 1)),
        (3, 0.7, 0.3, 3, (3, 4, 0)),
        (3, 0.5, 0, 3, (2, 3, 1)),
        (4, 0.75, 0.25, 4, (3, 5, 1)),
    ],
)
def test_capacity(
    instances: int, minimum: float, over: float, running: int, expected: tuple[int, int, int]
) -> None:
    """It decides how many old tasks stay, how many tasks there may be, how many are killed at once."""
    assert capacity(instances, minimum, over, running) == Capacity(*expected)


@given(st.integers(1, 50), st.floats(0, 1), st.floats(0, 1))
def test_capacity_always_lets_a_deployment_move(instances: int, minimum: float, over: float) -> None:
    """There must be room for a new task, now or after the kills."""
    plan = capacity(instances, minimum, over)
    assert plan.maximum > instances - plan.kill_now
    assert waves(definition(instances=instances)) >= 1


def test_deadline_follows_from_the_definition() -> None:
    """grace + interval * (max + 2), readiness, the stop of an old task, and one pull."""
    app = {
        "healthChecks": [{"gracePeriodSeconds": 60, "intervalSeconds": 10, "maxConsecutiveFailures": 3}],
        "taskKillGracePeriodSeconds": 20,
    }
    assert deadline_of(app, pull=100).wave == 60 + 10 * 5 + 20 + 100
    assert deadline_of(app, pull=0).total == 130


def test_more_waves_take_longer_but_idleness_does_not() -> None:
    """With three instances one after another the total grows, but not the time without progress."""
    one_by_one = definition(instances=3, upgradeStrategy={"minimumHealthCapacity": 1, "maximumOverCapacity": 0.34})
    at_once = definition(instances=3, upgradeStrategy={"minimumHealthCapacity": 1, "maximumOverCapacity": 1})
    assert (waves(one_by_one), waves(at_once)) == (3, 1)
    assert deadline_of(one_by_one).wave == deadline_of(at_once).wave
    assert deadline_of(one_by_one).total > deadline_of(at_once).total


def test_soak_lets_every_check_run_three_times() -> None:
    """Three intervals and the time-out of the slowest."""
    assert soak_of(GOOD) == 70
    assert soak_of({}) > 0


def test_both_input_dialects_read_the_same() -> None:
    """The network and ports of 1.4 and of 1.5 and later must be equivalent."""
    new = {"networks": [{"mode": "container/bridge"}], "container": {"portMappings": [{"containerPort": 80}]}}
    old = {"container": {"docker": {"network": "BRIDGE", "portMappings": [{"containerPort": 80}]}}}
    assert network_mode(new) == network_mode(old) == "bridge"
    assert ports_of(new) == ports_of(old)
    assert network_mode({}) == "host"


def test_the_command_to_try_in_the_image() -> None:
    """The image may lack the program: callers run this command once before they deploy."""
    assert list(commands(GOOD)) == [("healthChecks(0)", "/opt/rt/healthcheck 127.0.0.1 80")]


def test_a_put_without_change_is_recognised() -> None:
    """Marathon's answer has more keys, and floats for integers; none of that is a change."""
    live = copy.deepcopy(GOOD) | {"versionInfo": {}, "cpus": 1}
    assert not changes(GOOD, live)
    assert changes(definition(cpus=2), live) == ["cpus"]
    assert not changes(live | {"tasks": [1], "version": "x"}, live), "what is no part of a definition"
    assert changes(definition("5.0.6"), live) == ["labels"]


def less(*path: str) -> dict[str, Any]:
    """Return the definition without one key."""
    app = copy.deepcopy(GOOD)
    place = app
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return app


@pytest.mark.parametrize(
    "wanted",
    [
        less("env", "SERVER_NAME"),
        less("labels", "HAPROXY_GROUP"),
        less("readinessChecks"),
        less("taskKillGracePeriodSeconds"),
        definition(upgradeStrategy={"minimumHealthCapacity": 0, "maximumOverCapacity": 0.5}),
        definition(instances=0),
        definition(args=["x"]),
    ],
    ids=["variable", "label", "check", "grace", "capacity of 0", "0 instances", "args"],
)
def test_taking_something_out_is_a_change(wanted: dict[str, Any]) -> None:
    """The whole definition is put, so a missing key is removed; and 0 is a value like any other."""
    assert changes(wanted, GOOD)
    assert not changes(wanted, copy.deepcopy(wanted))


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report("deploy", "?", looked_at=2), 0),
        (Report("deploy", "?", [Finding("deploy", "/rt", "is gone")], unanswered=["why"]), 1),
        (Report("deploy", "?", looked_at=2, unanswered=["whether it is live"]), 2),
        (Report("deploy", "?"), 2),
    ],
)
def test_only_what_was_answered_ends_with_nothing(report: Report, code: int) -> None:
    """A pipeline goes on after 0, so an open question must not end with it."""
    assert exit_code(report) == code
