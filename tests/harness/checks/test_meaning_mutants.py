"""The meaning check must notice whatever a person would notice, and stay silent on good upgrades."""

from __future__ import annotations

import re

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import dump
from harness.checks import meaning, meaning_told
from harness.checks.meaning_allowances import Upgrade
from harness.checks.meaning_told import Meaning
from harness.lifecycle import Lifecycle
from harness.mutants.meaning import MUTANTS
from harness.releases import Pair

PAIR = Pair("4.4.6", "5.0.3", "mariadb-10.11")
NOTHING = Upgrade("5.0.3", "5.0.3", ())
RIGHTS = {"rights": {"9": {"RT::System-1": "ModifySelf SeeQueue"}}, "users": {"9": {"privileged": "0"}}}


def gaining(rights: str) -> Meaning:
    """Return a side on which user 9 has these rights."""
    return Meaning("5.0.3", {}, {**RIGHTS, "rights": {"9": {"RT::System-1": rights}}})


def found(rights: str, *steps: str) -> list[str]:
    """Return what is found about rights when user 9 ends with these after these steps."""
    report = meaning.check(Meaning("4.4.6", {}, RIGHTS), gaining(rights), Upgrade("4.4.6", "5.0.3", steps))
    return [one.what for one in report.findings if one.where == "rights"]


def test_a_grant_needs_its_step_and_its_holder() -> None:
    """What a step grants is allowed to those whom it grants it, after that step, and nobody else."""
    with_dashboards = "ModifySelf SeeQueue SeeOwnDashboard"
    assert not found(with_dashboards, "5.0.2")
    assert found(with_dashboards, "5.0.3")
    assert found(f"{with_dashboards} SuperUser", "5.0.2")
    assert found("SeeQueue ModifySelf ShowSearchAdvanced", "4.5.6"), "user 9 is not privileged"


def test_a_right_lost_is_found_beside_one_that_is_granted() -> None:
    """A gain that is allowed must not cover a loss."""
    assert found("ModifySelf SeeOwnDashboard", "5.0.2")


def watched(finds: str, *steps: str) -> list[str]:
    """Return what is found when the search by watcher 9 found ticket 1 and now finds these, after these steps.

    Watcher 9 holds a disabled role in ticket 2 himself and in ticket 3 by group 50.
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
    """The step that enables such groups explains these tickets, and no other that appears or goes."""
    assert not watched("1 2 3", "4.4.5")
    assert watched("1 2 3", "4.4.6")
    assert watched("1 2 4", "4.4.5")
    assert watched("2 3", "4.4.5")


def test_an_old_side_that_says_nothing_is_found() -> None:
    """Comparing nothing with nothing proves nothing."""
    assert meaning.check(Meaning("4.4.6", {}), Meaning("5.0.3", {}), NOTHING).findings


def test_a_subject_that_died_is_found() -> None:
    """What could not be told on either side was not compared."""
    bad = Meaning("5.0.3", {}, RIGHTS, ["[died] tickets: Can't locate object method"])
    assert "1 subjects" in str(meaning.check(Meaning("4.4.6", {}, RIGHTS), bad, NOTHING))


@pytest.mark.engine
@pytest.mark.slow
def test_real_meaning(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good upgrade is silent; of all defects planted together each is told in its own words.

    By the check as the gate asks it, so that an allowance that is too wide lets one survive.
    """
    bundled = dump.load(dump.bundled(PAIR.origin))
    upgraded, run = lifecycle.upgraded(PAIR, bundled)
    accounts = bundled.manifest.accounts if bundled.manifest else {}
    old = meaning_told.collect(rt_tools(PAIR.origin, clone(lifecycle.restored(bundled, PAIR.server))), accounts)
    database = clone(upgraded)
    tools = rt_tools(PAIR.target, database)
    done = Upgrade(PAIR.origin, PAIR.target, tuple(step.name for step in run.steps))
    good = meaning.check(old, meaning_told.collect(tools, accounts), done)
    assert good, str(good)
    assert good.allowed, "it needs its allowances"
    monkeypatch.setattr(meaning, "_SHOWN", 10_000)  # what is planted together must not hide behind one another
    for group in ([one for one in MUTANTS if one.apart], [one for one in MUTANTS if not one.apart]):
        for mutant in group:
            database.execute(*mutant.statements)
        report = meaning.check(old, meaning_told.collect(tools, accounts), done)
        for mutant in group:
            said = "\n".join(str(one) for one in report.findings if one.where == mutant.section)
            tally(mutant.name, "meaning", said and re.search(mutant.shows, said, re.MULTILINE))
