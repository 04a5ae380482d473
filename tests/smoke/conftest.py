"""Every release on a server that it supports, on a site that its own `init` made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.databases import CloneFactory
from harness.baseline import Baseline
from harness.choice import DEFAULT_SERVER
from harness.database import Database
from harness.lifecycle import Lifecycle
from harness.releases import releases
from harness.rt import Rt


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `version` once per release, and for `interface` once per REST that it has."""
    if "interface" in metafunc.fixturenames:
        both = [
            (one.version, number) for one in releases().values() for number in ((1, 2) if one.major > 4 else (1,))
        ]
        metafunc.parametrize(("version", "interface"), both, scope="module")
    elif "version" in metafunc.fixturenames:
        metafunc.parametrize("version", list(releases()), scope="module")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
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


@pytest.fixture(scope="module")
def served(lifecycle: Lifecycle, version: str, server_name: str) -> Iterator[Rt]:
    """A serving RT that the tests of a module share; each looks at what it made itself."""
    database = lifecycle.baselines.clone(lifecycle.fresh(version, server_name))
    try:
        site = lifecycle.site(version, database)
        yield site
        site.remove()
    finally:
        lifecycle.baselines.discard(database)
