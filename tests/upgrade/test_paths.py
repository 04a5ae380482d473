"""Direct, or through every release between: both paths must end in the same database.

pytest tests/upgrade/test_paths.py [--pair FROM:TO] [--server NAME] [--dump FILE]
       [--site-config PATH] [--site-config-new PATH]
"""

from __future__ import annotations

import itertools

import pytest

from fixtures.databases import CloneFactory
from fixtures.outcome import Verify
from fixtures.pairs import choice_of, selected_pairs
from fixtures.rt import RtFactory
from harness import dump, releases
from harness.checks import paths, upgrade_path
from harness.dump.choice import DEFAULT_SERVER, Choice, choose
from harness.releases import Pair
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle

LAST = max(releases.releases(), key=releases.parse)
pytestmark = pytest.mark.engine


def way(pair: Pair) -> tuple[str, ...]:
    """Return the pair's releases and all between that have an image, oldest first."""
    low, high = releases.parse(pair.origin), releases.parse(pair.target)
    return (pair.origin, *(one for one in releases.releases() if low < releases.parse(one) < high), pair.target)


def works(pair: Pair) -> bool:
    """Tell whether no upgrade on either path is known to fail, and the server can run every release on them."""
    hops = [pair, *(Pair(*hop, pair.server) for hop in itertools.pairwise(way(pair)))]
    every = releases.pairs()
    return all(hop in every and not releases.broken(hop) for hop in hops)


GROUP = pytest.mark.xdist_group("paths")
ORIGINS = [
    origin
    for origin in releases.releases()
    if releases.parse(origin) < releases.parse(LAST)
    and len(way(Pair(origin, LAST, DEFAULT_SERVER))) > 2
    and (dump.FOLDER / f"rt-{origin}-campus.sql.zst").exists()
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize with every origin that has a dump, or with the requested upgrade."""
    if "choice" not in metafunc.fixturenames:
        return
    config = metafunc.config
    asked = any(map(config.getoption, ("--pair", "--dump", "--server")))
    found = (
        [choice_of(config, one) for one in selected_pairs(config)]
        if asked
        else [choose(one, LAST) for one in ORIGINS]
    )
    parameters = [pytest.param(one, marks=GROUP, id=one.pair.origin) for one in found]
    if not asked:
        known = {one.pair for one in found}
        parameters += [
            pytest.param(choose(one.origin, one.target, one.server), marks=[GROUP, pytest.mark.slow], id=str(one))
            for one in releases.pairs()
            if one.origin in ORIGINS and len(way(one)) > 2 and one not in known and works(one)
        ]
    metafunc.parametrize("choice", parameters)


def test_both_ways_end_in_the_same_database(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, verify: Verify, choice: Choice
) -> None:
    """A release is tested with one path, but operators use either."""
    pair, stepwise_way = choice.pair, way(choice.pair)
    assert len(stepwise_way) > 2, f"between {pair.origin} and {pair.target} lies no release with an image"
    direct, _ = lifecycle.upgraded_along((pair.origin, pair.target), pair.server, choice.dump)
    stepwise, runs = lifecycle.upgraded_along(stepwise_way, pair.server, choice.dump)
    assert [made.code for made in runs] == [0] * len(list(itertools.pairwise(stepwise_way)))
    one, other = clone(direct), clone(stepwise)
    thaw = Thawer(rt_tools(pair.target, one, configuration=lifecycle.new_side.configuration))
    verify(paths.check(one, other, thaw))
    assert [len(way.steps) for way in upgrade_path.read(one, other, thaw)] == [
        sum(len(made.steps) for made in runs)
    ] * 2


def test_every_origin_is_tried() -> None:
    """An origin without a dump would be left out silently."""
    assert {"4.4.4", "4.4.6"} <= {*ORIGINS}
