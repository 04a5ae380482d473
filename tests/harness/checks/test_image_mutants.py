"""An image whose RT differs from the packages belongs to no release, and must be recognised."""

from __future__ import annotations

import pytest

from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import image
from tests.harness.mutants.image import MUTANTS


@pytest.mark.engine
def test_every_altered_file_is_found(rt_tools: RtFactory, tally: Tally) -> None:
    """Missing, edited or additional: each must be named, and nothing reported before."""
    tools = rt_tools("5.0.3", None)
    assert image.check(tools)
    for mutant in MUTANTS:
        tools.need("sh", "-ec", mutant.shell)
    found = {finding.what.partition("files of RT ")[2]: finding.samples for finding in image.check(tools).findings}
    for mutant in MUTANTS:
        named = [path for path in found.get(mutant.shows, ()) if path.endswith(f"/{mutant.path}")]
        tally(mutant.name, "image", len(named) == 1)
    assert sum(map(len, found.values())) == len(MUTANTS), "and nothing else"
