"""Render the report as JUnit XML, in the dialect of Jenkins' junit plugin: one test case per check.

A finding is a failure, an unanswered question is an error. Nothing is ever marked as skipped: Jenkins stays green
over skipped cases, while an unanswered question is not proven.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # written, never parsed
from pathlib import Path

from harness.common.wording import plain
from harness.report.document import Document
from harness.report.sentences import headline, looked_at, reason, result
from harness.report.text import about
from harness.verdict import Outcome, Report

_LONGEST_MESSAGE = 400


def as_junit(document: Document, directory: Path | None = None) -> str:
    """Return the XML. directory: of the report, for the junit-attachments plugin to link failed cases to."""
    facts, outcome = document.facts, document.outcome
    suite = ET.Element(
        "testsuite", name=plain(" ".join(filter(None, (facts.trial or "gate", facts.pair, facts.dump))))
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(document).items():
        ET.SubElement(properties, "property", name=name, value=plain(value))
    # Jenkins splits package from class at a dot, so a release must not contain one here.
    place = f"{plain(facts.trial) or 'gate'}.{plain(facts.pair or 'run').replace('.', '_')}"
    for report in outcome.reports:
        _check(suite, place, report, outcome, directory)
    for name in outcome.missing():
        _error(_case(suite, place, name), f"[{name}] never reported.")
    for at, text in enumerate(outcome.unanswered, 1):
        _error(_case(suite, place, f"unanswered {at}"), text)
    if not len(suite.findall("testcase")):
        _error(_case(suite, place, "verdict"), reason(outcome))
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(kind, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("time", f"{facts.seconds:.3f}")
    if facts.started:
        suite.set("timestamp", f"{facts.started:%Y-%m-%dT%H:%M:%S}")
    whole = ET.Element("testsuites")
    whole.append(suite)
    ET.indent(whole)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(whole, encoding="unicode") + "\n"


def _properties(document: Document) -> dict[str, str]:
    facts, outcome = document.facts, document.outcome
    return {
        "verdict": headline(outcome, facts.trial),
        "reason": reason(outcome),
        "about": about(facts),
        "pair": facts.pair,
        "dump": facts.dump,
        "dump sha256": facts.dump_sha256,
        "command": facts.command,
    }


def _case(suite: ET.Element, place: str, name: str, seconds: float = 0.0) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=place, name=plain(name), time=f"{seconds:.3f}")


def _error(case: ET.Element, text: str) -> None:
    _bad(case, "error", "NotProven", text.strip().partition("\n")[0], text)


def _bad(case: ET.Element, tag: str, kind: str, message: str, text: str) -> None:
    short = re.sub(r"\s+", " ", plain(message))[:_LONGEST_MESSAGE]
    ET.SubElement(case, tag, type=kind, message=short).text = plain(text)


def _check(suite: ET.Element, place: str, report: Report, outcome: Outcome, directory: Path | None) -> None:
    case = _case(suite, place, report.check, report.seconds)
    if report.findings:
        first = report.findings[0]
        message = f"{result(report)}; {first.where}: {first.what}"
        _bad(case, "failure", "Finding", message, "\n\n".join(map(str, report.findings)))
    elif not report:
        _error(case, str(report))
    lines = [report.question, f"Looked at {looked_at(report)}: {result(report)}."]
    lines += [
        f"Accepted by {accepted.who} until {accepted.until} ({accepted.why}): "
        f"{accepted.finding.where}: {accepted.finding.what}"
        for accepted in outcome.accepted
        if accepted.finding.check == report.check
    ]
    lines += [f"Not answered: {text}" for text in report.unanswered]
    lines += [f"Outside of what it looks at: {text}" for text in report.out_of_scope]
    if directory and not report:
        lines.append(f"[[ATTACHMENT|{(directory / 'report.html').resolve()}]]")
    ET.SubElement(case, "system-out").text = plain("\n".join(lines))
