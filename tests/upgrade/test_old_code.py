"""Old code on a new database, and new code on an old one: the image refuses, and without its guard data is lost.

RT itself never checks. A deployment that replaces instances one by one causes this, and so does one that is rolled
back without its database.

pytest tests/upgrade/test_old_code.py [--pair FROM:TO] [--server NAME] [--dump FILE]
"""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import dump, releases
from harness.drills import mixed_releases
from harness.dump.choice import Choice
from harness.upgrade import guard
from harness.upgrade.guard import HALF_WAY, NEWER, OLDER
from harness.upgrade.lifecycle import Lifecycle

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("old-code")]
PAIR = releases.pair("4.4.6", "5.0.10", "mariadb-10.11")
CAMPUS = dump.load(dump.bundled(PAIR.origin))
ROOT = ("root", CAMPUS.manifest.accounts["root"] if CAMPUS.manifest else "")
# Remains of a killed upgrade: tables of two releases, or a beginning without its end in the history.
HALVES = {
    "tables": "ALTER TABLE Tickets CONVERT TO CHARACTER SET utf8mb3",
    "history": """use RT -init;
        RT->System->AddUpgradeHistory(RT => { type => 'full upgrade', action => 'upgrade', stage => 'before',
            from => '5.0.2', to => '5.0.3', versions => ['5.0.3'], full_id => 'x', individual_id => 'x' });""",
}
PLAIN, EMOJI = "The window in room 12 does not close", "Das Fenster klemmt \N{SLIGHTLY FROWNING FACE}"


def able(choice: Choice) -> list[str]:
    """Return the releases older than the target that can run on this server at all."""
    target = releases.parse(choice.pair.target)
    return [
        name
        for name, one in releases.releases().items()
        if releases.parse(name) < target and choice.pair.server in one.servers
    ]


def test_old_code_refuses_the_upgraded_database(
    lifecycle: Lifecycle, clone: CloneFactory, longest_upgrade: Choice
) -> None:
    """The way back after an upgrade must be the backup, never the old image alone."""
    upgraded, _ = lifecycle.upgraded(longest_upgrade.pair, longest_upgrade.dump)
    database, asked = clone(upgraded), able(longest_upgrade)
    assert asked
    said = {code: guard.try_to_serve(lifecycle, code, database)[0] for code in asked}
    assert said == dict.fromkeys(asked, NEWER)


def test_new_code_refuses_the_old_database(
    lifecycle: Lifecycle, clone: CloneFactory, longest_upgrade: Choice
) -> None:
    """An image deployed before its upgrade ran must not accept a single ticket."""
    origin, target = releases.parse(longest_upgrade.pair.origin), longest_upgrade.pair.target
    between = [one for one in able(longest_upgrade) if releases.parse(one) > origin]
    asked = [*between, target]
    database = clone(lifecycle.restored(longest_upgrade.dump, longest_upgrade.pair.server))
    said = {code: guard.try_to_serve(lifecycle, code, database)[0] for code in asked}
    assert said == dict.fromkeys(asked, OLDER)


@pytest.mark.parametrize("what", HALVES)
def test_its_own_code_refuses_half_an_upgrade(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, what: str
) -> None:
    """It is checked at the start of the container, so that no scheduler brings such a site back up."""
    database = clone(lifecycle.fresh("5.0.3", PAIR.server))
    if what == "tables":
        database.execute(HALVES[what])
    else:
        done = rt_tools("5.0.3", database).perl(HALVES[what])
        assert done.code == 0, done.err
    code, log = guard.try_to_serve(lifecycle, "5.0.3", database)
    assert code == HALF_WAY, log
    assert "refusing to serve" in log


def test_without_the_guard_old_code_loses_requestors(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """The ticket is there, its requestor is not: nobody will be answered."""
    upgraded, _ = lifecycle.upgraded(PAIR, CAMPUS)
    seen = mixed_releases.try_out(lifecycle, "5.0.3", clone(upgraded), ROOT, PLAIN)
    assert (bool(seen.ticket), seen.requestors, seen.complaints > 0) == (True, 0, True)


def test_without_the_guard_new_code_refuses_what_people_write(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """Every page is served with 200, but a mail with an emoji in its subject makes no ticket."""
    database = clone(lifecycle.restored(CAMPUS, PAIR.server))
    seen = mixed_releases.try_out(lifecycle, PAIR.target, database, ROOT, EMOJI)
    assert (seen.ticket, seen.complaints > 0) == (None, True)


def test_on_its_own_database_nothing_is_lost(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """The control: the same ticket with the release that the database belongs to."""
    upgraded, _ = lifecycle.upgraded(PAIR, CAMPUS)
    seen = mixed_releases.try_out(lifecycle, PAIR.target, clone(upgraded), ROOT, EMOJI)
    assert (bool(seen.ticket), seen.requestors, seen.complaints) == (True, 1, 0)
