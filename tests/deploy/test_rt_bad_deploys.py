"""Bad deploys of a real RT must never replace a good one: they are found and rolled back, the old one proved live.

The same rules are tested on a small image and a manual clock in tests/harness/marathon/test_marathon_deploy.py.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from harness.database.baseline_record import Baseline
from harness.marathon.client import Marathon
from harness.marathon.follow import MOST_HEALTHY
from harness.marathon.lint import lint
from harness.marathon.rolling import Decision
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.deploy.bad_deploys import (
    BAD,
    INSTANCES,
    SLOW,
    App,
    Site,
    SoakOfOne,
    always_passes,
    behind_login,
    install_mode,
)
from tests.deploy.rt_on_marathon import definition, remove
from tests.deploy.shared import RELEASE

pytestmark = pytest.mark.engine

SAME_STEPS = Decision("rolling", ("somebody said that the images carry the same steps",))
"""Deploys that `rolling.decide` would refuse are forced here, to test the last safeguard."""


@pytest.fixture(scope="module")
def site(
    lifecycle: Lifecycle, deployable: Baseline, marathon_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The good release, deployed and proven once; every bad deploy begins and ends with it."""
    folder = tmp_path_factory.mktemp("bad")
    database = lifecycle.baselines.clone(deployable)
    good = definition(lifecycle, database, folder / "good", instances=INSTANCES)
    good["env"] |= {"RT_DB_WAIT": "1", "RT_WORKERS": "1"}  # nobody asks two things at once
    good["healthChecks"][0] |= {"delaySeconds": 0, "intervalSeconds": 1}
    good["readinessChecks"][0] |= {"intervalSeconds": 2, "timeoutSeconds": 1}
    with Marathon(marathon_url) as client:
        try:
            found = Site(client, good, database, lifecycle, folder)
            report = found.deployer.deploy(good)
            assert report, str(report)
            yield found
        finally:
            remove(client, good["id"])
            lifecycle.baselines.discard(database)


def on_sites(cases: Iterable[Any]) -> list[Any]:
    """Distribute cases over two workers, as each worker has a good site of its own."""
    return [
        pytest.param(
            case,
            marks=[pytest.mark.xdist_group(f"bad-deploys-{number % 2}"), *[pytest.mark.slow] * (case in SLOW)],
        )
        for number, case in enumerate(cases)
    ]


@pytest.mark.xdist_group("bad-deploys-0")
def test_a_good_deploy_is_proved_on_every_instance(site: Site) -> None:
    """With another configuration of the same release, every instance must report the release itself."""
    site.good = {**site.good, "env": {**site.good["env"], "RT_NAME": "again.example.org"}}
    before = {task.id for task in site.client.app(site.good["id"]).tasks}
    report: Report = site.deployer.deploy(site.good)
    assert report, str(report)
    assert report.looked_at == INSTANCES
    assert site.live() == [RELEASE] * INSTANCES
    assert not before & {task.id for task in site.client.app(site.good["id"]).tasks}


@pytest.fixture
def instances(site: Site, case: str) -> Iterator[int]:
    """Run the case's number of good instances; then as many as before."""
    wanted = BAD[case].instances
    if wanted != INSTANCES:
        assert site.deployer.scale(site.good["id"], wanted)
    yield wanted
    if wanted != INSTANCES:
        assert site.deployer.scale(site.good["id"], INSTANCES)


@pytest.mark.parametrize("case", on_sites(BAD))
def test_a_bad_deploy_never_replaces_a_good_one(site: Site, case: str, instances: int) -> None:
    """It must be found for the right reason; afterwards every instance of the old one must report its release.

    Meanwhile no good task may be removed, unless Marathon considered a bad one healthy.
    """
    one, good = BAD[case], {task.id for task in site.client.app(site.good["id"]).tasks}
    bad = copy.deepcopy(site.good) | {"instances": instances}
    one.plant(site, bad)
    clock = site.clock_until(one.shown)
    pace = SoakOfOne(pull=60, interval=0.2, soak=one.soak, patience=2, clock=clock, definition=bad)
    report = replace(site.deployer, pace=pace).deploy(bad, SAME_STEPS)
    assert re.search(one.told, str(report)), str(report)
    assert {*report.facts["old tasks"]} == good
    assert not report.facts["old tasks gone"] or one.believed, str(report)
    assert not one.fooled or report.facts[MOST_HEALTHY], "the health check was to be fooled"
    assert report.facts["old release live again"] is True, str(report)
    assert site.live() == [RELEASE] * instances


@pytest.mark.xdist_group("bad-deploys-0")
@pytest.mark.parametrize(("plant", "rule"), [(install_mode, "L08"), (behind_login, "L09"), (always_passes, "L24")])
def test_lint_finds_it_before_anything_is_deployed(
    site: Site, plant: Callable[[Site, App], None], rule: str
) -> None:
    """Checks that pass in install mode, on a page behind a login, or always, show in the definition already."""
    bad = copy.deepcopy(site.good)
    plant(site, bad)
    assert rule in {finding.rule.id for finding in lint(bad)} - {finding.rule.id for finding in lint(site.good)}
