"""The switch of scratch deploys, left in a definition for people: the deploy is healthy, its mail is lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.marathon import scratch
from harness.marathon.definition import load
from harness.marathon.rolling import RollingRefusedError, decide, require_rolling
from harness.releases import ROOT

GOOD: dict[str, Any] = load(ROOT / "marathon.json")
STEPS = ["4.4.6", "5.0.3"]


def with_switch(value: object) -> dict[str, Any]:
    """Return the definition with a value for the switch in its environment."""
    app = copy.deepcopy(GOOD)
    app["env"][scratch.PINNED] = value
    return app


def with_parameter(key: str, value: str) -> dict[str, Any]:
    """Return the definition with a parameter for docker."""
    app = copy.deepcopy(GOOD)
    app["container"]["docker"]["parameters"] = [{"key": key, "value": value}]
    return app


@pytest.mark.parametrize(
    "wanted",
    [
        with_switch("1"),
        with_switch("off"),
        with_switch(1),
        with_switch({"secret": "scratch"}),
        with_parameter("env", "RT_SCRATCH=1"),
        with_parameter("--env", "RT_SCRATCH=1"),
        with_parameter("e", "RT_SCRATCH=off"),
        with_parameter("env", "RT_SCRATCH"),
    ],
)
def test_the_switch_is_refused_however_it_is_set(wanted: dict[str, Any]) -> None:
    """Whether it would be the first deploy, a rolling one or one across a step: the site would lose its mail."""
    decisions = [
        decide(None, wanted, None, STEPS),
        decide(GOOD, wanted, STEPS, STEPS),
        decide(GOOD, wanted, STEPS[:1], STEPS),
    ]
    assert [one.how for one in decisions] == ["refused"] * 3
    with pytest.raises(RollingRefusedError, match=r"RT_SCRATCH .*would send no mail") as caught:
        require_rolling(decisions[1])
    assert "RT_SCRATCH" in caught.value.repair


@pytest.mark.parametrize(
    "wanted",
    [
        with_switch("0"),
        with_switch(""),
        with_parameter("env", "RT_SCRATCH=0"),
        with_parameter("env", "RT_SCRATCH_SECRETS"),
        with_parameter("label", "RT_SCRATCH=1"),
    ],
)
def test_what_the_image_takes_for_off_is_not_refused(wanted: dict[str, Any]) -> None:
    """The image asks Perl whether the value is true."""
    assert decide(GOOD, wanted, STEPS, STEPS).how == "rolling"


def test_a_scratch_deploy_has_the_switch_and_only_in_its_own_group() -> None:
    """The gate's scratch deploy must work; its definition under the name of people's app must not."""
    app = scratch.definition(GOOD, image="registry.example.org/rt:1", secrets="/opt/scratch")
    assert decide(None, app).how == "first"
    for name in (GOOD["id"], scratch.group(), f"{scratch.group()}-other/rt", f"/x{scratch.group()}/rt"):
        assert decide(None, app | {"id": name}).how == "refused", name


def test_a_scratch_deploy_without_a_guard_is_refused_all_the_same() -> None:
    """Only the switch is theirs."""
    app = scratch.definition(GOOD, image="registry.example.org/rt:1", secrets="/opt/scratch")
    app["env"]["RT_GUARD"] = "off"
    assert decide(None, app).how == "refused"
