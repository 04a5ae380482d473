"""Jenkins shows red for findings and unanswered questions, and never green for a skip."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.common.plan import Step
from harness.report import RunFacts
from harness.report.document import Document
from harness.report.junit import as_junit
from harness.verdict import Outcome, Verdict
from tests.harness.report import examples

ALLOWED = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"error", "failure", "system-out"},
}
"""Child elements allowed in each element: the part of the schema of Jenkins' junit plugin that is used."""


def parsed(text: str) -> ET.Element:
    """Return the single suite, after checking that every element is allowed in its parent."""
    root = ET.fromstring(text)  # noqa: S314 - our own
    for element in root.iter():
        assert {child.tag for child in element} <= ALLOWED.get(element.tag, set())
    (suite,) = root
    return suite


def test_the_file_is_well_formed_and_counts_right(written: Path, example: Document) -> None:
    """Control characters, quotes and markup must not break the XML, and Jenkins relies on the counts."""
    suite = parsed((written / "junit.xml").read_text(encoding="utf-8"))
    for attribute, tag in (("failures", "failure"), ("errors", "error")):
        assert int(suite.attrib[attribute]) == len(suite.findall(f"testcase/{tag}"))
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    assert suite.attrib["skipped"] == "0"
    red = bool(suite.findall("testcase/failure") or suite.findall("testcase/error"))
    assert red is (example.outcome.verdict() is not Verdict.GO)


def test_a_finding_is_a_failure_with_its_evidence() -> None:
    """The message must be short enough for a list; the text has everything."""
    suite = parsed(as_junit(examples.no_go()))
    failure = suite.find("testcase[@name='rows']/failure")
    assert failure is not None
    assert failure.attrib["message"] == "2 findings; Tickets: 12 of 48,310 rows are gone"
    assert "WHERE id IN (1041, 1042, 1077, 1102);" in (failure.text or "")
    assert not suite.findall("testcase/error")


def test_trouble_is_an_error_never_a_failure() -> None:
    """An infrastructure error is no finding: missing, vacuous and interrupted checks must be errors."""
    suite = parsed(as_junit(examples.not_proven()))
    assert not suite.findall("testcase/failure")
    wrong = {case.attrib["name"] for case in suite.findall("testcase") if case.find("error") is not None}
    assert wrong == {"history", "rows", "readback", "attachments", "rights", "deploy", "unanswered 1"}


def test_a_check_that_could_not_ask_everything_is_an_error() -> None:
    """A check with unanswered questions must list them, and never be green."""
    suite = parsed(as_junit(examples.unanswered()))
    (error,) = suite.findall("testcase/error")
    assert "not answered: what the validator finds" in error.attrib["message"]
    said = suite.findtext("testcase[@name='validator']/system-out") or ""
    assert "27 rules: not answered." in said
    assert "clean" not in said


def test_an_accepted_finding_is_green_and_mentioned() -> None:
    """The case's output must name who accepted a finding, and until when."""
    suite = parsed(as_junit(examples.go()))
    said = suite.findtext("testcase[@name='schema']/system-out") or ""
    assert "Accepted by J. Example, service owner until 2027-03-31" in said


def test_nothing_at_all_is_an_error() -> None:
    """An empty suite would be green."""
    suite = parsed(as_junit(Document(RunFacts("run", ""), Outcome(), Step("gate"))))
    assert suite.findall("testcase/error")


def test_red_cases_link_to_the_page(written: Path) -> None:
    """The junit-attachments plugin turns such a line into a link; green cases need none."""
    suite = parsed((written / "junit.xml").read_text(encoding="utf-8"))
    for case in suite.findall("testcase[system-out]"):
        red = case.find("failure") is not None or case.find("error") is not None
        assert (f"[[ATTACHMENT|{written / 'report.html'}]]" in (case.findtext("system-out") or "")) is red


@pytest.mark.parametrize("field", ["classname", "name"])
def test_a_release_does_not_look_like_a_package(field: str) -> None:
    """Jenkins splits class names at dots, but the pair must stay in one piece."""
    suite = parsed(as_junit(examples.go()))
    assert {case.attrib[field].count(".") for case in suite.findall("testcase")} <= {0, 1}
    assert suite.findall("testcase[@classname='gate.4_4_6-to-5_0_3@mariadb-10_11']")
