"""The meaning of a search is its result, not the messages about why it finds nothing, whatever its text."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.checks.meaning.told import Meaning
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
ORIGIN = "4.4.6"
STATUSES = {"3": r"en attente d\'info", "4": r"a\\b"}
"""Statuses as in a query, the same for RT and the server, by the only ticket with that status."""
SEARCHES = """
use RT -init;
for my $query ("CustomerGroup = 'VIP'", 'id > 0') {
    RT->System->AddAttribute(Name => 'SavedSearch', Description => $query,
        Content => { SearchType => $_, Query => $query, Format => "'__id__'" }) or die for qw(Ticket Asset);
}
"""
DAYS = """
use RT -init;
my $user = RT::User->new(RT->SystemUser);
$user->Load('root');
$user->SetTimezone('Asia/Tokyo');
$user->AddAttribute(Name => 'SavedSearch', Description => 'of one day', Content => { SearchType => 'Ticket',
    Query => "Created = '2024-03-10'", Format => "'__id__'" }) or die;
"""
HOURS = "UPDATE Tickets SET Created = '2024-03-09 00:00:00' + INTERVAL id MOD 72 HOUR"

HIDDEN = """
    SELECT u.id, u.Name FROM CustomRoles r
    JOIN `Groups` g ON g.Name = CONCAT('RT::CustomRole-', r.id) AND g.Domain = 'RT::Ticket-Role'
    JOIN GroupMembers m ON m.GroupId = g.id JOIN Users u ON u.id = m.MemberId
    WHERE r.Disabled = 1 GROUP BY u.id ORDER BY COUNT(*) DESC, u.id LIMIT 1
"""
DISABLE = """
    UPDATE CachedGroupMembers m JOIN `Groups` g ON g.id = m.GroupId
    JOIN CustomRoles r ON g.Name = CONCAT('RT::CustomRole-', r.id)
    SET m.Disabled = {} WHERE r.Disabled = 1 AND g.Domain = 'RT::Ticket-Role'
"""
WATCHED = """
use RT -init;
my ($id, $name) = @ARGV;
my $user = RT::User->new(RT->SystemUser);
$user->Load($id);
$user->AddAttribute(Name => 'SavedSearch', Description => $_, Content => { SearchType => 'Ticket',
    Query => $_, Format => "'__id__'" }) or die
    for "Watcher.Name = '$name'", "Watcher.id = '__CurrentUser__'", "Requestor.id = $id", "Subject LIKE 'Watcher'";
$user->PrincipalObj->GrantRight(Right => 'SuperUser', Object => RT->System);
"""


@pytest.mark.control("meaning")
@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 50])
def test_a_search_by_watcher_may_find_people_of_disabled_roles(
    every: int, lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Step 4.4.5 enables the groups of disabled roles, as is done here; one of them more would be a finding."""
    choice = choose("4.4.4", "4.4.6", path=FOLDER / "rt-4.4.4-campus.sql.zst")
    database = clone(lifecycle.restored(choice.dump, choice.pair.server))
    tools = rt_tools("4.4.4", database)
    person, name = database.rows(HIDDEN)[0]
    done = tools.perl(WATCHED, str(person), str(name))
    assert done.code == 0, done.err
    few = dict.fromkeys(meaning_told.SAMPLED, every) if every > 1 else {}
    told = []
    for disabled in (1, 0):
        database.execute(DISABLE.format(disabled))
        told.append(meaning_told.collect(tools, every=few))
    old, new = told
    changed = [one for one in meaning.changes(old.sections, new.sections) if one.section == "searches"]
    assert len({one.key for one in changed}) == 2, "both searches by watcher, and no other"
    assert [*judged(old, new, "4.4.5")] == []
    assert len(judged(old, new, "4.4.6")) == 1


def judged(old: Meaning, new: Meaning, step: str) -> list[str]:
    """Return the findings about saved searches after this step."""
    report = meaning.check(old, new, Upgrade("4.4.4", "4.4.6", (step,)))
    return [one.what for one in report.findings if one.where == "searches"]


def test_what_a_search_finds_on_its_owners_day_is_what_a_later_release_finds(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """RT 4.4.4 takes the server's day; asked for the owner's, it finds what RT 4.4.6 does, ticket by ticket."""
    choice = choose("4.4.4", "4.4.6", path=FOLDER / "rt-4.4.4-campus.sql.zst")
    database = clone(lifecycle.restored(choice.dump, choice.pair.server))
    database.execute(HOURS)
    tools = rt_tools("4.4.4", database)
    done = tools.perl(DAYS)
    assert done.code == 0, done.err
    key = str(database.value("SELECT MAX(id) FROM Attributes WHERE Name = 'SavedSearch'"))
    few = dict.fromkeys(meaning_told.SAMPLED, 50)
    old, new = (
        meaning_told.collect(asked, every=few).sections["searches"][key]
        for asked in (tools, rt_tools("4.4.6", database))
    )
    told = [name for name in new if name.startswith("f") and not name.endswith("day")]
    assert {"finds"} <= {*told}
    assert {name: new[name] for name in told} == {name: old[f"{name} by another day"] for name in told}
    assert {name: new[name] for name in told} != {name: old[name] for name in told}, "the days begin together"


def test_searches_and_questions_with_odd_words(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Each release words a refusal differently, with another line number; a quote in a status must not end it."""
    choice = choose(ORIGIN, ORIGIN, path=FOLDER / f"rt-{ORIGIN}-plain.sql.zst")
    database = clone(lifecycle.restored(choice.dump, choice.pair.server))
    database.execute(*(f"UPDATE Tickets SET Status = '{one}' WHERE id = {key}" for key, one in STATUSES.items()))
    tools = rt_tools(ORIGIN, database)
    done = tools.perl(SEARCHES)
    assert done.code == 0, done.err
    told = meaning_told.collect(tools, every=dict.fromkeys(meaning_told.SAMPLED, 4))
    for key, status in STATUSES.items():
        assert told.sections["queries"][f"Status = '{status}'"]["finds"] == key
    found = [one["finds"] for one in told.sections["searches"].values()]
    assert found.count("refused") == 1, "of tickets, by a field that nobody knows"
    assert [one for one in found if one.strip("0123456789 ")] == ["refused"]
    died = [one for one in told.complaints if one.startswith("[died] searches ")]
    assert len(died) == 2, "this release cannot search for assets so; all others are told"
    assert [one for one in told.complaints if "parse query" in one] == []
