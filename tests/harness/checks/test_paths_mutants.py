"""The comparison of two paths: every defect that one could leave must be found, and differences by design not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import dump, releases
from harness.checks import paths
from harness.checks.rows import comparison
from harness.checks.upgrade_history import FULL, SINGLE, Event, History
from harness.checks.upgrade_path import paths_of
from harness.database import Database
from harness.database.digest import Digest
from harness.dump.choice import DEFAULT_SERVER
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.mutants.paths import HARMLESS, MUTANTS, ON_THE_DIRECT_WAY, STRUCTURES
from tests.harness.mutants.planting import RowMutant, planted
from tests.harness.mutants.schema import SchemaMutant

FROM = "4.4.6"
WAY = tuple(one for one in releases.releases() if releases.parse(one) >= releases.parse(FROM))
engine = pytest.mark.engine
pytestmark = pytest.mark.xdist_group("paths-mutants")  # one worker, because they share a scene


@dataclass
class Scene:
    """One dump upgraded both ways."""

    direct: Database
    stepwise: Database
    tools: Rt
    known: dict[str, Digest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the parts that all tests share."""
        self.thaw = Thawer(self.tools)
        self.known = comparison.digests(self.direct)

    def ask(self, **options: list[paths.PathAllowance]) -> Report:
        """Run the check."""
        return paths.check(self.direct, self.stepwise, self.thaw, known=self.known, allowed=options.get("allowed"))


@pytest.fixture(scope="module")
def scene(lifecycle: Lifecycle) -> Iterator[Scene]:
    """Both paths for all mutants: each is removed again."""
    campus = dump.load(dump.bundled(WAY[0]))
    ends = [lifecycle.upgraded_along(path, DEFAULT_SERVER, campus)[0] for path in ((WAY[0], WAY[-1]), WAY)]
    cloned = lifecycle.baselines.cloned
    with (
        cloned(ends[0]) as direct,
        cloned(ends[1]) as stepwise,
        lifecycle.tools(WAY[-1], stepwise) as tools,
    ):
        yield Scene(direct, stepwise, tools)


@engine
@pytest.mark.control("paths")
def test_the_two_ways_are_clean_before_anything_is_planted(scene: Scene) -> None:
    """The control; that each allowance is needed by some origin is shown by the tests of upgrades."""
    report = scene.ask()
    assert report, str(report)
    assert report.allowed


@engine
@pytest.mark.mutants("paths")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_defect_is_found(scene: Scene, mutant: RowMutant) -> None:
    """A comparison that misses one row, letter or step does not count."""
    with planted(mutant, scene.stepwise, scene.tools):
        report = scene.ask()
    found = {finding.where.partition(".")[0] for finding in report.findings}
    assert found & {mutant.table, "RT::System"}, str(report)


@engine
@pytest.mark.mutants("paths")
@pytest.mark.parametrize("mutant", ON_THE_DIRECT_WAY, ids=lambda mutant: mutant.name)
def test_what_one_way_has_more_is_bounded(scene: Scene, mutant: RowMutant) -> None:
    """An allowance for one side must not cover other differences there."""
    with planted(mutant, scene.direct, scene.tools):
        report = paths.check(scene.direct, scene.stepwise, scene.thaw)
    assert [finding.where for finding in report.findings] == [mutant.table], str(report)


@engine
@pytest.mark.mutants("paths")
@pytest.mark.parametrize("mutant", STRUCTURES, ids=lambda mutant: mutant.name)
def test_a_planted_structure_is_found(scene: Scene, mutant: SchemaMutant) -> None:
    """A difference that one path leaves in the structure breaks the next upgrade."""
    scene.stepwise.execute(*mutant.statements)
    report = scene.ask()
    repairs = [finding.repair for finding in report.findings if finding.repair.startswith("ALTER TABLE")]
    scene.stepwise.execute(*(repairs or ["DROP TABLE Leftover"]))
    assert {finding.where.partition(".")[0] for finding in report.findings} == {mutant.table}, str(report)
    assert scene.ask()


@engine
@pytest.mark.control("paths")
@pytest.mark.parametrize("mutant", HARMLESS, ids=lambda mutant: mutant.name)
def test_a_harmless_difference_is_no_finding(scene: Scene, mutant: RowMutant) -> None:
    """A false alarm costs trust."""
    with planted(mutant, scene.stepwise, scene.tools):
        report = scene.ask()
    assert report, str(report)


@engine
def test_nothing_is_allowed_that_is_not_listed(scene: Scene) -> None:
    """Without its allowances the comparison must find the differences that they cover."""
    found = {finding.where for finding in scene.ask(allowed=[]).findings}
    assert {"ACL", "Attributes", "Transactions", "Templates"} <= found


def event(stage: str, identity: str, step: str = "", kind: str = SINGLE, at: int = 0) -> Event:
    """Return an event of a history."""
    return {"stage": stage, "individual_id": identity, "to": step, "type": kind, "timestamp": str(at)}


OLD = [event("before", "old", "1.0.0", at=5), event("after", "old", at=6)]


def test_what_both_histories_begin_with_is_no_part_of_the_way() -> None:
    """The events themselves must separate the two paths from their common past."""
    one, two = (
        History(
            {
                "RT": [
                    *OLD,
                    event("before", f"whole {at}", "2.0.0", FULL, at=at),
                    event("before", f"{at}", "2.0.0", at=at),
                    event("after", f"{at}", at=at + 1),
                    event("after", f"whole {at}", at=at + 1),
                ]
            }
        )
        for at in (10, 20)
    )
    ways = paths_of(one, two)
    assert [(way.before, way.steps, way.trouble) for way in ways] == [(2, (("2.0.0", ()),), "")] * 2
    assert ways[0].within("1970-01-01 00:00:11")
    assert not ways[1].within("1970-01-01 00:00:11")


@pytest.mark.parametrize("last", [[], [event("before", "x", "3.0.0", FULL, 30)]], ids=["no-way", "never-ended"])
def test_a_way_that_is_none_is_said(last: list[Event]) -> None:
    """Equal databases prove nothing if nothing was upgraded."""
    (way, _) = paths_of(History({"RT": [*OLD, *last]}), History({"RT": OLD}))
    assert way.trouble


@pytest.mark.parametrize(
    "row",
    ['kind = "stamps"\ncolumns = ["Created"]', 'kind = "stamp"', 'kind = "only"\nside = "both"\nrows = ""'],
    ids=["unknown-kind", "missing-word", "unknown-side"],
)
def test_an_allowance_that_is_not_understood_is_refused(tmp_path: Path, row: str) -> None:
    """Otherwise it would silently allow nothing, or everything."""
    path = tmp_path / "paths.toml"
    path.write_text(f'[[allowance]]\ntables = ["ACL"]\nreason = "why"\n{row}\n')
    with pytest.raises(ValueError, match=r"paths\.toml"):
        paths.read(path)
