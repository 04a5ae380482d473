"""Capacity, deadlines, and whether a deploy may be rolling: decisions that need no server."""

from __future__ import annotations

import copy
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.marathon import in_image
from harness.marathon.commands import _decided, exit_code
from harness.marathon.comparison import changes
from harness.marathon.deadline import deadline_of, soak_of, waves
from harness.marathon.definition import Capacity, capacity, commands, load
from harness.marathon.networking import network_mode, ports_of
from harness.marathon.rolling import RollingRefusedError, decide, decide_among, names_one_build, require_rolling
from harness.verdict import Finding, Report

GOOD: dict[str, Any] = load(Path(__file__).parents[3] / "marathon.json")

OLD_STEPS = ["4.4.5", "4.4.6"]
NEW_STEPS = ["4.4.5", "4.4.6", "4.5.0", "5.0.2", "5.0.3"]


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
    assert list(commands(GOOD)) == ["/opt/rt/healthcheck 127.0.0.1 80"]


def of_image(tag: str, schema: str = "5.0.3") -> dict[str, Any]:
    """Return the definition with another image, as `deploy --image` makes it: the labels stay."""
    app = definition(schema)
    app["container"]["docker"]["image"] = f"registry.example.org/rt:{tag}"
    return app


def unguarded() -> dict[str, Any]:
    """Return the definition with the image's guard turned off."""
    app = definition()
    app["env"]["RT_GUARD"] = "off"
    return app


def with_parameter(key: str, value: str) -> dict[str, Any]:
    """Return the definition with a parameter for docker."""
    app = definition()
    app["container"]["docker"]["parameters"] = [{"key": key, "value": value}]
    return app


@pytest.mark.parametrize(
    ("live", "wanted", "steps", "how"),
    [
        (None, definition(), (None, None), "first"),
        (definition(instances=0), definition("5.0.6"), (None, None), "first"),
        (definition(), definition(), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), definition(cpus=2), (None, None), "rolling"),
        (definition("4.4.6"), definition(), (OLD_STEPS, NEW_STEPS), "stop-all"),
        (definition("4.4.6"), definition(), (None, None), "stop-all"),
        (definition(None), definition(), (None, None), "stop-all"),
        (definition(), definition("4.4.6"), (NEW_STEPS, OLD_STEPS), "refused"),
        (definition("4.4.6"), definition("4.4.6"), (OLD_STEPS, NEW_STEPS), "refused"),
        (definition(), definition(), (OLD_STEPS, NEW_STEPS), "refused"),
        (definition(), of_image("5.0.7"), (None, None), "stop-all"),
        (definition(), of_image("5.0.7"), (None, NEW_STEPS), "stop-all"),
        (definition(), of_image("5.0.3-2"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), of_image("5.0.7"), (NEW_STEPS, [*NEW_STEPS, "5.0.4"]), "refused"),
        (definition(), of_image("5.0.7", "5.0.4"), (NEW_STEPS, [*NEW_STEPS, "5.0.4"]), "stop-all"),
        (definition(), unguarded(), (NEW_STEPS, NEW_STEPS), "refused"),
        (None, unguarded(), (None, None), "refused"),
        (of_image("latest"), of_image("latest"), (None, None), "stop-all"),
        (of_image("latest"), of_image("latest"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), definition(args=["sleep", "1"]), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), definition(args=["/opt/rt/run"]), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), definition(cmd="apache2 -D FOREGROUND"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), definition(cmd="exec /opt/rt/run"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), with_parameter("env", "RT_GUARD=off"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("env", "RT_GUARD=on"), (NEW_STEPS, NEW_STEPS), "rolling"),
        (definition(), with_parameter("env-file", "/etc/rt"), (NEW_STEPS, NEW_STEPS), "refused"),
        (definition(), with_parameter("entrypoint", "sh"), (NEW_STEPS, NEW_STEPS), "refused"),
    ],
)
def test_rolling_only_on_one_schema(live: Any, wanted: Any, steps: Any, how: str) -> None:
    """Equal steps roll; pending ones stop all; a downgrade, a wrong label, or no guard is refused.

    A label is trusted only if the image stays the same: --image changes the image and leaves the label.
    """
    assert decide(live, wanted, *steps).how == how


@pytest.mark.parametrize(
    "decision",
    [
        decide(definition("4.4.6"), definition(), OLD_STEPS, NEW_STEPS),
        decide(definition(), definition("4.4.6"), NEW_STEPS, OLD_STEPS),
    ],
)
def test_a_rolling_put_across_a_step_is_refused(decision: Any) -> None:
    """The error must give the reason and the alternative."""
    with pytest.raises(RollingRefusedError, match="must not roll") as caught:
        require_rolling(decision)
    assert caught.value.repair


def test_the_gravest_of_what_runs_decides() -> None:
    """After a deployment cancelled by force the app has the wanted definition, but older tasks run another one."""
    wanted = definition("5.0.6")
    same, older, newer = (wanted, None), (definition("4.4.6"), None), (definition("4.4.6"), OLD_STEPS)
    assert decide_among([same], wanted).how == "rolling"
    assert decide_among([same, older], wanted).how == "stop-all"
    assert decide_among([(wanted, NEW_STEPS), newer], wanted, ["4.4.5"]).how == "refused"
    assert decide_among([], wanted).how == "first"
    assert decide_among([same, ({"id": "/rt", "instances": 1}, None)], wanted).how == "stop-all", "forgotten"


@pytest.mark.parametrize(
    ("image", "one"),
    [("rt:5.0.3-1", True), ("host:5000/rt", False), ("rt:latest", False), ("rt@sha256:0a", True), ("", False)],
)
def test_which_names_lead_to_one_build(image: str, one: bool) -> None:
    """A registry's port must not be read as a tag."""
    assert names_one_build(image) is one


@pytest.mark.parametrize(("image", "how"), [("rt:latest", "stop-all"), ("rt:5.0.3-1", "rolling")])
def test_an_image_is_not_asked_about_another_build(monkeypatch: pytest.MonkeyPatch, image: str, how: str) -> None:
    """The running image came from the same tag weeks ago; the tag's present meaning says nothing about it."""
    monkeypatch.setattr(in_image, "upgrade_steps", lambda _: NEW_STEPS)
    live = definition()
    live["container"]["docker"]["image"] = image
    options = Namespace(ask_images=True, live_steps=None, wanted_steps=None)
    assert _decided(options, [live], live).how == how


def test_pending_steps_are_named() -> None:
    """They are the steps that the upgrade will apply."""
    assert decide(definition("4.4.6"), definition(), OLD_STEPS, NEW_STEPS).pending == ("4.5.0", "5.0.2", "5.0.3")


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
