"""A record of which somebody has deleted half by SQL hides itself at most, and not all others of its kind."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.checks.meaning.told import Meaning, Sections
from harness.dump import FOLDER
from harness.dump.choice import choose
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle

ORIGIN = "4.4.6"
NOTHING = Upgrade(ORIGIN, ORIGIN, ())
USER = """
    SELECT m.MemberId FROM CachedGroupMembers m
    JOIN `Groups` g ON g.id = m.GroupId JOIN Users u ON u.id = m.MemberId
    WHERE g.Domain = '{}' AND g.Name = '{}' AND u.Name NOT IN ('root', 'Nobody', 'RT_System')
    ORDER BY m.MemberId DESC LIMIT 1
"""
TELLING = ("rights by role", "homepages", "tickets", "transactions", "attachments")
"""Sections of which a half-deleted record must take away itself at most. Of rights and groups see below."""
SCHEME = Configuration(
    {
        "site.pm": b"1;\n",
        "lib/RT/URI/inventory.pm": b"package RT::URI::inventory; use base 'RT::URI::base';"
        b" sub ParseURI { die 'no such device' } 1;\n",
    }
)
"""A site's own kind of link, which dies of a device that is gone."""


@pytest.mark.engine
def test_half_deleted_records_hide_nothing_else(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Two users and a group without principals, an empty dashboard, and a link that cannot be followed."""
    choice = choose(ORIGIN, ORIGIN, path=FOLDER / f"rt-{ORIGIN}-plain.sql.zst")
    database = clone(lifecycle.restored(choice.dump, choice.pair.server))
    tools = rt_tools(ORIGIN, database, configuration=SCHEME)
    whole = meaning_told.collect(tools)
    staff, requestor = (
        str(database.value(USER.format(*of)))
        for of in (("SystemInternal", "Privileged"), ("RT::Ticket-Role", "Requestor"))
    )
    group = str(database.value("SELECT MAX(id) FROM `Groups` WHERE Domain = 'UserDefined'"))
    dashboard = str(database.value("SELECT MAX(id) FROM Attributes WHERE Name = 'Dashboard'"))
    ticket = str(database.value("SELECT MAX(LocalBase) FROM Links WHERE Type = 'DependsOn'"))
    database.execute(
        f"DELETE FROM Principals WHERE id IN ({staff}, {requestor}, {group})",
        f"DELETE FROM CachedGroupMembers WHERE MemberId = {staff}",
        f"UPDATE Attributes SET Content = NULL WHERE id = {dashboard}",
        f"UPDATE Links SET Target = 'inventory:9' WHERE LocalBase = {ticket} AND Type = 'DependsOn'",
    )
    told = meaning_told.collect(tools)
    gone = {name: {*whole.sections[name]} - {*told.sections.get(name, {})} for name in whole.sections}
    assert {name: gone[name] for name in TELLING if gone[name]} == {"homepages": {staff}, "tickets": {ticket}}
    assert (gone["groups"], gone["dashboards"]) == ({group}, {dashboard})
    before, after = (meaning_told.by_holder(side.sections["rights"]) for side in (whole, told))
    assert {*before} - {*after} == {staff, requestor}
    report = meaning.check(told, told, NOTHING)
    assert [one for one in report.unanswered if "can log in" not in one] == []
    named = {line.partition(":")[0] for line in report.out_of_scope}
    people = ", ".join(sorted((staff, requestor), key=int))
    assert {f"rights {people}", f"tickets {ticket}", f"dashboards {dashboard}"} <= named


def test_too_many_that_the_old_release_cannot_tell_of_leave_the_question_open() -> None:
    """What became of them is unknown. They are one line: a thousand would hide what else was left out."""
    died = [f"[died] rights {number}: no principal" for number in range(100, 200)]
    report = meaning.check(Meaning(ORIGIN, {}, {}, died), Meaning(ORIGIN, {}, {}, died), NOTHING)
    [line] = [one for one in report.unanswered if one.startswith("rights ")]
    assert line.endswith(" and 92 more: the old release itself cannot tell of 100 of 100")
    assert [one for one in report.out_of_scope if one.startswith("rights ")] == []


@pytest.mark.parametrize(
    ("died", "told", "left_open"),
    [(5, 10, False), (6, 10, True), (6, 600, False), (7, 600, True), (1, 0, False), (2, 1, True)],
    ids=["few", "more", "one-in-100", "more-than-that", "the-only-one", "most"],
)
def test_how_many_may_be_left_out(died: int, told: int, left_open: bool) -> None:
    """A few records are broken on every old site; a large site has more of them."""
    lost = [f"[died] tickets {number}: no queue" for number in range(1, died + 1)]
    old: Sections = {"tickets": {str(1000 + number): {} for number in range(told)}}
    report = meaning.check(Meaning(ORIGIN, {}, old, lost), Meaning(ORIGIN, {}, old), NOTHING)
    assert bool([one for one in report.unanswered if one.startswith("tickets ")]) == left_open
    assert bool([one for one in report.out_of_scope if one.startswith("tickets ")]) != left_open
