"""Every release on a server that it supports, on a site that its own `init` made."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.pairs import DEFAULT_SERVER
from fixtures.rt import RtFactory
from harness.baseline import Baseline
from harness.database import Database
from harness.lifecycle import Lifecycle
from harness.releases import releases
from harness.rt import Rt


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `version` once per release."""
    if "version" in metafunc.fixturenames:
        metafunc.parametrize("version", list(releases()), scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here as needing an engine, and keep a release on one worker: its site is shared."""
    for item in items:
        if "/smoke/" in str(item.path):
            item.add_marker(pytest.mark.engine)
            callspec = getattr(item, "callspec", None)
            if version := callspec and callspec.params.get("version"):
                item.add_marker(pytest.mark.xdist_group(f"smoke-{version}"))


@pytest.fixture(scope="module")
def server_name(version: str) -> str:
    """The usual server where the release may run on it, else its first one."""
    supported = releases()[version].servers
    return DEFAULT_SERVER if DEFAULT_SERVER in supported else supported[0]


@pytest.fixture
def fresh(lifecycle: Lifecycle, version: str, server_name: str) -> Baseline:
    """A new site's database, made by the release's own `init`."""
    return lifecycle.fresh(version, server_name)


@pytest.fixture
def database(clone: CloneFactory, fresh: Baseline) -> Database:
    """This test's own copy of a new site's database."""
    return clone(fresh)


@pytest.fixture
def site(rt_site: RtFactory, version: str, database: Database) -> Rt:
    """A serving RT on this test's own database."""
    return rt_site(version, database)


@pytest.fixture
def tools(rt_tools: RtFactory, version: str, database: Database) -> Rt:
    """An idle RT container on this test's own database."""
    return rt_tools(version, database)
