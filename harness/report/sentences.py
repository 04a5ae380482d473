"""Word the verdict: the same sentences in text, JSON, JUnit and HTML."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from harness.common.wording import amount, one_line
from harness.verdict import Finding, Outcome, Report, Verdict

TO_DO = "What to do"
_MANY_PLACES = re.compile(r"(?P<check>\[\w+\] )?(?P<names>[\w.]+(?:, [\w.]+){4,}): (?P<rest>.*)", re.DOTALL)
"""A difference in five places or more: a line of a thousand characters is read by nobody."""
_LOG_OF_CONTAINER = re.compile(
    r"(?:rt-(?P<release>[\d.]+)-)?rt-harness-[0-9a-f]+-\d+-(?P<kind>[a-z-]+)-(?P<number>\d+)"
)
"""A log's name: the release, if it is of RT, and the container's name (`harness.engine.containers`)."""
_LONGEST = 240
"""Maximum characters of a finding quoted in the verdict's sentence."""


def headline(outcome: Outcome, trial: str = "") -> str:
    """Return the verdict, and the number of accepted findings it relies on: "GO with 2 accepted findings".

    trial: what was tried if nothing was upgraded: "Kill test without findings", for GO would promise an upgrade.
    """
    verdict = outcome.verdict()
    if trial:
        found = amount(len(outcome.findings()), "findings")
        words = {Verdict.GO: "without findings", Verdict.NO_GO: f"with {found}", Verdict.NOT_PROVEN: "not proven"}
        return f"{trial} {words[verdict]}"
    if verdict is Verdict.GO and outcome.accepted:
        return f"{verdict.value} with {amount(len(outcome.accepted), 'accepted findings')}"
    return verdict.value


def reason(outcome: Outcome) -> str:
    """Return one sentence with the reason for the verdict, after one that says so if nothing was upgraded."""
    why = _reason(outcome)
    if not outcome.no_upgrade:
        return why
    lead = "Nothing to do" if outcome.verdict() is Verdict.GO else "Nothing was upgraded"
    return f"{lead}: {sentence(outcome.no_upgrade)} {why}"


def _reason(outcome: Outcome) -> str:
    findings, reports, unproven = outcome.findings(), outcome.reports, outcome.unproven()
    verdict = outcome.verdict()
    if verdict is Verdict.NO_GO:
        guilty = sum(1 for report in reports if report.findings)
        first = findings[0]
        lead = "" if len(findings) == 1 else ". The first"
        return (
            f"{amount(len(findings), 'findings')} in {guilty} of {amount(len(reports), 'checks')}"
            + (f", and {amount(len(unproven), 'questions')} without an answer" if unproven else "")
            + f"{lead}: {sentence(one_line(f'{first.where}: {first.what}', _LONGEST))}"
        )
    if verdict is Verdict.NOT_PROVEN:
        if not unproven:
            return "No check reported anything."
        first_line = one_line(unproven[0].strip().partition("\n")[0], _LONGEST)
        lead = "" if len(unproven) == 1 else ". The first"
        return f"{amount(len(unproven), 'questions')} could not be answered{lead}: {sentence(first_line)}"
    beyond = ""
    if outcome.accepted:
        soonest = min(one.until for one in outcome.accepted)
        beyond = f" beyond what was accepted (the first acceptance ends on {soonest})"
    return f"All {amount(len(reports), 'checks')} ran and found nothing{beyond}."


def measured(figures: Mapping[str, str]) -> str:
    """Return what was measured on one line: "kills: 13, writes sent: 228"."""
    return ", ".join(f"{name}: {value}" for name, value in figures.items())


def sentence(text: str) -> str:
    """Return the text with a full stop at its end."""
    return text if text.rstrip().endswith((".", "!", "?", ":")) else f"{text.rstrip()}."


def result(report: Report) -> str:
    """Return a check's result in a word or two: clean, findings, not answered, nothing to look at."""
    if report.findings:
        return amount(len(report.findings), "findings")
    if report.unanswered:
        return "not answered"
    return "nothing to look at" if report.vacuous else "clean"


def state(report: Report) -> str:
    """Return a check's style: "bad" for findings, "ok" if it looked and found nothing, else "warn"."""
    return "bad" if report.findings else "ok" if report else "warn"


def looked_at(report: Report) -> str:
    """Return the amount that a check looked at: "48,310 rows"."""
    return amount(report.looked_at, report.unit)


def limits(outcome: Outcome) -> list[str]:
    """Return the limits that the checks state themselves, each after the name of its check."""
    return [f"[{report.check}] {text}" for report in outcome.reports for text in report.out_of_scope]


def allowances(outcome: Outcome) -> list[str]:
    """Return the tolerated differences, each after the name of its check."""
    return [f"[{report.check}] {text}" for report in outcome.reports for text in report.allowed]


def condensed(difference: str) -> tuple[str, str]:
    """Return a tolerated difference with the number of its places instead of their names, and these.

    One in a few places is returned as it is, with "".
    """
    parts = _MANY_PLACES.fullmatch(difference)
    if parts is None:
        return difference, ""
    names = parts["names"].split(", ")
    tables = {name.partition(".")[0] for name in names}
    columns = all("." in name for name in names)
    what = (
        f"{amount(len(names), 'columns')} in {amount(len(tables), 'tables')}"
        if columns
        else f"{len(names)} places"
    )
    return f"{parts['check'] or ''}{what}: {parts['rest']}", parts["names"]


def evidence(finding: Finding) -> list[tuple[str, str]]:
    """Return a finding's titled texts in reading order: samples, SQL, blocks, what to do."""
    blocks = [
        ("Samples", _listed(finding.samples)),
        ("See it with", finding.sql),
        *finding.blocks,
        (TO_DO, finding.repair),
    ]
    return [(title, text) for title, text in blocks if text.strip()]


def title_of_log(name: str) -> str:
    """Return what a log is of, by its file's name: "RT 5.0.3, site 9", "database 2", "upgrade"."""
    found = _LOG_OF_CONTAINER.fullmatch(name)
    if found is None:
        return name
    rt = f"RT {found['release']}, " if found["release"] else ""
    return f"{rt}{found['kind'].removeprefix('rt-').replace('-', ' ')} {found['number']}"


def _listed(samples: Sequence[str]) -> str:
    """Return short keys side by side, longer ones one below the other."""
    if all(len(sample) <= 16 and sample.isalnum() for sample in samples):
        return textwrap.fill(", ".join(samples), 90)
    return "\n".join(samples)
