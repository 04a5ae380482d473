"""Plans, and the arithmetic of rolling replacement."""

from __future__ import annotations

from typing import Any

import pytest

from harness.marathon.standin.deployment import plan, restart_strategy
from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.model import App


def app(name: str = "a", **changes: Any) -> App:
    """Return an app definition."""
    return App.model_validate({"id": f"/{name}", "cmd": "sleep 1"} | changes)


@pytest.mark.parametrize(
    ("instances", "minimum", "over", "running", "expected"),
    [
        (1, 1.0, 1.0, 1, (1, 2, 0)),
        (1, 1.0, 0.0, 1, (1, 2, 0)),
        (1, 0.5, 0.0, 1, (1, 2, 0)),
        (1, 0.0, 0.0, 1, (0, 1, 1)),
        (2, 0.5, 0.0, 2, (1, 2, 1)),
        (3, 0.7, 0.3, 3, (3, 4, 0)),
        (3, 0.5, 0.0, 3, (2, 3, 1)),
        (4, 0.75, 0.25, 4, (3, 5, 1)),
        (3, 1.0, 0.0, 1, (3, 3, 0)),  # too few run already: there is room, so nothing is added
        (2, 1.0, 0.0, 5, (2, 3, 3)),
    ],
)
def test_bounds_of_a_replacement(
    instances: int, minimum: float, over: float, running: int, expected: tuple[int, int, int]
) -> None:
    """Marathon rounds the minimum up and the maximum down."""
    strategy = {"minimumHealthCapacity": minimum, "maximumOverCapacity": over}
    found = restart_strategy(app(instances=instances, upgradeStrategy=strategy), running)
    assert (found.minimum_healthy, found.maximum_capacity, found.kill_now) == expected


def test_a_resident_app_gets_no_extra_task() -> None:
    """Its volume has room for one; any other app could not proceed without one more."""
    strategy = {"minimumHealthCapacity": 1.0, "maximumOverCapacity": 0.0}
    found = restart_strategy(app(upgradeStrategy=strategy), 1)
    assert found.maximum_capacity == 2
    found = restart_strategy(app(residency={"x": 1}, upgradeStrategy=strategy), 1)
    assert found.maximum_capacity == 1


def kinds(original: dict[str, App | None], target: dict[str, App | None], **more: Any) -> list[list[str]]:
    """Return a plan as words."""
    return [
        [f"{a.kind.removesuffix('Application')} {a.app_id}" for a in step]
        for step in plan(original, target, **more)
    ]


def test_a_new_app_is_started_and_scaled() -> None:
    """Two steps, as clients of the plan expect."""
    assert kinds({"/a": None}, {"/a": app()}) == [["Start /a"], ["Scale /a"]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"instances": 3}, [["Scale /a"]]),
        ({"instances": 0, "cmd": "sleep 2"}, [["Scale /a"]]),
        ({"labels": {"a": "b"}}, [["Restart /a"]]),
        ({"instances": 3, "cmd": "sleep 2"}, [["Restart /a"]]),
        ({"healthChecks": [{}]}, [["Restart /a"]]),
    ],
)
def test_an_update_scales_or_restarts(change: dict[str, Any], expected: list[list[str]]) -> None:
    """Only a change of instances alone keeps the tasks."""
    assert kinds({"/a": app()}, {"/a": app(**change)}) == expected


def test_a_restart_call_restarts_what_has_not_changed() -> None:
    """The definitions are equal, so only the call can tell."""
    assert kinds({"/a": app()}, {"/a": app()}, restarts={"/a"}) == [["Restart /a"]]


def test_stops_come_first_and_dependencies_before_what_needs_them() -> None:
    """A dependency on a group means all of its apps."""
    original = {"/old": app("old"), "/db": None, "/web": None, "/group/x": None}
    target = {
        "/old": None,
        "/web": app("web", dependencies=["/db", "/group"]),
        "/db": app("db"),
        "/group/x": app("group/x"),
    }
    assert kinds(original, target) == [
        ["Stop /old"],
        ["Start /db", "Start /group/x", "Start /web"],
        ["Scale /db", "Scale /group/x"],
        ["Scale /web"],
    ]


def test_a_circle_of_dependencies_is_refused() -> None:
    """There is no order in which it could be started."""
    target = {"/a": app("a", dependencies=["/b"]), "/b": app("b", dependencies=["/a"])}
    with pytest.raises(ApiError, match="not valid"):
        plan({}, target)
