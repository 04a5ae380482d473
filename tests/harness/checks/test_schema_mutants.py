"""The schema check: every planted defect must be found in its place, its repair mend it, and good schemas pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.checks import schema as check
from harness.checks.schema import step_mentions
from harness.checks.schema.step_mentions import StepMentions
from harness.database import Database, schema
from harness.database.schema import Schema
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report
from tests.harness.checks.upgraded_pair import fresh_schema, upgraded_pair
from tests.harness.mutants.schema import HARMLESS, MUTANTS, OWN, SchemaMutant

pytestmark = pytest.mark.xdist_group("schema-mutants")  # one worker, because they share a scene


@dataclass
class Scene:
    """An upgraded database to plant defects into, and the schema that it is compared with."""

    database: Database
    fresh: Schema
    before: Schema
    steps: list[str]
    mentions: StepMentions

    def ask(self) -> Report:
        """Run the check."""
        upgraded = schema.read(self.database)
        return check.check(upgraded, self.fresh, self.steps, self.before, mentions=self.mentions)


@pytest.fixture(scope="module")
def scene(lifecycle: Lifecycle) -> Iterator[Scene]:
    """One upgraded database for all mutants: each test restores it."""
    fresh = fresh_schema(lifecycle)
    with upgraded_pair(lifecycle) as pair:
        for side in (pair.before, pair.after):
            side.execute(*OWN)
        mentions = step_mentions.read(pair.tools, pair.steps)
        yield Scene(pair.after, fresh, schema.read(pair.before), pair.steps, mentions)


@pytest.mark.engine
@pytest.mark.mutants("schema")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_defect_is_found_and_its_repair_mends_it(scene: Scene, mutant: SchemaMutant) -> None:
    """A check that misses it does not count; a repair that does not mend it is worse than none."""
    scene.database.execute(*mutant.statements)
    report = scene.ask()
    scene.database.execute(
        *(finding.repair for finding in report.findings if finding.repair.startswith(("ALTER ", "CREATE ")))
    )
    scene.database.execute(*mutant.reverted_by)
    assert {finding.where.partition(".")[0] for finding in report.findings} == {mutant.table}
    mended = scene.ask()
    assert mended, str(mended)


@pytest.mark.engine
@pytest.mark.control("schema")
@pytest.mark.parametrize("mutant", HARMLESS, ids=lambda mutant: mutant.name)
def test_a_harmless_difference_is_no_finding(scene: Scene, mutant: SchemaMutant) -> None:
    """A false alarm costs trust."""
    scene.database.execute(*mutant.statements)
    assert scene.ask()


@pytest.mark.engine
@pytest.mark.control("schema")
def test_what_the_site_has_added_is_told_and_no_finding(scene: Scene) -> None:
    """A column, a wider one, an index and a table of its own: as before, and nobody is told to drop them."""
    report = scene.ask()
    assert report, str(report)
    told = {line.partition(":")[0] for line in report.allowed}
    assert {"Users.site_badge", "Tickets.Subject", "Users"} <= told
    assert not re.search("DROP COLUMN|DROP TABLE", str(report) + str(report.allowed))


@pytest.mark.engine
def test_a_structure_survives_being_stored(scene: Scene) -> None:
    """It is cached beside a baseline as JSON."""
    assert Schema.from_json(scene.fresh.to_json()) == scene.fresh


@pytest.mark.engine
def test_without_its_steps_the_old_schema_is_not_the_targets(scene: Scene) -> None:
    """This is the state that a run leaves which stopped at once."""
    assert len(check.check(scene.before, scene.fresh, [], scene.before).findings) > 50
