"""Shared sites of the smoke tests: every release on a server that it supports, one site for all modules here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.healthcheck_user import with_healthcheck_user
from harness.database.profiles import DURABLE
from harness.dump.choice import DEFAULT_SERVER
from harness.releases import releases
from harness.rt import Rt
from harness.upgrade.lifecycle import Lifecycle
from tests.smoke.instances import Instances


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the argument `version` once per release, unless the test lists its releases itself."""
    own = any("version" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "version" in metafunc.fixturenames and not own:
        metafunc.parametrize("version", list(releases()), scope="package")


def _version(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("version", "")) if callspec else ""


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark these tests as needing an engine, and run a release's tests together on one worker: they share a site.

    pytest's own order gives a test's other parameters the same weight as the release, and separates the tests of a
    release.
    """
    own = [item for item in items if "/smoke/" in str(item.path)]
    for item in own:
        item.add_marker(pytest.mark.engine)
        if version := _version(item):
            item.add_marker(pytest.mark.xdist_group(f"smoke-{version}"))
    yield
    places = [place for place, item in enumerate(items) if item in own]
    for place, item in zip(places, sorted((items[place] for place in places), key=_version), strict=True):
        items[place] = item


@pytest.fixture(scope="package")
def server_name(version: str) -> str:
    """Return the usual server if the release may run on it, else its first one."""
    supported = releases()[version].servers
    return DEFAULT_SERVER if DEFAULT_SERVER in supported else supported[0]


@pytest.fixture(scope="package")
def instances(lifecycle: Lifecycle, version: str, server_name: str) -> Iterator[Instances]:
    """The instances of a release, with the health check's user; starting one is the expensive part.

    Their database has the durable profile, because tests kill it, and they kill instances as well.
    """
    database = lifecycle.baselines.clone(with_healthcheck_user(lifecycle, version, server_name), DURABLE)
    try:
        made = Instances(lifecycle, version, database)
        yield made
        made.remove()
    finally:
        lifecycle.baselines.discard(database)


@pytest.fixture
def served(instances: Instances) -> Rt:
    """The serving RT that the tests of a release share; each test uses only data that it made itself."""
    return instances.shared()
