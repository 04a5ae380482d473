"""A site with many users and tickets must be read in bounded memory, but with the rights of all users."""

from __future__ import annotations

import json
import zlib

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import dump
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.checks.meaning.told import HOLDERS, Meaning
from harness.database import Database
from harness.upgrade.lifecycle import Lifecycle

RELEASE, SERVER = "5.0.3", "mariadb-10.11"
NOTHING = Upgrade(RELEASE, RELEASE, ())
FEW = 100
"""Maximum number of objects that are told of beside the sample."""
FIRST = 1_000_000
"""The id of the first user here; the group for each of them has the next number."""
FOR_EACH = 75
"""Characters of the whole answer per user; with the rights of each user these would be 2,400."""
_IN = "(SELECT id FROM `Groups` WHERE Domain = 'SystemInternal' AND Name = '{}')"


def grow(database: Database, many: int) -> None:
    """Insert `many` users as RT creates one for each sender of a mail, and a ticket of each."""
    user, group = f"{FIRST} + 2 * i", f"{FIRST} + 2 * i + 1"
    everyone, unprivileged = _IN.format("Everyone"), _IN.format("Unprivileged")
    digits = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
    database.execute(
        f"CREATE TABLE n AS SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS i FROM ({digits}) a,"
        f" ({digits}) b, ({digits}) c, ({digits}) e, ({digits}) f HAVING i < {many}",
        f"INSERT INTO Principals (id, PrincipalType, Disabled) SELECT {user}, 'User', 0 FROM n",
        f"INSERT INTO Principals (id, PrincipalType, Disabled) SELECT {group}, 'Group', 0 FROM n",
        f"INSERT INTO Users (id, Name) SELECT {user}, CONCAT('user', i) FROM n",
        "INSERT INTO `Groups` (id, Name, Domain, Instance)"
        f" SELECT {group}, 'UserEquiv', 'ACLEquivalence', {user} FROM n",
        *(
            f"INSERT INTO CachedGroupMembers (GroupId, MemberId, Disabled) SELECT {of}, {user}, 0 FROM n"
            for of in (everyone, unprivileged, group)
        ),
        "INSERT INTO Tickets (id, EffectiveId, Queue, Type, Owner, Subject, Status, Creator, Created) SELECT"
        f" {FIRST} + 2 * i + 1, {FIRST} + 2 * i + 1, 1, 'ticket', 6, 'x', 'open', 1, '2020-01-01' FROM n",
    )


@pytest.mark.engine
@pytest.mark.parametrize(
    ("many", "limit", "letters", "rates"),
    [
        (1_500, 150, 800_000, {"tickets": 12, "users": 11}),
        pytest.param(20_000, meaning_told.LIMIT, 2_500_000, {"tickets": 11, "users": 11}, marks=pytest.mark.slow),
    ],
    ids=["small", "large"],
)
def test_many_users_are_told_of(
    lifecycle: Lifecycle,
    clone: CloneFactory,
    rt_tools: RtFactory,
    monkeypatch: pytest.MonkeyPatch,
    *,
    many: int,
    limit: int,
    letters: int,
    rates: dict[str, int],
) -> None:
    """One user gains a right, one ticket outside of the sample is no longer found: both must be named."""
    database = clone(lifecycle.restored(dump.load(dump.bundled(RELEASE)), SERVER))
    grow(database, many)
    monkeypatch.setattr(meaning_told, "LIMIT", limit)
    tools = rt_tools(RELEASE, database)
    every = meaning_told.sampling(database)
    assert every == rates
    before = meaning_told.collect(tools, every=every)
    assert len(before.sections["tickets"]) > many // (2 * rates["tickets"]), (
        "ids of step two are sampled like any others"
    )
    assert before.complaints == []
    assert len(before.to_json()) < letters + FOR_EACH * many
    assert len(before.sections["users"]) < 2 * many // rates["users"] + FEW
    lucky = FIRST + 2 * 777
    not_looked_at = (
        one for one in range(FIRST + 11, FIRST + 999, 2) if zlib.crc32(str(one).encode()) % rates["tickets"]
    )
    ticket = next(not_looked_at)
    database.execute(
        "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId) VALUES"
        f" ('Group', {lucky + 1}, 'AdminUsers', 'RT::System', 1)",
        f"UPDATE Tickets SET Status = 'resolved' WHERE id = {ticket}",
    )
    report = meaning.check(before, meaning_told.collect(tools, every=every), NOTHING)
    said = "\n".join(map(str, report.findings))
    assert f"rights {lucky}, RT::System-1: +AdminUsers" in said
    assert "queries Status = 'open', finds in all:" in said
    assert {one.where for one in report.findings} == {"rights", "queries", "searches"}
    assert report.facts["counts"]["rights"] > many
    assert [one.partition(",")[0] for one in report.out_of_scope] == [
        f"tickets but one in {rates['tickets']}",
        f"unprivileged users but one in {rates['users']}",
    ]


SAME = {"RT::System-1": "ModifySelf", "RT::Queue-1": "SeeQueue"}
USERS = {str(number): {"privileged": "1" if number in (9, 10) else "0"} for number in range(9, 15)}


def side(*entries: tuple[str, str]) -> Meaning:
    """Return a side with these rights on queue 1: (ids, rights)."""
    rights = {rights: {**SAME, "RT::Queue-1": rights, HOLDERS: ids} for ids, rights in entries}
    return Meaning(RELEASE, {}, {"rights": rights, "users": USERS})


def found(before: Meaning, after: Meaning) -> list[str]:
    """Return the descriptions of the changes."""
    return [one.words() for one in meaning.changes(before.sections, after.sections)]


def test_rights_told_together_are_compared_by_user() -> None:
    """The users with equal rights may be others than before, without any change for them."""
    before = side(("9 10 11", "SeeQueue"), ("12", "SeeQueue ShowTicket"))
    assert found(before, side(("10 11", "SeeQueue"), ("9 12", "SeeQueue ShowTicket"))) == [
        "rights 9, RT::Queue-1: +ShowTicket"
    ]
    assert found(before, before) == []


def test_users_whose_rights_changed_alike_are_one_change() -> None:
    """A hundred thousand lines about one group would fill memory; privileged users are reported individually."""
    before, after = side(("9 10 11 12 13 14", "SeeQueue")), side(("9 10 11 12 13 14", "ShowTicket"))
    assert found(before, after) == [
        "rights 9 and 1 more (10), RT::Queue-1: +ShowTicket -SeeQueue",
        "rights 11 and 3 more (12, 13, 14), RT::Queue-1: +ShowTicket -SeeQueue",
    ]
    [finding] = [one for one in meaning.check(before, after, NOTHING).findings if one.where == "rights"]
    assert finding.what == "'RT::Queue-N' differs in 6 places of 6 rights"


def test_a_user_without_rights_any_more_is_gone() -> None:
    """Such a user is in no list."""
    [one] = meaning.changes(side(("9 10", "SeeQueue")).sections, side(("9", "SeeQueue")).sections)
    assert (one.kind, one.key) == ("gone", "10")


def test_what_is_remembered_is_as_short_as_what_was_told() -> None:
    """Facts of the old side are written to a file and read again."""
    told = side((" ".join(map(str, range(100_000))), "SeeQueue"))
    assert Meaning.from_json(told.to_json()) == told
    assert len(json.dumps(told.to_json())) < 1_000_000
