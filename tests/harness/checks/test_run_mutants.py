"""The run check must find every way in which an upgrade fails and still looks fine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import upgrade
from harness.checks import broken_attributes, log, meaning, run
from harness.checks.application import startup_log
from harness.checks.application.startup_log import Start
from harness.checks.broken_attributes import BrokenAttributes
from harness.checks.log import LogRecord
from harness.checks.meaning.allowances import Upgrade
from harness.checks.meaning.told import Meaning
from harness.common import redact
from harness.errors import InfrastructureError
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import MOST_SAMPLES
from tests.harness.mutants.run import MUTANTS, RunMutant, good_run

NOTHING = Upgrade("4.4.6", "5.0.3", ())
STEPS = ["4.5.0", "4.5.1", "5.0.2"]
MANY = [f"4.5.{number}" for number in range(MOST_SAMPLES + 4)]


@pytest.mark.mutants("run")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bad_run_is_found(mutant: RunMutant) -> None:
    """Exit code 0 and 'Done.' prove nothing: each of these must be a finding."""
    assert run.check(mutant.damage(good_run("4.4.6", "5.0.3", STEPS)), STEPS).findings, mutant.reason


@pytest.mark.control("run")
def test_a_good_run_is_silent() -> None:
    """A check that always complains would catch every mutant too."""
    assert run.check(good_run("4.4.6", "5.0.3", STEPS), STEPS)


@pytest.mark.parametrize(
    ("steps", "expected", "named"),
    [
        (MANY[:1], MANY, MANY[1:]),
        (MANY, MANY[:1], MANY[1:]),
        ((), MANY, MANY),
        ([*MANY[:-2], MANY[-1], MANY[-2]], MANY, [MANY[-1], MANY[-2]]),
    ],
    ids=["missing", "strange", "none", "order"],
)
def test_every_step_concerned_is_named(
    steps: Sequence[str], expected: Sequence[str], named: Sequence[str]
) -> None:
    """A list that ends before the step in question would name correct ones only, and no SQL shows the others."""
    told = [str(one) for one in run.check(good_run("4.4.6", "5.0.3", steps), expected).findings]
    assert told
    assert all(set(named) <= set(one.split()) for one in told if "steps" in one), told


def test_nothing_to_do_is_a_good_answer() -> None:
    """The same release on both sides is a valid question."""
    assert run.check(good_run("5.0.3", "5.0.3", ()), ())


def test_an_upgrade_that_nobody_expected_is_found() -> None:
    """An upgrade although none was needed has changed a correct database."""
    assert run.check(good_run("5.0.3", "5.0.3", STEPS), ()).findings


def test_warnings_are_told_but_do_not_count() -> None:
    """RT warns of harmless things; a gate that stops for them will be switched off."""
    good = good_run("4.4.6", "5.0.3", STEPS)
    good.lines.insert(-1, (1.0, "[11] [Mon Jan  1 10:00:00 2024] [warning]: a portlet was left out (/x:1)"))
    report = run.check(good, STEPS)
    assert (bool(report), report.facts["warnings"]) == (True, ["a portlet was left out"])


def test_what_the_old_release_says_at_every_start_is_no_finding() -> None:
    """The site has lived with such a message, and the upgrade does not cause it."""
    bad = good_run("4.4.6", "5.0.3", STEPS)
    bad.lines.insert(1, (0.1, "[11] [Mon Jan  1 10:00:00 2024] [error]: Config option %Links{7} is wrong (/x:1)"))
    assert run.check(bad, STEPS).findings
    [record] = log.records(["[9] [Mon Jan  1 09:00:00 2024] [error]: Config option %Links{12} is wrong (/x:1)"])
    said = Start("4.4.6", {startup_log.key(record): "Config option %... is wrong"})
    report = run.check(bad, STEPS, before=lambda: said)
    assert report
    assert "RT 4.4.6 says so at every start" in str(report.allowed)
    for other in (
        "[9] [Mon Jan  1 09:00:00 2024] [warning]: Config option %Links{12} is wrong (/x:1)",
        "[9] [Mon Jan  1 09:00:00 2024] [error]: Config option %Roles{12} is wrong (/x:1)",
    ):
        [record] = log.records([other])
        alike = Start("4.4.6", {startup_log.key(record): "it looks the same without its values"})
        assert run.check(bad, STEPS, before=partial(Start, alike.release, alike.said)).findings


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ignored HASH(0x55d0c3a9e2f8) of 3", "Ignored HASH(0x7fe1b04c) of 12", True),
        (
            "Odd value at /usr/share/rt4/lib/RT/Config.pm line 9.",
            "Odd value at /usr/share/rt5/lib/RT/Config.pm line 88.",
            True,
        ),
        ("Odd value (/usr/share/rt4/lib/RT/Config.pm:9)", "Odd value (/usr/share/rt5/lib/RT.pm:7)", True),
        ("Odd value of Roles", "Odd value of Links", False),
        (
            "couldn't execute the query 'SELECT a = 'x' ' at /a.pm line 9.\n\tA::b('x') called at /y line 3",
            "couldn't execute the query 'SELECT a = ? ' at /b.pm line 9.\n\tA::b(3) called at /z line 7",
            True,
        ),
        ("Unknown column 'a.b' in 'order clause'", "Unknown column 'a.c' in 'order clause'", False),
        ("No config file at /etc/rt/x.pm: syntax error", "No config file at /etc/rt/x.pm: not allowed", False),
        (
            "Can't locate A.pm in @INC (you may need to install A) (@INC contains: /a /b) at /x.pm line 3.",
            "Can't locate A.pm in @INC (you may need to install A) (@INC entries checked: /c) at /y line 5.",
            True,
        ),
    ],
)
def test_what_says_the_same_is_the_same_in_every_process(one: str, other: str, same: bool) -> None:
    """Memory addresses and file names differ between releases, and must not make a message new."""
    assert (log.shape(one) == log.shape(other)) == same
    keys = {startup_log.key(LogRecord(log.START, "error", said)) for said in (one, other)}
    assert (len(keys) == 1) == same
    before, after = (
        Meaning(release, {}, complaints=[f"[error] {said}"]) for release, said in (("4", one), ("5", other))
    )
    found = [finding for finding in meaning.check(before, after, NOTHING).findings if finding.where == "RT 5"]
    assert (not found) == same


def test_an_old_release_that_cannot_be_asked_hides_nothing() -> None:
    """The existing findings stay, and the question is open."""
    bad = good_run("4.4.6", "5.0.3", STEPS)
    bad.lines.insert(1, (0.1, "[11] [Mon Jan  1 10:00:00 2024] [error]: Config option %Links{7} is wrong (/x:1)"))

    def away() -> Start:
        raise InfrastructureError("The disk is full.")

    report = run.check(bad, STEPS, before=away)
    assert report.findings
    assert "The disk is full" in str(report.unanswered)


DAMAGED = (
    "[11] [Mon Jan  1 10:00:00 2024] [error]: Deserialization of attribute 106 failed (/x:1)",
    "[11] [Mon Jan  1 10:00:00 2024] [error]: Deserialization of content for attribute 106 failed. It was: x",
)


@pytest.mark.parametrize("line", DAMAGED)
@pytest.mark.parametrize(("broken", "silent"), [([106], True), ([], False), ([107], False), (None, False)])
def test_an_attribute_that_the_old_release_cannot_read_either_is_no_finding(
    line: str, broken: list[int] | None, silent: bool
) -> None:
    """A saved search was damaged years ago; that another one was says nothing about one that the upgrade broke."""
    bad = good_run("4.4.6", "5.0.3", STEPS)
    bad.lines.insert(1, (0.1, line))
    asked: list[int] = []

    def read(named: Sequence[int]) -> BrokenAttributes | None:
        asked.extend(named)
        return None if broken is None else BrokenAttributes("4.4.6", broken)

    report = run.check(bad, STEPS, broken=read)
    assert asked == [106]
    assert bool(report) == silent
    assert ("RT 4.4.6 cannot read the content of attribute 106 either" in report.allowed) == silent


@pytest.mark.engine
def test_a_release_tells_which_attributes_it_cannot_read(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """One of three is damaged; the fourth does not exist."""
    database = clone(lifecycle.fresh("4.4.6", "mariadb-10.11"))
    ids = [
        int(row[0]) for row in database.rows("SELECT id FROM Attributes WHERE ContentType = 'storable' LIMIT 3")
    ]
    assert len(ids) == 3
    database.execute(f"UPDATE Attributes SET Content = LEFT(Content, 16) WHERE id = {ids[1]}")
    assert broken_attributes.collect(rt_tools("4.4.6", database), [*ids, 987654]).ids == [ids[1]]


def test_an_allowance_needs_its_step_and_pattern() -> None:
    """An allow-list that matches elsewhere hides unrelated complaints."""
    text = "[11] [Mon Jan  1 10:00:00 2024] [error]: Name in use (/x:1)"
    records = log.records(["Processing 4.5.0", text, "Processing 4.5.1", text])
    allowance = log.LogAllowance(re.compile("^Name in use$"), ("4.5.0",), "known")
    bad, used = log.complaints(records, [allowance])
    assert ([one.step for one in bad], used) == (["4.5.1"], [allowance])


def test_values_are_hidden_and_names_are_not() -> None:
    """A log quotes data that the database refused, and a report has more readers than the database."""
    line = "Duplicate entry 'strasse' for key 'Users1', Unknown column 'Via' in 'SELECT', mail to a.b@example.org"
    expected = "Duplicate entry '...' for key 'Users1', Unknown column 'Via' in 'SELECT', mail to (address)"
    assert redact.line(line) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Duplicate entry 'Don't tell Bob' for key 'Users1'", "Duplicate entry '...' for key 'Users1'"),
        ("error near 'VALUES (1,'a secret','x' at line 3", "error near '...' at line 3"),
        (
            'syntax error at site.pm line 2, near "$DatabasePassword "hunter2""',
            "syntax error at site.pm line 2, near '...'",
        ),
        ("syntax error, near \"$DatabasePassword 's3cret'\"", "syntax error, near '...'"),
    ],
    ids=["apostrophe", "statement", "double", "single"],
)
def test_quotes_in_what_is_quoted_hide_nothing_less(said: str, expected: str) -> None:
    """Neither a server nor Perl escapes them, so the text after one may still be personal."""
    assert redact.line(said) == expected


def test_arguments_in_a_stack_trace_are_hidden() -> None:
    """A trace quotes the arguments of every call, password hashes among them."""
    line = '\tRT::User::Create(RT::User=HASH(0x1), "Name", "anna") called at /opt/rt/share/lib/RT/User.pm line 206'
    assert redact.line(line) == "\tRT::User::Create(...) called at /opt/rt/share/lib/RT/User.pm line 206"


@pytest.mark.engine
def test_a_real_second_run_is_found(lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory) -> None:
    """RT does not prevent a second upgrade: the first run must be silent, the second must not."""
    tools = rt_tools("5.0.3", clone(lifecycle.fresh("4.4.6", "mariadb-10.11")))
    steps = upgrade.expected_steps(tools.upgrade_steps(), "4.4.6", "5.0.3")
    first, second = (run.check(upgrade.run(tools, "4.4.6", "5.0.3"), steps) for _ in range(2))
    assert (bool(first), bool(second.findings)) == (True, True), f"{first}\n{second}"
