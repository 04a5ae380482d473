"""Differences between versions of Marathon: limits, defaults and answers."""

from __future__ import annotations

import pytest

from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Settings, Standin
from tests.harness.marathon.scripted import ScriptedRunner, app, play
from tests.harness.marathon.small_world import WEB, Json, answers, sent


def test_before_1_6_an_unknown_path_is_404_and_named() -> None:
    """Later versions answer 500, odd as that is."""
    answer = answers(("GET", "/nonsense", None), dialect="1.4")[0]
    assert (answer.status_code, answer.json()) == (404, {"message": "URI not found: /nonsense"})


@pytest.mark.parametrize(
    ("dialect", "cpus", "delay"), [("1.4", 200, 3600), ("1.6", 422, 3600), ("1.10", 422, 300)]
)
def test_limits_and_defaults_are_those_of_the_version(dialect: str, cpus: int, delay: int) -> None:
    """A definition can be good on one Marathon and refused by another."""
    none, web, made = answers(
        ("PUT", f"/v2/apps{WEB}", {"cpus": 0}),
        ("GET", f"/v2/apps{WEB}", None),
        ("PUT", "/v2/apps/new", {**sent("new"), "maxLaunchDelaySeconds": 7}),
        dialect=dialect,
    )
    assert (none.status_code, web.json()["app"]["maxLaunchDelaySeconds"]) == (cpus, delay)
    assert made.json()["maxLaunchDelaySeconds"] == 7


def test_1_4_leaves_a_path_out_of_a_command_and_later_versions_fail() -> None:
    """The same definition is accepted or ends in a 500."""
    check = {"protocol": "COMMAND", "command": {"value": "x"}, "path": "/", "port": 1}
    request = ("POST", "/v2/apps", {**sent("new"), "healthChecks": [check]})
    assert answers(request, dialect="1.6")[0].status_code == 500
    made = answers(request, dialect="1.4")[0]
    assert (made.status_code, made.json()["healthChecks"][0].get("path")) == (201, None)


@pytest.mark.parametrize(("dialect", "unset"), [("1.4", {"firstSuccess": None, "lastSuccess": None}), ("1.6", {})])
def test_what_a_health_check_has_not_seen_is_null_in_1_4_and_absent_later(dialect: str, unset: Json) -> None:
    """A client must read both forms."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        check = {"path": "/", "gracePeriodSeconds": 0, "maxConsecutiveFailures": 0}
        site.commands.submit({"/a": app(healthChecks=[check])}, force=False)
        await clock.advance(6)
        result = site.views.task(site.state.tasks_of("/a")[0])["healthCheckResults"][0]
        assert result["consecutiveFailures"] == 1
        assert {key: value for key, value in result.items() if key.endswith("Success")} == unset

    play(story, Settings(dialect=dialect))


OLD = {"image": "rt", "network": "BRIDGE", "portMappings": [{"containerPort": 80, "protocol": "tcp,udp"}]}


def test_1_4_passes_over_what_came_later_and_takes_what_was_given_up() -> None:
    """A definition for a later version silently becomes an app in host mode there."""
    new = {
        "networks": [{"mode": "container/bridge"}],
        "container": {"docker": {"image": "rt"}, "portMappings": [{}]},
    }
    half = {"minimumHealthCapacity": 0.5}
    ignored, old, refused = answers(
        ("POST", "/v2/apps", {"id": "new", **new}),
        ("POST", "/v2/apps", {"id": "old", "container": {"docker": OLD}, "upgradeStrategy": half}),
        ("POST", "/v2/apps", {"id": "is", "cmd": "sleep 1", "constraints": [["a", "IS", "b"]]}),
        dialect="1.4",
    )
    assert (ignored.status_code, ignored.json()["container"]["docker"]["network"]) == (201, "HOST")
    assert old.json()["container"]["docker"]["portMappings"][0]["protocol"] == "udp,tcp"
    assert old.json()["upgradeStrategy"] == {**half, "maximumOverCapacity": 1.0}
    assert refused.status_code == 422


def test_a_part_of_a_1_4_definition_leaves_the_network_as_it_is() -> None:
    """Between requests it is stored in the new style, which 1.4 would ignore."""
    answer = answers(
        ("POST", "/v2/apps", {"id": "old", "container": {"docker": OLD}}),
        ("PUT", "/v2/apps/old", {"mem": 64}),
        ("GET", "/v2/apps/old", None),
        dialect="1.4",
    )[-1]
    assert (answer.json()["app"]["mem"], answer.json()["app"]["container"]["docker"]["network"]) == (64, "BRIDGE")


def test_a_command_without_its_line_is_missed_in_1_4_and_a_line_without_a_command_is_not() -> None:
    """1.4 reads the keys of the protocol alone."""
    missed, idle = (
        answers(("POST", "/v2/apps", {**sent("new"), "healthChecks": [check]}), dialect="1.4")[0]
        for check in ({"protocol": "COMMAND"}, {"command": {"value": "x"}})
    )
    assert (missed.status_code, missed.json()["details"][0]["path"]) == (400, "/healthChecks(0)/command")
    assert idle.status_code == 201


@pytest.mark.parametrize(("dialect", "role"), [("1.6", None), ("1.10", "web")])
def test_a_role_means_something_since_1_9(dialect: str, role: str | None) -> None:
    """Before that it is an unknown key."""
    made = answers(("POST", "/v2/apps", {**sent("new"), "role": "web"}), dialect=dialect)[0]
    assert made.json().get("role") == role


@pytest.mark.parametrize(("dialect", "role"), [("1.4", {}), ("1.6", {}), ("1.10", {"/large": "*", "/new": "web"})])
def test_the_queue_names_the_role_that_waits_since_1_9(dialect: str, role: Json) -> None:
    """Offers are made to a role; a client of an earlier version does not know the key."""
    waiting = {**sent("new"), "cpus": 99, "role": "web"}
    listed = answers(("POST", "/v2/apps", waiting), ("GET", "/v2/queue", None), dialect=dialect)[1].json()
    assert {item["app"]["id"] for item in listed["queue"]} == {"/large", "/new"}
    assert {item["app"]["id"]: item["role"] for item in listed["queue"] if "role" in item} == role
