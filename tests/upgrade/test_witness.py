"""A dump of a release without an image: the closest release that reads the same tables is asked instead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness import dump, upgrade
from harness.checks import integrity
from harness.database import Database
from harness.dump.choice import Choice, choose
from harness.releases import Pair, neighbour
from harness.stage import Stage
from harness.stage.copies import Preparation
from harness.upgrade.lifecycle import Lifecycle

KNOWN = ("4.4.4", "4.4.6", "5.0.3", "5.0.7", "5.0.10")
WALLS = ("4.4.2", "4.5.0", "4.5.7", "5.0.4", "5.0.8")
TARGET, SERVER = "5.0.3", "mariadb-10.11"
LATEST = "5.0.10"


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("4.4.6", "4.4.6"),
        ("4.4.5", "4.4.4"),
        ("4.4.8", "4.4.6"),
        ("5.0.1", "5.0.3"),
        ("5.0.5", "5.0.7"),
        ("5.0.8", "5.0.10"),
        ("5.0.9", "5.0.10"),
        ("4.4.1", None),
        ("4.2.0", None),
    ],
)
def test_who_can_read_it(origin: str, expected: str | None) -> None:
    """The release before it with the same tables, else the one after it, and never across a change of tables."""
    assert neighbour(origin, WALLS, KNOWN) == expected


def half_way(lifecycle: Lifecycle, version: str, target: str, *, made_from: str, keyword: str) -> Stage:
    """Return an upgrade of a database in a release's state: made from a dump by the target's own steps.

    The dump's manifest, which is about another release, is left out.
    """
    bundled = dump.load(dump.FOLDER / f"rt-{made_from}-{keyword}.sql.zst")
    choice = Choice(Pair(version, target, SERVER), replace(bundled, manifest=None))

    def go(database: Database) -> None:
        with lifecycle.tools(target, database) as tools:
            assert upgrade.run(tools, made_from, version).code == 0

    parts = ("half way", made_from, version, lifecycle.image_id(target))
    return Stage(lifecycle, choice, preparation=Preparation(parts, "going half of the way", go))


@pytest.mark.engine
@pytest.mark.parametrize(
    ("version", "witness", "allowed"),
    [
        ("5.0.1", "5.0.3", "the menu of reports gains one"),
        ("4.4.8", "4.4.6", "the menu of reports, as the two steps together make it"),
    ],
    ids=["5.0.1", "4.4.8"],
)
def test_its_meaning_is_compared_all_the_same(
    lifecycle: Lifecycle, version: str, witness: str, allowed: str
) -> None:
    """A database upgraded half of the way by RT's own steps is in the state that a site of that release has."""
    stage = half_way(lifecycle, version, TARGET, made_from="4.4.6", keyword="plain")
    try:
        reports = [stage.meaning(), stage.rows(), stage.ran()]
    finally:
        stage.close()
    assert [str(report) for report in reports if not report] == []
    assert f"so RT {witness} was asked" in "".join(reports[0].out_of_scope)
    assert allowed in "".join(reports[1].allowed), "the steps that are left alone do that"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("version", "made_from", "steps"),
    [
        pytest.param("5.0.8", "5.0.7", [], marks=pytest.mark.slow, id="5.0.8"),
        pytest.param("5.0.5", "5.0.3", ["5.0.6", "5.0.8"], id="5.0.5"),
    ],
)
def test_every_check_can_do_without_its_image(
    lifecycle: Lifecycle, version: str, made_from: str, steps: list[str]
) -> None:
    """This must hold both if steps remain on the way to the target and if none do."""
    stage = half_way(lifecycle, version, LATEST, made_from=made_from, keyword="campus")
    try:
        reports = [stage.ran(), stage.history(), stage.schema(), stage.rows()]
        assert list(stage.sides.steps()) == steps
    finally:
        stage.close()
    assert [str(report) for report in reports if not report] == []


@pytest.mark.engine
@pytest.mark.parametrize(
    ("origin", "name", "elsewhere"),
    [("5.0.3", "mysql-9.7", "mariadb-10.11"), ("5.0.7", "mysql-9.7", "mysql-9.7"), ("5.0.3", "mariadb-11.8", "")],
)
def test_it_speaks_where_it_can_run(lifecycle: Lifecycle, origin: str, name: str, elsewhere: str) -> None:
    """RT 5.0.3 runs on no MySQL that reserves the word Groups; a site moves there together with the upgrade."""
    stage = Stage(lifecycle, choose(origin, "5.0.10", name))
    try:
        assert stage.old_side.witness.server() == (elsewhere or name)
        witness = stage.old_side.witness.tools()
        assert witness is not None
        copy = stage.old_side.witness.copy()
        assert copy is not None
        assert copy.server.name == (elsewhere or name)
        said = integrity.collect(witness)
        assert (said.code, said.complaints) == (0, {})
        assert [name in one for one in stage.old_side.witness.substitution_note("says")] == (
            [True] if elsewhere not in ("", name) else []
        )
    finally:
        stage.close()
