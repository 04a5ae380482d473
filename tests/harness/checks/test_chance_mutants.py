"""Two hundred random single defects must each be caught, and each good state between them cause no finding."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from random import Random

import pymysql
import pytest

from fixtures.tally import Tally
from harness.checks import image, rows
from harness.checks import schema as schema_check
from harness.database import schema
from harness.database.schema import Schema
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.checks.upgraded_pair import UpgradedPair, fresh_schema, upgraded_pair
from tests.harness.mutants.chance import Chance
from tests.harness.mutants.planting import planted

ROWS, STRUCTURES, FILES = 120, 60, 20
GROUP = 30
"""Defects per test, so that several workers share them."""
pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture(scope="module")
def sides(lifecycle: Lifecycle) -> Iterator[UpgradedPair]:
    """One upgraded database; each defect is removed again."""
    with upgraded_pair(lifecycle) as upgraded:
        yield upgraded


@pytest.fixture(scope="module")
def fresh(lifecycle: Lifecycle) -> Schema:
    """The schema of a new site of the target."""
    return fresh_schema(lifecycle)


@pytest.fixture
def chance(request: pytest.FixtureRequest, sides: UpgradedPair) -> Chance:
    """Draw under the requested seed, which is printed; each group has defects of its own."""
    seed = int(request.config.getoption("--seed")) + 1000 * request.node.callspec.params["group"]
    print(f"seed {seed}")
    return Chance(seed, sides.after)


@pytest.mark.parametrize("group", range(ROWS // GROUP))
def test_rows(sides: UpgradedPair, chance: Chance, tally: Tally, group: int) -> None:  # noqa: ARG001 - for the seed
    """Defects in a row, a right or a cell."""
    done = 0
    while done < GROUP:
        mutant = chance.row()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(planted(mutant, sides.after, sides.tools))
            except pymysql.err.MySQLError:
                continue  # the server itself refuses this one: a duplicate key, a text that is too long
            report = rows.check(sides.before, sides.after, sides.steps, sides.thaw, known=sides.digests)
        found = {one.where.partition(".")[0] for one in report.findings}
        tally(mutant.name, "rows", mutant.table in found)
        done += 1
    assert rows.check(sides.before, sides.after, sides.steps, sides.thaw, known=sides.digests)


@pytest.mark.parametrize("group", range(10, 10 + STRUCTURES // GROUP))
def test_structures(sides: UpgradedPair, fresh: Schema, chance: Chance, tally: Tally, group: int) -> None:  # noqa: ARG001
    """Defects in a column or an index; the check's repair must mend each."""
    old = schema.read(sides.before)
    done = 0
    while done < GROUP:
        mutant = chance.structure()
        try:
            sides.after.execute(*mutant.statements)
        except pymysql.err.MySQLError:
            continue  # the server itself refuses it: rows would be equal in a unique key without this column
        done += 1
        report = schema_check.check(schema.read(sides.after), fresh, sides.steps, old)
        tally(mutant.name, "schema", mutant.table in {one.where.partition(".")[0] for one in report.findings})
        sides.after.execute(*[one.repair for one in report.findings])
        assert schema_check.check(schema.read(sides.after), fresh, sides.steps, old), mutant.name


def test_files(request: pytest.FixtureRequest, sides: UpgradedPair, tally: Tally) -> None:
    """A file of RT is missing from the image."""
    assert image.check(sides.tools)
    files = sides.tools.need("sh", "-c", "find /opt/rt/share/ /opt/rt/share/etc/ -type f | sort -u").splitlines()
    for path in Random(int(request.config.getoption("--seed"))).sample(files, FILES):
        sides.tools.need("mv", path, "/tmp/aside")
        tally(f"file lost: {path}", "image", image.check(sides.tools).findings)
        sides.tools.need("mv", "/tmp/aside", path)
    assert image.check(sides.tools)
