"""Two hundred random single defects must each be caught, and each good state between them cause no finding."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pymysql
import pytest

from fixtures.tally import Tally
from harness import dump, releases
from harness.checks import image, rows
from harness.checks import schema as schema_check
from harness.database import Database, schema
from harness.rt import Rt
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.mutants.chance import Chance
from tests.harness.mutants.planting import planted

PAIR = releases.pair("4.4.6", "5.0.10", "mariadb-10.11")
ROWS, STRUCTURES, FILES = 120, 60, 20
GROUP = 30
"""Defects per test, so that several workers share them."""
pytestmark = [pytest.mark.engine, pytest.mark.slow]


@dataclass
class Scene:
    """Both sides of an upgrade that went well."""

    before: Database
    after: Database
    tools: Rt
    steps: list[str]
    fresh: schema.Schema


@pytest.fixture(scope="module")
def scene(lifecycle: Lifecycle) -> Iterator[Scene]:
    """One upgraded database; each defect is removed again."""
    campus = dump.load(dump.bundled(PAIR.origin))
    upgraded, run = lifecycle.upgraded(PAIR, campus)
    clone, discard = lifecycle.baselines.clone, lifecycle.baselines.discard
    fresh = clone(lifecycle.fresh(PAIR.target, PAIR.server))
    before, after = clone(lifecycle.restored(campus, PAIR.server)), clone(upgraded)
    tools = lifecycle.tools(PAIR.target, after)
    yield Scene(before, after, tools, [step.name for step in run.steps], schema.read(fresh))
    tools.remove()
    for database in (fresh, before, after):
        discard(database)


@pytest.fixture
def chance(request: pytest.FixtureRequest, scene: Scene) -> Chance:
    """Draw under the requested seed, which is printed; each group has defects of its own."""
    seed = int(request.config.getoption("--seed")) + 1000 * request.node.callspec.params["group"]
    print(f"seed {seed}")
    return Chance(seed, scene.after)


@pytest.mark.parametrize("group", range(ROWS // GROUP))
def test_rows(scene: Scene, chance: Chance, tally: Tally, group: int) -> None:  # noqa: ARG001 - for the seed
    """Defects in a row, a right or a cell."""
    known, thaw = rows.digests(scene.before), Thawer(scene.tools)
    done = 0
    while done < GROUP:
        mutant = chance.row()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(planted(mutant, scene.after, scene.tools))
            except pymysql.err.MySQLError:
                continue  # the server itself refuses this one: a duplicate key, a text that is too long
            report = rows.check(scene.before, scene.after, scene.steps, thaw, known=known)
        found = {one.where.partition(".")[0] for one in report.findings}
        tally(mutant.name, "rows", mutant.table in found)
        done += 1
    assert rows.check(scene.before, scene.after, scene.steps, thaw, known=known)


@pytest.mark.parametrize("group", range(10, 10 + STRUCTURES // GROUP))
def test_structures(scene: Scene, chance: Chance, tally: Tally, group: int) -> None:  # noqa: ARG001
    """Defects in a column or an index; the check's repair must mend each."""
    old = schema.read(scene.before)
    done = 0
    while done < GROUP:
        mutant = chance.structure()
        try:
            scene.after.execute(*mutant.statements)
        except pymysql.err.MySQLError:
            continue  # the server itself refuses it: rows would be equal in a unique key without this column
        done += 1
        report = schema_check.check(schema.read(scene.after), scene.fresh, scene.steps, old)
        tally(mutant.name, "schema", mutant.table in {one.where.partition(".")[0] for one in report.findings})
        scene.after.execute(*[one.repair for one in report.findings])
        assert schema_check.check(schema.read(scene.after), scene.fresh, scene.steps, old), mutant.name


def test_files(request: pytest.FixtureRequest, scene: Scene, tally: Tally) -> None:
    """A file of RT is missing from the image."""
    assert image.check(scene.tools)
    files = scene.tools.need("sh", "-c", "find /opt/rt/share/ /opt/rt/share/etc/ -type f | sort -u").splitlines()
    for path in Random(int(request.config.getoption("--seed"))).sample(files, FILES):
        scene.tools.need("mv", path, "/tmp/aside")
        tally(f"file lost: {path}", "image", image.check(scene.tools).findings)
        scene.tools.need("mv", "/tmp/aside", path)
    assert image.check(scene.tools)
