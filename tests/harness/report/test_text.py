"""The text gives the verdict first and last, and everything a reader needs in between."""

import re
from datetime import date
from pathlib import Path

import pytest

from harness.common.plan import Step
from harness.report import RunFacts, before, terminal, write
from harness.report.document import Document
from harness.report.html import as_html
from harness.report.sentences import headline, reason, title_of_log
from harness.report.text import as_text
from harness.verdict import Accepted, Finding, Outcome, Report
from tests.harness.report import examples


def text(document: Document) -> str:
    """Return the text of a run."""
    return terminal(document.facts, document.outcome, document.plan, colour=False)


def test_the_verdict_comes_first_and_last() -> None:
    """A terminal shows the last lines, a mail the first."""
    lines = text(examples.not_proven()).splitlines()
    assert lines[0] == "NOT PROVEN"
    assert lines[1].startswith("7 questions could not be answered. The first: The database server ended")
    assert lines[-1].startswith("NOT PROVEN (exit code 2). 7 questions")


def test_nothing_is_called_done_where_something_was_found() -> None:
    """The site as it is may have defects as well, and then there is something to do."""
    document = examples.no_go()
    document.outcome.no_upgrade = "RT 4.4.6 on both sides, no step was run"
    said = text(document).splitlines()[1]
    assert said.startswith("Nothing was upgraded: RT 4.4.6 on both sides, no step was run. ")


def test_findings_are_whole_and_can_be_copied() -> None:
    """SQL and repairs must be neither folded nor cut, so that they can be copied."""
    said = text(examples.no_go())
    assert "\n            FROM Tickets\n" in said
    assert "CREATE INDEX Attachments3 ON Attachments (Parent, TransactionId);\n" in said
    assert f"          {examples.LONG}\n" in said
    assert said.count("the requestor was 2 people") == 11


def test_what_was_not_checked_is_said_in_every_run() -> None:
    """Limits must also be stated for a run that went well."""
    assert "Nothing that this run promised was left out." in text(examples.go())
    assert "[rows] sessions: empty on purpose" in text(examples.go())
    assert "- [deploy] never reported." in text(examples.not_proven())


def test_what_to_read_before_comes_before_what_was_done() -> None:
    """Options come first, then manual tasks, then passages to read; the text is limited in length."""
    said = text(examples.go())
    section = said.partition("\nBefore you upgrade\n")[2].partition("\nWhat was done\n")[0].splitlines()
    assert section[0].startswith("  - Options that the target no longer knows: AssetSearchFormat, ")
    assert "      ... and 4 more in report.html" in section
    assert "      UPGRADING-5.0, FROM 5.0.9 AND EARLIER (speaks of ReferrerWhitelist)" in section
    assert "compared with the whole address now.\n" not in said, "the passages themselves are for the page"
    assert len(section) < 40
    assert max(map(len, section)) <= 110
    assert "Before you upgrade" not in text(examples.remarks())


def test_an_endless_list_stays_short() -> None:
    """A site may have a thousand statuses, and the text must stay short."""
    document = examples.go()
    facts = document.outcome.reports[1].facts
    facts[before.KNOWING] = [{"fact": "x", "title": "X", "items": ["word " * 900] * 900}]
    facts[before.PASSAGES] = facts[before.PASSAGES] * 90
    assert len(list(before.lines(document.outcome, 110))) < 40


def test_a_check_that_could_not_ask_everything_is_not_clean() -> None:
    """The check's row must say so, in yellow."""
    document = examples.unanswered()
    row = re.search(r"(?m)^ *validator .*$", text(document))
    assert row
    assert row[0].split("  ")[-2].strip() == "not answered"
    assert "\x1b[33mnot answered" in as_text(document, colour=True)


def test_the_failed_step_is_marked() -> None:
    """The tree must be the same as printed before the run."""
    assert "<== Duplicate entry 'strasse'" in text(examples.not_proven())


def test_a_reader_can_reproduce_it() -> None:
    """The command must be on a line of its own, so that it can be copied."""
    assert "\nHow to reproduce\n  cd /srv/rt-harness && ./gate --from 4.4.6" in text(examples.go())


def test_nothing_steers_the_terminal() -> None:
    """Findings contain texts from logs and databases."""
    said = text(examples.no_go())
    assert not [character for character in said if ord(character) < 32 and character != "\n"]
    assert "\u202e" not in said


def test_lines_have_no_blanks_at_their_ends(example: Document) -> None:
    """verdict.txt is mailed and compared, so it must have no trailing blanks."""
    assert not [line for line in text(example).splitlines() if line != line.rstrip()]


def outcome(findings: int = 0, unanswered: int = 0, accepted: int = 0, reports: int = 2) -> Outcome:
    """Return an outcome with the given numbers of each."""
    made = [Report(f"check {at}", "?", looked_at=3) for at in range(reports)]
    for at in range(findings):
        made[0].find("Tickets", f"{at + 1} of 9 rows are gone")
    signed = [Accepted(Finding("rows", "x", "y"), "me", "why", date(2027, 1, at + 1)) for at in range(accepted)]
    return Outcome(made, [f"Question {at}" for at in range(unanswered)], (), signed)


@pytest.mark.parametrize(
    ("made", "first", "second"),
    [
        (outcome(), "GO", "All 2 checks ran and found nothing."),
        (outcome(findings=1), "NO-GO", "1 finding in 1 of 2 checks: Tickets: 1 of 9 rows are gone."),
        (
            outcome(findings=2, unanswered=1, accepted=1),
            "NO-GO",
            "2 findings in 1 of 2 checks, and 1 question without an answer. "
            "The first: Tickets: 1 of 9 rows are gone.",
        ),
        (outcome(unanswered=1), "NOT PROVEN", "1 question could not be answered: Question 0."),
        (outcome(reports=0), "NOT PROVEN", "No check reported anything."),
        (
            outcome(accepted=2),
            "GO with 2 accepted findings",
            "All 2 checks ran and found nothing beyond what was accepted "
            "(the first acceptance ends on 2027-01-01).",
        ),
    ],
)
def test_the_reason_is_one_sentence(made: Outcome, first: str, second: str) -> None:
    """Text, JSON, JUnit and HTML all show these sentences."""
    assert (headline(made), reason(made)) == (first, second)


@pytest.mark.parametrize(
    ("made", "first"),
    [
        (outcome(), "Kill test without findings"),
        (outcome(findings=2), "Kill test with 2 findings"),
        (outcome(unanswered=1), "Kill test not proven"),
    ],
)
def test_what_upgraded_nothing_gives_no_verdict_on_an_upgrade(made: Outcome, first: str, tmp_path: Path) -> None:
    """GO over a test of kills would be read, and shown around, as one for the upgrade."""
    facts = examples.kills().facts
    files = write(tmp_path / "run", facts, made, Step("gate"), {})
    said = {path.name: path.read_text(encoding="utf-8") for path in files}
    assert [name for name, text in said.items() if first not in text] == []
    assert f"<title>{first}: RT 5.0.3, 3 instances</title>" in said["report.html"]
    assert said["verdict.txt"].splitlines()[-1].startswith(f"{first}. ")
    views = [said["verdict.txt"], said["report.html"].partition("<main")[2].partition("<script>")[0]]
    assert [word for word in ("GO", "exit code") for view in views if word in view] == []


def test_what_was_measured_is_said_in_every_run_of_kills() -> None:
    """A number that only a finding would name is known to nobody while it is small."""
    document = examples.kills()
    measured = (
        "kills: 12, writes sent: 240, acknowledged: 231, lost: 0, changed: 0, duplicated: 0, sessions lost: 1"
    )
    assert measured in text(document).splitlines()[2]
    header = as_html(document).partition("</header>")[0]
    assert "<dt>sessions lost</dt><dd>1</dd>" in header


def test_a_difference_in_many_places_is_told_by_their_number() -> None:
    """Thirty names of columns hide the sentence that they belong to; the page and the JSON have them all."""
    names = ["ACL.RightName", "ACL.ObjectType", "Links.Type", "Users.AuthToken", "Tickets.Type"]
    why = "charset is utf8mb4, in a fresh install ascii (step 4.5.2: whole tables are converted)"
    report = Report("schema", "?", looked_at=9, allowed=[f"{', '.join(names)}: {why}", f"{names[0]}: {why}"])
    facts, outcome_of_it = RunFacts("run", "pair"), Outcome([report])
    said = terminal(facts, outcome_of_it, Step("gate"), colour=False)
    assert f"  - [schema] 5 columns in 4 tables: {why}. They are named in report.html.\n" in said
    assert f"  - [schema] ACL.RightName: {why}\n" in said
    assert ", ".join(names) in as_html(Document(facts, outcome_of_it, Step("gate")))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("rt-5.0.10-rt-harness-1efb3a-19145-rt-site-9", "RT 5.0.10, site 9"),
        ("rt-harness-1efb3a-19145-database-2", "database 2"),
        ("upgrade", "upgrade"),
    ],
)
def test_a_log_is_called_by_what_it_is_of(name: str, title: str) -> None:
    """Names of containers on the engine mean nothing to a reader."""
    assert title_of_log(name) == title


def test_a_run_without_anything_still_reads() -> None:
    """A run that ended before its first check must be NOT PROVEN and say so."""
    assert terminal(RunFacts("run", ""), Outcome(), Step("gate"), colour=False).startswith("NOT PROVEN\n")
