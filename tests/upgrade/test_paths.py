"""Direct, or through every release between: both ways must end in the same database."""

from __future__ import annotations

import itertools

import pytest

from fixtures.databases import CloneFactory
from fixtures.outcome import Verify
from fixtures.rt import RtFactory
from harness import dump, releases
from harness.checks import paths, ways
from harness.choice import DEFAULT_SERVER
from harness.dump import FOLDER
from harness.lifecycle import Lifecycle
from harness.thaw import Thawer

LAST = max(releases.releases(), key=releases.parse)
pytestmark = pytest.mark.engine


def between(origin: str) -> tuple[str, ...]:
    """Return all releases from `origin` to the last one, oldest first."""
    return tuple(one for one in releases.releases() if releases.parse(one) >= releases.parse(origin))


ORIGINS = [
    origin for origin in releases.releases()
    if len(between(origin)) > 2 and (FOLDER / f"rt-{origin}-campus.sql.zst").exists()
]  # fmt: skip


@pytest.mark.parametrize("origin", [pytest.param(one, marks=pytest.mark.xdist_group("paths")) for one in ORIGINS])
def test_both_ways_end_in_the_same_database(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, verify: Verify, origin: str
) -> None:
    """A release is tried with one of them, and operators come by either."""
    campus = dump.load(dump.bundled(origin))
    direct, _ = lifecycle.walked((origin, LAST), DEFAULT_SERVER, campus)
    stepwise, runs = lifecycle.walked(between(origin), DEFAULT_SERVER, campus)
    assert [made.code for made in runs] == [0] * len(list(itertools.pairwise(between(origin))))
    one, other = clone(direct), clone(stepwise)
    thaw = Thawer(rt_tools(LAST, one))
    verify(paths.check(one, other, thaw))
    assert [len(way.steps) for way in ways.read(one, other, thaw)] == [sum(len(made.steps) for made in runs)] * 2


def test_every_origin_is_tried() -> None:
    """Without its dump an origin would drop out without a word."""
    assert {"4.4.4", "4.4.6"} <= {*ORIGINS}
