"""Render the report as text: for a terminal, for Jenkins' console, for a mail."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.common.wording import duration, plain
from harness.report import before
from harness.report.document import Document
from harness.report.facts import RunFacts
from harness.report.sentences import (
    allowances,
    condensed,
    evidence,
    headline,
    limits,
    looked_at,
    measured,
    reason,
    result,
    sentence,
    state,
)
from harness.verdict import Finding, Outcome, Report, Verdict

WIDTH = 110
"""Width of tables in characters."""
_STYLES = {Verdict.GO: "bold green", Verdict.NO_GO: "bold red", Verdict.NOT_PROVEN: "bold yellow"}


def as_text(document: Document, *, colour: bool = False) -> str:
    """Return the whole report. colour: with ANSI colours."""
    console = Console(
        file=io.StringIO(),
        force_terminal=colour,
        color_system="standard" if colour else None,
        width=WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    outcome, facts = document.outcome, document.facts
    first = headline(outcome, facts.trial)
    style = _STYLES[outcome.verdict()]
    with console.capture() as captured:
        _say(console, first, style)
        _say(console, reason(outcome))
        if facts.figures:
            _say(console, measured(facts.figures))
        _say(console, about(facts), "dim")
        console.print()
        console.print(_checks(outcome))
        for title, body in _sections(document):
            console.print()
            _say(console, title, "bold")
            _say(console, body)
        console.print()
        code = "" if facts.trial else f" (exit code {outcome.verdict().exit_code})"
        _say(console, f"{first}{code}. {reason(outcome)}", style)
    return captured.get() if colour else re.sub(r" +$", "", captured.get(), flags=re.MULTILINE)


def about(facts: RunFacts) -> str:
    """Return one line that identifies the run."""
    when = f"{facts.started:%Y-%m-%d %H:%M}" if facts.started else ""
    parts = (facts.pair, facts.dump, when, f"took {duration(facts.seconds)}", f"run {facts.id}")
    return "  ".join(filter(None, parts))


def _say(console: Console, text: str, style: str = "") -> None:
    """Print without folding: SQL and log lines must be copied unchanged."""
    console.print(Text(plain(text), style=style), soft_wrap=True)


def _checks(outcome: Outcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, padding=(0, 1, 0, 0))
    for name, ratio in (("check", None), ("question", 1), ("looked at", None), ("result", None)):
        table.add_column(name, ratio=ratio, overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    for report in outcome.reports:
        style = {"bad": "red", "warn": "yellow", "ok": "green"}[state(report)]
        cells = (report.check, report.question, looked_at(report), _result(report, outcome))
        table.add_row(
            *(Text(plain(cell), style=style if cell is cells[3] else "") for cell in cells),
            duration(report.seconds),
        )
    for name in outcome.missing():
        table.add_row(Text(plain(name)), "", "", Text("never reported", style="yellow"), "")
    return table


def _result(report: Report, outcome: Outcome) -> str:
    signed = sum(1 for one in outcome.accepted if one.finding.check == report.check)
    return result(report) + (f", {signed} accepted" if signed else "")


def _sections(document: Document) -> Iterator[tuple[str, str]]:
    outcome, facts = document.outcome, document.facts
    if findings := outcome.findings():
        yield f"Findings ({len(findings)})", "\n\n".join(map(_finding, findings))
    if knowing := "\n".join(before.lines(outcome, WIDTH)):
        yield "Before you upgrade", knowing
    yield "What was done", textwrap.indent(document.plan.text(WIDTH - 2), "  ")
    unproven = [sentence(text) for text in outcome.unproven()]
    yield "Not checked", _list(unproven) or "  Nothing that this run promised was left out."
    if outside := limits(outcome):
        yield "Outside of what the checks look at", _list(outside)
    if outcome.accepted:
        yield (
            "Accepted findings",
            _list(
                [
                    f"[{one.finding.check}] {one.finding.where}: {sentence(one.finding.what)}\n"
                    f"Accepted by {one.who} until {one.until}: {one.why}"
                    for one in outcome.accepted
                ]
            ),
        )
    if tolerated := allowances(outcome):
        yield "Differences that are known and allowed", _list(list(map(_shortened, tolerated)))
    if outcome.remarks:
        yield "Remarks", _list(outcome.remarks)
    if facts.command:
        yield "How to reproduce", textwrap.indent(facts.command, "  ")


def _finding(finding: Finding) -> str:
    parts = [f"  [{finding.check}] {finding.where}: {sentence(finding.what)}"]
    for title, text in evidence(finding):
        parts.append(f"      {title}:\n{textwrap.indent(text.rstrip(), ' ' * 10)}")
    return "\n".join(parts)


def _shortened(difference: str) -> str:
    short, names = condensed(difference)
    return f"{sentence(short)} They are named in report.html." if names else short


def _list(items: list[str]) -> str:
    return "\n".join("  - " + textwrap.indent(item.rstrip(), "    ")[4:] for item in items)
