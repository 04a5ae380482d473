"""Accepted findings do not count until the acceptance expires; a file with an incomplete acceptance is refused."""

from datetime import date
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.report.acceptance import apply, holds, load
from harness.report.sentences import headline, reason
from harness.verdict import Outcome, Report, Verdict

ENTRY = """
[[accept]]
check = "schema"
where = "Attachments*"
what = "Attachments3 is missing"
who = "J. Example"
why = "dropped on purpose"
until = 2027-03-31
"""
GENERAL = "accepted.toml:5 has a regular expression that is too short or too general"
BEFORE, LAST_DAY, AFTER = date(2027, 1, 1), date(2027, 3, 31), date(2027, 4, 1)


@pytest.fixture
def outcome() -> Outcome:
    """Return an outcome with two checks, one of them with a finding."""
    schema = Report("schema", "Is it the target's?", looked_at=412, unit="columns")
    schema.find("Attachments.Parent", "the index Attachments3 is missing (1 of 9)")
    return Outcome([schema, Report("rows", "Are all rows there?", looked_at=48310, unit="rows")])


def write(path: Path, text: str) -> Path:
    """Write a file with that text and return its path."""
    path = path / "accepted.toml"
    path.write_text(text, encoding="utf-8")
    return path


def judged(path: Path, outcome: Outcome, today: date, text: str = ENTRY) -> Outcome:
    """Return the outcome after the file's entries were applied."""
    return apply(outcome, load(write(path, text)), today)


@pytest.mark.parametrize("today", [BEFORE, LAST_DAY])
def test_an_accepted_finding_does_not_count(tmp_path: Path, outcome: Outcome, today: date) -> None:
    """The verdict can be GO, and the report must say that it relies on an acceptance."""
    after = judged(tmp_path, outcome, today)
    assert (after.verdict(), headline(after)) == (Verdict.GO, "GO with 1 accepted finding")
    assert "2027-03-31" in reason(after)
    assert after.accepted[0].who == "J. Example"
    assert outcome.verdict() is Verdict.NO_GO, "the outcome that was given is left as it was"


def test_an_expired_acceptance_counts_again(tmp_path: Path, outcome: Outcome) -> None:
    """An acceptance has a last day; after it the finding counts and says that the acceptance expired."""
    after = judged(tmp_path, outcome, AFTER)
    assert after.verdict() is Verdict.NO_GO
    assert "acceptance by J. Example expired on 2027-03-31" in after.findings()[0].what


@pytest.mark.parametrize(
    ("signed", "found"),
    [
        ("1 tickets are gone", "1001 tickets are gone"),
        ("2 mails are no longer sent", "12 mails are no longer sent"),
        ("3 of 220 rows", "13 of 220 rows differ"),
        ("1 actions were begun", "11 actions were begun and never ended"),
        ("rows lost: 1", "rows lost: 10"),
        ("500 rows", "1,500 rows are lost"),
        ("rows lost: 1", "rows lost: 1.500"),
    ],
)
def test_a_signature_under_a_number_is_not_one_under_a_larger_number(
    tmp_path: Path, signed: str, found: str
) -> None:
    """One missing ticket was examined and accepted; a thousand missing ones in the next run were not."""
    (entry,) = load(write(tmp_path, ENTRY.replace("Attachments3 is missing", signed)))
    report = Report("schema", "Is it the target's?", looked_at=1, unit="columns")
    report.find("Attachments", found)
    assert not entry.matches(report.findings[0])


@pytest.mark.parametrize(
    ("signed", "found"),
    [
        ("1 tickets are gone", "after the upgrade 1 tickets are gone."),
        ("rows lost: 1", "rows lost: 1."),
        ("rows lost: 1", "rows lost: 1, all of them in Tickets"),
        ("(1 of 9)", "the index Attachments3 is missing (1 of 9)"),
        ("ttachments3 is", "the index Attachments3 is missing"),
    ],
)
def test_a_signature_under_the_same_number_holds(tmp_path: Path, signed: str, found: str) -> None:
    """The text may match anywhere in the finding's sentence."""
    (entry,) = load(write(tmp_path, ENTRY.replace("Attachments3 is missing", signed)))
    report = Report("schema", "Is it the target's?", looked_at=1, unit="columns")
    report.find("Attachments", found)
    assert entry.matches(report.findings[0])


@pytest.mark.parametrize(("today", "held"), [(BEFORE, True), (LAST_DAY, True), (AFTER, False)])
def test_a_signature_holds_while_the_run_goes_on(
    tmp_path: Path, outcome: Outcome, today: date, held: bool
) -> None:
    """A finding that forbids the upgrade must allow it only while it is accepted."""
    entries = load(write(tmp_path, ENTRY))
    (finding,) = outcome.findings()
    assert holds(entries, finding, today) == held
    assert not holds([], finding, today)


@pytest.mark.parametrize(
    "change",
    [
        ('"schema"', '"rows"'),
        ('"Attachments*"', '"Attach"'),
        ('"Attachments*"', '"attachments*"'),
        ("Attachments3 is missing", "Attachments4 is missing"),
        ("Attachments3 is missing", "/^Attachments3/"),
        ("Attachments3 is missing", "index.*missing"),
    ],
)
def test_an_entry_covers_only_what_it_says(tmp_path: Path, outcome: Outcome, change: tuple[str, str]) -> None:
    """An entry that almost matches must never hide a finding; it is reported as matching nothing."""
    after = judged(tmp_path, outcome, BEFORE, ENTRY.replace(*change))
    assert after.verdict() is Verdict.NO_GO
    assert "accepted.toml:2 fits no finding" in after.remarks[0]


def test_a_regular_expression_stands_between_slashes(tmp_path: Path, outcome: Outcome) -> None:
    """Numbers differ from dump to dump, so a regular expression may be needed."""
    text = ENTRY.replace("Attachments3 is missing", r"/index Attachments\\d is missing \\(\\d of \\d\\)/")
    assert judged(tmp_path, outcome, BEFORE, text).verdict() is Verdict.GO


def test_a_valid_entry_beside_an_expired_one_is_enough(tmp_path: Path, outcome: Outcome) -> None:
    """A renewal is added below the expired entry; the order must not matter."""
    text = ENTRY.replace("2027-03-31", "2026-01-01") + ENTRY
    assert judged(tmp_path, outcome, BEFORE, text).verdict() is Verdict.GO


def test_what_was_not_checked_cannot_be_accepted(tmp_path: Path, outcome: Outcome) -> None:
    """An acceptance may turn NO-GO into GO, but never NOT PROVEN."""
    outcome.unanswered.append("The engine went away.")
    assert judged(tmp_path, outcome, BEFORE).verdict() is Verdict.NOT_PROVEN


def test_a_check_that_looked_at_nothing_stays_unproven(tmp_path: Path, outcome: Outcome) -> None:
    """If the only finding of a check that looked at nothing is accepted, the check still proves nothing."""
    outcome.reports[0].looked_at = 0
    assert judged(tmp_path, outcome, BEFORE).verdict() is Verdict.NOT_PROVEN


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('who = "J. Example"\n', "", "accepted.toml:2 has an entry without 'who'"),
        ('why = "dropped on purpose"\n', "", "accepted.toml:2 has an entry without 'why'"),
        ("until = 2027-03-31\n", "", "accepted.toml:2 has an entry without 'until'"),
        ('"J. Example"', '"  "', "accepted.toml:6 has an entry whose 'who'"),
        ('"Attachments3 is missing"', '""', "accepted.toml:5 has an entry whose 'what'"),
        ("2027-03-31", '"2027-03-31"', "accepted.toml:8 has an entry whose 'until' is not a date"),
        ("2027-03-31", "2027-03-31T10:00:00", "accepted.toml:8 has an entry whose 'until' is not a date"),
        ("until", "untill", "accepted.toml:8 has 'untill'"),
        ("Attachments3 is missing", "/.*/", GENERAL),
        ("Attachments3 is missing", "/.+/", GENERAL),
        ("Attachments3 is missing", "/./", GENERAL),
        ("Attachments3 is missing", "/[a-z]/", GENERAL),
        ("Attachments3 is missing", r"/\\d+/", GENERAL),
        ("Attachments3 is missing", "/gone|e/", GENERAL),
        ("Attachments3 is missing", "/_/", GENERAL),
        ("Attachments3 is missing", "/17%/", GENERAL),
        ("Attachments3 is missing", "e", "accepted.toml:5 has an entry whose 'what' is too short"),
        ("Attachments3 is missing", "i s  g", "accepted.toml:5 has an entry whose 'what' is too short"),
        ("Attachments3 is missing", "/(/", "accepted.toml:5 has a regular expression that is none"),
        ("[[accept]]", "[[accepted]]", "accepted.toml:2 has 'accepted'"),
        ("[[accept]]", "[accept]", "accepted.toml:2 must write each entry"),
        ('"schema"', "schema", "line 3"),
    ],
)
def test_an_incomplete_signature_is_refused_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Without who, why and until an acceptance is not accountable, so the file is refused with exit code 3."""
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, ENTRY.replace(old, new, 1)))
    assert said in str(caught.value)


def test_the_line_is_that_of_the_second_entry(tmp_path: Path) -> None:
    """In a file with many entries the user needs the line of the wrong one."""
    with pytest.raises(UsageError, match=r"accepted.toml:16 has an entry whose 'until'"):
        load(write(tmp_path, ENTRY + ENTRY.replace("2027-03-31", "3")))


def test_other_ways_of_writing_entries_name_the_entry(tmp_path: Path) -> None:
    """Entries in an inline table have no header line, so the error must name the entry's number."""
    with pytest.raises(UsageError, match=r"accepted.toml, entry 1 has an entry without 'where'"):
        load(write(tmp_path, 'accept = [{check = "schema"}]'))


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    """If the file of acceptances does not exist, the gate must not run without it."""
    with pytest.raises(UsageError, match=r"cannot be read: No such file or directory\.\nWhat to do: "):
        load(tmp_path / "none.toml")


def test_an_unknown_check_is_refused_with_its_line(tmp_path: Path) -> None:
    """Its entry fits no finding, so what somebody signed off would be NO-GO for a slip of the pen."""
    path = write(tmp_path, ENTRY + ENTRY.replace('"schema"', '"shema"'))
    with pytest.raises(UsageError, match=r"accepted.toml:11 names the check 'shema'.*\n.*one of: schema, rows$"):
        load(path, ("schema", "rows"))
    assert len(load(path)) == 2
