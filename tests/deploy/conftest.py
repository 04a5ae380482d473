"""Shared fixtures of the deploy tests on real RT containers: one prepared site, one Marathon in real time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.healthcheck_user import with_healthcheck_user
from harness.database.baseline_record import Baseline
from harness.dump.choice import DEFAULT_SERVER, choose
from harness.marathon.client import Marathon
from harness.marathon.standin.process import StandinProcess
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.shared import RELEASE, on_stage


@pytest.hookimpl(tryfirst=True)  # before tests are deselected by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the usual pair always, other pairs with the slow tests; a requested pair always runs."""
    own = [item for item in items if on_stage(item) and item.path.parent == Path(__file__).parent]
    usual = str(choose().pair)
    for item in own if len(own) > 1 else []:
        if usual not in item.name:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def deployable(lifecycle: Lifecycle) -> Baseline:
    """A new site with the health check's user and ticket."""
    return with_healthcheck_user(lifecycle, RELEASE, DEFAULT_SERVER)


@pytest.fixture(scope="session")
def marathon_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a stand-in on the real clock: instances are killed in real time."""
    standin = StandinProcess(Path(tmp_path_factory.mktemp("standin-real")), ["--end-tasks"])
    yield standin.start()
    assert standin.stop() == 0, standin.log()


@pytest.fixture
def marathon(marathon_url: str) -> Iterator[Marathon]:
    """A client of that stand-in."""
    with Marathon(marathon_url) as client:
        yield client
