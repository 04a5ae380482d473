"""An image whose RT differs from the packages belongs to no release, and must be recognised."""

from __future__ import annotations

import pytest

from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness.checks import image
from harness.verdict import MOST_SAMPLES, Report
from tests.harness.mutants.image import ADDED, MUTANTS, SHARE


@pytest.mark.engine
def test_every_altered_file_is_found(rt_tools: RtFactory, tally: Tally) -> None:
    """Missing, edited or additional: each must be named, and nothing reported before."""
    tools = rt_tools("5.0.3", None)
    assert image.check(tools)
    for mutant in MUTANTS:
        tools.need("sh", "-ec", mutant.shell)
    found = _named(image.check(tools))
    for mutant in MUTANTS:
        named = [path for path in found.get(mutant.shows, ()) if path.endswith(f"/{mutant.path}")]
        tally(mutant.name, "image", len(named) == 1)
    assert sum(map(len, found.values())) == len(MUTANTS), "and nothing else"


@pytest.mark.engine
def test_every_one_of_many_files_is_named(rt_tools: RtFactory) -> None:
    """Nothing but the finding tells which files they are, and the one that matters may be the last."""
    tools = rt_tools("5.0.3", None)
    paths = [f"{SHARE}/html/NoAuth/{number:02d}.html" for number in range(MOST_SAMPLES + 4)]
    tools.need("touch", *paths)
    named = _named(image.check(tools))[ADDED]
    assert [path.rpartition("/")[2] for path in named] == [path.rpartition("/")[2] for path in paths]


def _named(report: Report) -> dict[str, list[str]]:
    """Return the files that a report names, by what it says of them."""
    return {
        finding.what.partition("files of RT ")[2]: dict(finding.blocks)["Files"].splitlines()
        for finding in report.findings
    }
