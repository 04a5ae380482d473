"""Render the report as one HTML file that works offline: it sends no request, and needs no script to be read.

Jenkins shows archived files without their inline styles; so the text is in reading order, and the charts carry
their sizes and colours as attributes as well.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.common.wording import amount, duration, number, plain
from harness.report import before, charts, sentences
from harness.report.document import Document
from harness.report.timeline import timeline
from harness.verdict import Finding

PAGE = Path(__file__).with_name("page")
MOST_FINDINGS = 100
"""Maximum findings shown per check; report.json has them all."""
LONGEST_TEXT = 20_000
"""Maximum characters shown per block; report.json and logs/ have the rest."""
LOG_LINES = 80
CHARTED = ("timeline", "row_changes")
"""Facts with a chart of their own, both of the run and of checks."""


def as_html(document: Document) -> str:
    """Return the page."""
    outcome, facts = document.outcome, document.facts
    style, script = (Markup((PAGE / name).read_text(encoding="utf-8")) for name in ("style.css", "script.js"))  # noqa: S704
    plan, axis = charts.plan_rows(document.plan)
    sources = [facts.facts, *(report.facts for report in outcome.reports)]
    events, changes = (_charted(name, sources) for name in CHARTED)
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in outcome.findings():
        found[finding.check].append(finding)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            style=style,
            script=script,
            style_hash=_hash(style),
            script_hash=_hash(script),
            facts=facts,
            outcome=outcome,
            verdict=outcome.verdict(),
            found=found,
            questions={report.check: report.question for report in outcome.reports},
            accepted_of=_accepted_of(document),
            most=MOST_FINDINGS,
            plan=plan,
            plan_axis=axis,
            steps=charts.step_rows(facts.steps, {finding.where for finding in outcome.findings()}),
            steps_axis=charts.ticks(max((step.seconds for step in facts.steps), default=0.0)),
            changes=charts.row_changes(changes) if changes else None,
            timeline=timeline(events) if events else None,
            tables=_tables(facts.facts),
            noted={report.check: tables for report in outcome.reports if (tables := _noted(report.facts))},
            knowing=before.groups(outcome),
            passages=before.passages(outcome),
            manifest=_tables(facts.manifest or {}),
            logs={name: tail(text) for name, text in document.logs.items()},
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"duration": duration, "number": number, "excerpt": excerpt}
    environment.globals |= {"amount": amount, "words": sentences}
    return environment


def _shown(value: Any) -> Any:
    """Make control characters visible in all output of templates, except in our own markup."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def excerpt(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a long text without its middle."""
    if len(text) <= longest:
        return text
    head, end = text[: longest // 2], text[-longest // 2 :]
    return f"{head}\n\n[... {number(len(text) - longest)} characters left out ...]\n\n{end}"


def tail(text: str) -> str:
    """Return the last lines of a log."""
    lines = text.splitlines()
    left_out = len(lines) - LOG_LINES
    shown = excerpt("\n".join(lines[-LOG_LINES:]))
    return f"[... {amount(left_out, 'lines')} left out ...]\n{shown}" if left_out > 0 else shown


def _accepted_of(document: Document) -> dict[str, int]:
    amounts: dict[str, int] = defaultdict(int)
    for accepted in document.outcome.accepted:
        amounts[accepted.finding.check] += 1
    return amounts


def _charted(name: str, sources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [row for source in sources for row in _list_of_dicts(source.get(name))]


def _list_of_dicts(value: Any) -> list[dict[str, Any]]:
    return value if isinstance(value, list) and all(isinstance(row, dict) for row in value) else []


def _tables(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return facts without a fixed form for the page, except those that are empty or drawn."""
    return [
        {"title": name.replace("_", " "), **_table(value)}
        for name, value in facts.items()
        if value not in ([], {}, "", None) and not (name in CHARTED and _list_of_dicts(value))
    ]


def _noted(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the facts of a check that are shown nowhere else on the page."""
    elsewhere = before.shown(dict(facts))
    return _tables({name: value for name, value in facts.items() if name not in elsewhere})


def _table(value: Any) -> dict[str, Any]:
    """Return a fact in one of the forms that the page knows: a line, a list, pairs, a table, or JSON."""
    rows = _list_of_dicts(value)
    if rows and all(_flat(inner) for row in rows for inner in row.values()):
        columns = list(dict.fromkeys(key for row in rows for key in row))
        cells = [[_text(row.get(key, "")) for key in columns] for row in rows]
        return {"form": "table", "columns": columns, "rows": cells}
    if isinstance(value, dict) and value and all(map(_flat, value.values())):
        return {"form": "pairs", "pairs": {key: _text(inner) for key, inner in value.items()}}
    if isinstance(value, list) and value and all(map(_flat, value)):
        return {"form": "list", "items": [_text(inner) for inner in value]}
    if _flat(value):
        return {"form": "line", "text": _text(value)}
    return {"form": "json", "text": json.dumps(value, ensure_ascii=False, indent=2)}


def _flat(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    return number(value) if isinstance(value, int | float) else str(value)
