"""A search may give other tickets or another order only for a reason that the steps or the collation give."""

from __future__ import annotations

import pytest

from harness.checks import meaning
from harness.checks.meaning.allowances import Upgrade
from harness.checks.meaning.told import Meaning, Sections


def watched(finds: str, *steps: str) -> list[str]:
    """Return the findings if the search by watcher 9 found ticket 1 and now finds these, after these steps.

    Watcher 9 has a disabled role in ticket 2 directly and in ticket 3 through group 50.
    """
    tickets = {
        "2": {"hidden people RT::CustomRole-1": "9"},
        "3": {"hidden people RT::CustomRole-1": "50"},
        "4": {},
    }
    before = {
        "tickets": tickets,
        "groups": {"50": {"everyone": "8 9"}},
        "queries": {"Watcher.id = 9": {"finds": "1"}},
    }
    after = {**before, "queries": {"Watcher.id = 9": {"finds": finds}}}
    report = meaning.check(
        Meaning("4.4.4", {}, before), Meaning("4.4.6", {}, after), Upgrade("4.4.4", "4.4.6", steps)
    )
    return [one.what for one in report.findings if one.where == "queries"]


def test_a_search_may_find_more_only_by_a_disabled_role() -> None:
    """The step that enables groups of disabled roles explains these tickets only, and none that vanish."""
    assert not watched("1 2 3", "4.4.5")
    assert watched("1 2 3", "4.4.6")
    assert watched("1 2 4", "4.4.5")
    assert watched("2 3", "4.4.5")


@pytest.mark.control("meaning")
@pytest.mark.parametrize(
    ("field", "finds", "steps", "silent"),
    [
        ("finds", "1 2 3", ("4.4.5",), True),
        ("finds", "1 2 3", ("4.4.6",), False),
        ("finds", "1 2 4", ("4.4.5",), False),
        ("finds", "2 3", ("4.4.5",), False),
        ("finds", "refused", ("4.4.5",), False),
        ("finds in all", "900 y", ("4.4.5",), False),
        ("finds besides", "40 y", ("4.4.5",), True),
        ("finds besides", "40 y", ("4.4.6",), False),
        ("finds besides", "29 y", ("4.4.5",), False),
    ],
)
@pytest.mark.parametrize("aside", [{"by watcher": "1"}, {}], ids=["by-watcher", "by-others"])
def test_so_may_a_saved_search_by_watcher(
    field: str, finds: str, steps: tuple[str, ...], silent: bool, aside: dict[str, str]
) -> None:
    """Tickets 2 and 3 have people in disabled roles; no other kind of search may find more, nor any one less."""
    tickets = {
        "2": {"hidden people RT::CustomRole-1": "9"},
        "3": {"hidden people RT::CustomRole-1": "50"},
        "4": {},
    }
    found = {"finds": "1", "finds besides": "30 x", **aside}
    before: Sections = {"tickets": tickets, "searches": {"7": found}}
    after: Sections = {"tickets": tickets, "searches": {"7": {**found, field: finds}}}
    path = Upgrade("4.4.4", "4.4.6", steps)
    report = meaning.check(Meaning("4.4.4", {}, before), Meaning("4.4.6", {}, after), path)
    assert (not [one for one in report.findings if one.where == "searches"]) == (silent and bool(aside))


@pytest.mark.parametrize(("target", "silent"), [("5.0.7", True), ("5.0.5", False)])
def test_what_a_large_site_finds_besides_may_change_with_the_step_that_changes_it(
    target: str, silent: bool
) -> None:
    """On large sites reminders and approvals have their own digest; across 5.0.7 searches by links lose them."""
    before, after = (
        {"searches": {"12": {"finds": "11 22", "finds in all": "900 x", **besides}}}
        for besides in ({"finds besides": "40 y"}, {})
    )
    upgrade = Upgrade("5.0.3", target, ())
    report = meaning.check(Meaning("5.0.3", {}, before), Meaning(target, {}, after), upgrade)
    assert (not [one for one in report.findings if one.where == "searches"]) == silent


SORTED = {"finds": "1 2 3", "by text": 1}


@pytest.mark.parametrize(
    ("before", "after", "resorted", "silent"),
    [
        (SORTED, {**SORTED, "finds": "3 1 2"}, True, True),
        (SORTED, {**SORTED, "finds": "3 1 2"}, False, False),
        (SORTED, {**SORTED, "finds": "3 1"}, True, False),
        ({"finds": "1 2 3"}, {"finds": "3 1 2"}, True, False),
        ({**SORTED, "in the order": "x"}, {**SORTED, "in the order": "y"}, True, True),
        ({**SORTED, "finds": "1 2 3"}, {**SORTED, "finds": "refused"}, True, False),
        ({**SORTED, "finds in all": "9 x"}, {**SORTED, "finds in all": "9 y"}, True, False),
    ],
    ids=["another-order", "same-collation", "one-lost", "by-number", "many", "refused", "others-among-many"],
)
def test_another_collation_gives_another_order_and_no_other_tickets(
    before: dict[str, object], after: dict[str, object], resorted: bool, silent: bool
) -> None:
    """Other server versions sort brackets before letters; that must not hide a ticket lost at the same time."""
    old, new = (Meaning("4.4.6", {}, {"searches": {"7": found}}) for found in (before, after))
    report = meaning.check(old, new, Upgrade("4.4.6", "5.0.3", (), resorted))
    assert (not [one for one in report.findings if one.where == "searches"]) == silent


@pytest.mark.parametrize(
    ("origin", "owners_day", "finds", "silent"),
    [
        ("4.4.4", "2 3", "2 3", True),
        ("4.4.6", "2 3", "2 3", False),
        ("4.4.4", None, "2 3", False),
        ("4.4.4", "2 3", "9", False),
        ("4.4.4", "2 3", "2", False),
        ("4.4.4", "2 3", "3 2", False),
        ("4.4.4", "2 3", "refused", False),
        ("4.4.4", "2 3", "", False),
        ("4.4.4", "", "", True),
    ],
)
def test_a_search_for_one_day_means_its_owners_day(
    origin: str, owners_day: str | None, finds: str, silent: bool
) -> None:
    """RT 4.4.4 used the server's day; what it finds on the owner's is what must be found, and no other tickets."""
    aside = {} if owners_day is None else {"finds by another day": owners_day}
    old, new = (Meaning(origin, {}, {"searches": {"7": {"finds": ids, **aside}}}) for ids in ("1 2", finds))
    report = meaning.check(old, new, Upgrade(origin, "5.0.3", ()))
    assert (not [one for one in report.findings if one.where == "searches"]) == silent


@pytest.mark.parametrize(("digest", "silent"), [("600 a", True), ("600 b", False)])
def test_so_does_one_that_finds_many(digest: str, silent: bool) -> None:
    """Of many tickets a digest is told, which the search need not have had before."""
    day = {"finds by another day": "2", "finds in all by another day": "600 a"}
    old: Sections = {"searches": {"7": {"finds": "1 2", **day}}}
    new: Sections = {"searches": {"7": {"finds": "2", "finds in all": digest}}}
    report = meaning.check(Meaning("4.4.4", {}, old), Meaning("5.0.3", {}, new), Upgrade("4.4.4", "5.0.3", ()))
    assert (not [one for one in report.findings if one.where == "searches"]) == silent


def test_two_reasons_for_one_search_go_together() -> None:
    """Across 5.0.7 searches by links lose reminders; another collation also changes the order of the rest."""
    tickets = {"1": {"Type": "ticket"}, "2": {"Type": "ticket"}, "3": {"Type": "reminder"}}
    found: Sections = {"searches": {"7": {**SORTED, "finds": "1 2 3"}}, "tickets": tickets}
    for finds, silent in (("2 1", True), ("2", False)):
        after: Sections = {**found, "searches": {"7": {**SORTED, "finds": finds}}}
        report = meaning.check(
            Meaning("4.4.6", {}, found),
            Meaning("5.0.10", {}, after),
            Upgrade("4.4.6", "5.0.10", (), resorted=True),
        )
        assert (not [one for one in report.findings if one.where == "searches"]) == silent
