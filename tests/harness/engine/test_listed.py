"""Listing the engine's containers must work while others come and go."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from harness.common import owner
from harness.engine.listed import containers_of

pytestmark = pytest.mark.engine
NAME = "rt-harness.test"


@pytest.fixture
def start(engine: DockerClient, tiny_image: str) -> Iterator[Callable[..., Container]]:
    """Start containers with these labels, which are removed at the end."""
    started: list[Container] = []

    def one(**labels: str) -> Container:
        named = {f"{NAME}.{name}": value for name, value in labels.items()}
        started.append(engine.containers.run(tiny_image, detach=True, labels=owner.labels("listed") | named))
        return started[-1]

    yield one
    for container in started:
        with contextlib.suppress(NotFound):
            container.remove(force=True)


def test_those_that_bear_all_labels_are_found(engine: DockerClient, start: Callable[..., Container]) -> None:
    """Podman treats several labels as alternatives."""
    mine = secrets.token_hex(8)
    both, over = start(run=mine, task="a"), start(run=mine, task="a")
    start(run=mine, task="b")
    over.kill()
    wanted = {f"{NAME}.run": mine, f"{NAME}.task": "a"}
    assert [one.id for one in containers_of(engine, wanted)] == [both.id]
    assert {one.id for one in containers_of(engine, wanted, ended=True)} == {both.id, over.id}


def test_one_that_goes_while_they_are_listed_is_no_error(
    engine: DockerClient, start: Callable[..., Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run removes its own between the list and the inspection of each."""
    mine, listed = secrets.token_hex(8), engine.api.containers
    stays, goes = start(run=mine), start(run=mine)

    def then_one_goes(**options: Any) -> Any:
        found = listed(**options)
        goes.remove(force=True)
        return found

    monkeypatch.setattr(engine.api, "containers", then_one_goes)
    assert [one.id for one in containers_of(engine, {f"{NAME}.run": mine})] == [stays.id]
