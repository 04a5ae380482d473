"""The control: no upgrade at all. A check that finds something here would find it everywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.releases import releases
from harness.stage import QUESTIONS, Scope, Stage
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
DUMPED = [version for version in releases() if (FOLDER / f"rt-{version}-campus.sql.zst").exists()]
ONE_OF_A_SERIES = ("4.4.6", "5.0.3")
AT_EVERY_CHANGE = "5.0.3"
"""The release tested at every change.

The others belong to the slow tests, and `make mutants`. Of the older series the upgrade from 4.4.4 to 4.4.6, which
alters next to nothing, is tested at every change.
"""

ELSEWHERE = ("preflight", "run", "application")
"""Checks that other tests here run: one finds no steps, and the others take as long as all the rest."""

assert {*ONE_OF_A_SERIES} <= {*DUMPED}, "a release without a dump would be left out without a word"


def each(version: str, *, slow: bool) -> ParameterSet:
    """Return a release as a parameter, kept on one worker."""
    marks = [pytest.mark.xdist_group(f"control-{version}"), *([pytest.mark.slow] if slow else [])]
    return pytest.param(version, marks=marks)


@pytest.fixture(scope="module", params=[each(one, slow=one != AT_EVERY_CHANGE) for one in DUMPED])
def same(request: pytest.FixtureRequest, lifecycle: Lifecycle) -> Iterator[Stage]:
    """A release "upgraded" to itself: a valid question, with the answer that there is nothing to do."""
    stage = Stage(lifecycle, choose(request.param, request.param), scope=Scope(thorough=False))
    yield stage
    stage.close()


def clean(report: Report) -> bool:
    """Tell whether a report has no finding; print it otherwise."""
    if report.findings:
        print(report)
    return not report.findings


def test_nothing_to_do_is_no_upgrade(same: Stage) -> None:
    """Zero steps are right here, and only here."""
    assert same.sides.steps() == []
    assert clean(same.ran())
    assert same.sides.run().steps == []


@pytest.mark.control("all")
def test_no_check_finds_anything(same: Stage) -> None:
    """Every finding on an untouched database would be a false alarm."""
    reports = [ask(same) for name, ask in QUESTIONS.items() if name not in ELSEWHERE]
    assert [report.check for report in reports if not clean(report)] == []
    assert min(report.looked_at for report in reports) > 0
    assert not [line for line in same.rows().allowed if "step" in line]


@pytest.mark.slow
@pytest.mark.control("preflight and application")
@pytest.mark.parametrize("same", [each(one, slow=True) for one in ONE_OF_A_SERIES], indirect=True)
def test_nothing_speaks_against_it_and_the_site_works(same: Stage) -> None:
    """The first check and the last, which writes: they take as long as all others."""
    reports = [same.preflight(), same.application()]
    assert [report.check for report in reports if not clean(report)] == []
    assert min(report.looked_at for report in reports) > 0
