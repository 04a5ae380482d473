"""The meaning check must notice everything that a user would notice, and report nothing for good upgrades."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from fixtures.tally import Tally
from harness import dump, verdict
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import MeaningAllowance, Upgrade
from harness.checks.meaning.told import Meaning, Sections
from harness.releases import Pair
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.mutants.meaning import MUTANTS

PAIR = Pair("4.4.6", "5.0.3", "mariadb-10.11")
NOTHING = Upgrade("5.0.3", "5.0.3", ())
RIGHTS = {"rights": {"9": {"RT::System-1": "ModifySelf SeeQueue"}}, "users": {"9": {"privileged": "0"}}}


def gaining(rights: str) -> Meaning:
    """Return a side on which user 9 has these rights."""
    return Meaning("5.0.3", {}, {**RIGHTS, "rights": {"9": {"RT::System-1": rights}}})


def found(rights: str, *steps: str) -> list[str]:
    """Return the findings on rights if user 9 has these after these steps."""
    report = meaning.check(Meaning("4.4.6", {}, RIGHTS), gaining(rights), Upgrade("4.4.6", "5.0.3", steps))
    return [one.what for one in report.findings if one.where == "rights"]


def test_a_grant_needs_its_step_and_its_holder() -> None:
    """A right is allowed only for the principals to whom a step grants it, and only after that step."""
    with_dashboards = "ModifySelf SeeQueue SeeOwnDashboard"
    assert not found(with_dashboards, "5.0.2")
    assert found(with_dashboards, "5.0.3")
    assert found(f"{with_dashboards} SuperUser", "5.0.2")
    assert found("SeeQueue ModifySelf ShowSearchAdvanced", "4.5.6"), "user 9 is not privileged"


def test_a_right_lost_is_found_beside_one_that_is_granted() -> None:
    """An allowed gain must not hide a loss."""
    assert found("ModifySelf SeeOwnDashboard", "5.0.2")


def test_what_neither_release_can_tell_is_said_and_no_finding() -> None:
    """A field of a removed extension dies in both, as it has for years; the other fields are compared."""
    died = ["[died] custom fields 12: Can't call method"]
    fields = {"custom fields": {"3": {"Type": "Select"}, "12": {"Type": "Freeform"}}}
    report = meaning.check(Meaning("4.4.6", {}, {}, died), Meaning("5.0.3", {}, fields), NOTHING)
    assert "custom fields 12: the old release itself cannot tell of it" in report.out_of_scope
    assert [one.samples for one in report.findings if one.where == "custom fields"] == [("custom fields 3",)]


def test_a_subject_that_died_half_way_is_not_compared() -> None:
    """How far the old release came is random; the other sections of that subject are left out too."""
    died = ["[died] tickets: Lost connection"]
    old: Sections = {"tickets": {"1": {}}, "transactions": {"5": {}}, "users": {"7": {"Name": "x"}}}
    new: Sections = {"tickets": {"1": {}, "2": {}}, "attachments": {"9": {}}, "users": {"7": {"Name": "y"}}}
    report = meaning.check(Meaning("4.4.6", {}, old, died), Meaning("5.0.3", {}, new), NOTHING)
    parts = {"tickets", "transactions", "attachments"}
    assert parts & {one.where for one in report.findings} == set()
    assert {one.partition(":")[0] for one in report.unanswered} == parts
    assert "users" in {one.where for one in report.findings}


def test_a_query_of_which_the_old_release_dies_is_named_and_not_compared() -> None:
    """Both sides say the same word, which must not pass for the same answer."""
    both: Sections = {"queries": {"CF.3 IS NOT NULL": {"finds": "died"}, "Queue = 1": {"finds": "7"}}}
    report = meaning.check(Meaning("4.4.6", {}, both), Meaning("5.0.3", {}, both), NOTHING)
    assert "queries CF.3 IS NOT NULL: the old release itself cannot tell of it" in report.out_of_scope
    now: Sections = {"queries": {**both["queries"], "CF.3 IS NOT NULL": {"finds": "1"}}}
    report = meaning.check(Meaning("4.4.6", {}, both), Meaning("5.0.3", {}, now), NOTHING)
    assert "queries" not in {one.where for one in report.findings}
    report = meaning.check(Meaning("4.4.6", {}, now), Meaning("5.0.3", {}, both), NOTHING)
    assert "queries" in {one.where for one in report.findings}


@pytest.mark.parametrize("answer", ["refused", "unreadable"])
@pytest.mark.parametrize(("refused", "left_open"), [(0, False), (2, False), (3, True)])
def test_searches_that_neither_release_makes_are_counted(answer: str, refused: int, left_open: bool) -> None:
    """Two refusals are equal and prove nothing; if they are most of all searches, nothing was compared."""
    both: Sections = {"searches": {str(key): {"finds": answer if key < refused else "1"} for key in range(5)}}
    report = meaning.check(Meaning("4.4.6", {}, both), Meaning("5.0.3", {}, both), NOTHING)
    said = f"{refused} of 5 saved searches, which both releases"
    assert bool([one for one in report.unanswered if said in one]) == left_open
    assert bool([one for one in report.out_of_scope if said in one]) == bool(refused and not left_open)


def test_code_of_which_the_old_release_could_not_tell_is_not_judged() -> None:
    """Whether the code loaded in the old release is unknown."""
    after: Sections = {"code": {"scrip 3": {"action": "does not load"}}}
    died = ["[died] code: boom"]
    report = meaning.check(Meaning("4.4.6", {}, {}, died), Meaning("5.0.3", {}, after), NOTHING)
    assert "code" not in {one.where for one in report.findings}
    assert report.unanswered == ["code: the old release could not tell of them"]


def test_a_whole_subject_that_the_old_release_could_not_tell_is_not_answered() -> None:
    """Such a subject is neither a finding about the new release, nor passed over."""
    died = ["[died] custom fields: Can't locate object method"]
    report = meaning.check(Meaning("4.4.6", {}, {}, died), Meaning("5.0.3", {}, {}, died), NOTHING)
    assert report.unanswered == ["custom fields: the old release could not tell of them"]


@pytest.mark.parametrize(("said", "open_questions"), [("refused", 1), ("lets in", 0)])
def test_a_password_that_was_wrong_to_begin_with_proves_nothing(said: str, open_questions: int) -> None:
    """Both sides refuse the password, so a login that the upgrade broke would not show."""
    told = {**RIGHTS, "logins": {"9": {"right password": said}}}
    report = meaning.check(Meaning("4.4.6", {}, told), Meaning("5.0.3", {}, told), NOTHING)
    assert len([one for one in report.unanswered if "can log in" in one]) == open_questions, report.unanswered


@pytest.mark.parametrize(
    "other",
    [
        ({}, {}, 1),
        ({"alice": "another"}, {}, 1),
        ({"alice": "password"}, {"tickets": 2}, 1),
        ({"alice": "password"}, {}, 2),
    ],
)
def test_what_the_old_side_says_is_remembered_for_the_same_question_alone(other: tuple[Any, ...]) -> None:
    """A manifest can name other accounts for the same dump, and a password there can be corrected."""
    asked: tuple[Any, ...] = ({"alice": "password"}, {}, 1)
    assert meaning_told.key(*asked) == meaning_told.key(*asked)
    assert meaning_told.key(*asked) != meaning_told.key(*other)


def test_an_allowance_that_could_never_match_is_refused() -> None:
    """An unmatched allowance would cause a false alarm on the one site that needs it."""
    with pytest.raises(ValueError, match=r"kind changed\|new"):
        MeaningAllowance("searches", "changed|new", "why")


def test_an_old_side_that_says_nothing_is_found() -> None:
    """A comparison of nothing with nothing proves nothing."""
    assert meaning.check(Meaning("4.4.6", {}), Meaning("5.0.3", {}), NOTHING).findings


def test_a_subject_that_died_is_found() -> None:
    """A subject that could not be read on either side was not compared."""
    bad = Meaning("5.0.3", {}, RIGHTS, ["[died] tickets: Can't locate object method"])
    assert "1 subjects" in str(meaning.check(Meaning("4.4.6", {}, RIGHTS), bad, NOTHING))


@pytest.mark.engine
def test_arguments_of_scrips_are_told_as_digests(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """An extension's action may have a password there: a difference is reported without the value."""
    first, second = (clone(lifecycle.fresh("5.0.3", PAIR.server)) for _ in range(2))
    for database, number in ((first, 1), (second, 2)):
        for table in ("ScripActions", "ScripConditions"):
            database.execute(f"UPDATE {table} SET Argument = 'hunter{number}:{table}'")
    before, after = (meaning_told.collect(rt_tools("5.0.3", one)) for one in (first, second))
    report = meaning.check(before, after, NOTHING)
    told = {one.what.partition("'")[2].partition("'")[0] for one in report.findings if one.where == "scrips"}
    assert {"condition", "action"} <= told, str(report)
    assert "hunter" not in before.to_json() + after.to_json() + report.to_json()


@pytest.mark.engine
@pytest.mark.slow
def test_real_meaning(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good upgrade must give no finding; of all defects planted together each must be reported by name.

    The check runs as in the gate, so that an allowance that is too wide lets one survive.
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
    monkeypatch.setattr(verdict, "MOST_SAMPLES", 10_000)  # defects planted together must not hide one another
    for group in ([one for one in MUTANTS if one.apart], [one for one in MUTANTS if not one.apart]):
        for mutant in group:
            database.execute(*mutant.statements)
        report = meaning.check(old, meaning_told.collect(tools, accounts), done)
        for mutant in group:
            said = "\n".join(str(one) for one in report.findings if one.where == mutant.section)
            tally(mutant.name, "meaning", said and re.search(mutant.shows, said, re.MULTILINE))
