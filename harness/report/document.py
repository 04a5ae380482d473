"""Convert the whole report to one JSON document and back. All other output is rendered from the same parts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from harness.common.plan import Step
from harness.common.wording import HIDDEN, is_secret, redact
from harness.errors import UsageError
from harness.report.facts import ImageFact, RunFacts, StepFact
from harness.report.sentences import headline, reason
from harness.verdict import Accepted, Finding, Outcome, Report

SCHEMA = 2
"""Version of the document, increased by a change that an old reader would misunderstand."""


@dataclass
class Document:
    """A finished run: its description, its results, its plan, and the logs beside it."""

    facts: RunFacts
    outcome: Outcome
    plan: Step
    logs: dict[str, str] = field(default_factory=dict)
    """Name of a container to its log."""


def as_json(document: Document) -> str:
    """Return the document as JSON. Passwords in URLs and values with secret names are left out."""
    outcome = document.outcome
    whole = {
        "schema": SCHEMA,
        "verdict": outcome.verdict().value,
        "exit_code": outcome.verdict().exit_code,
        "headline": headline(outcome, document.facts.trial),
        "reason": reason(outcome),
        "unproven": outcome.unproven(),
        "run": asdict(document.facts),
        "outcome": asdict(outcome),
        "plan": document.plan.as_dict(),
        "logs": sorted(document.logs),
    }
    return json.dumps(plain_values(whole), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def plain_values(value: Any, name: str = "") -> Any:
    """Return a value as JSON types, without secrets; `name` is its key."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        secret = name == "accounts"  # a manifest's test accounts: name to password
        return {str(key): HIDDEN if secret else plain_values(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [plain_values(inner, name) for inner in value]
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, datetime | date):
        value = value.isoformat()
    known = value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if known else _without_secret(str(value), name)


def _without_secret(text: str, name: str) -> str:
    return HIDDEN if text and is_secret(name) else redact(text)


def cleaned(document: Document) -> Document:
    """Return the document as read from its JSON: no secrets, plain values only."""
    return from_json(
        as_json(document), "the report", {name: redact(log) for name, log in sorted(document.logs.items())}
    )


def load(path: Path) -> Document:
    """Read a report.json and the logs beside it. Raises UsageError if it is no report, or contradicts itself."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(
            f"The report {path} cannot be read: {why}.", repair="name a folder reports/<run>, or its report.json"
        ) from error
    logs = {log.stem: log.read_text(encoding="utf-8", errors="replace") for log in path.parent.glob("logs/*.log")}
    return from_json(text, str(path), dict(sorted(logs.items())))


def from_json(text: str, name: str, logs: dict[str, str]) -> Document:
    """Read the output of `as_json`. Raises UsageError for anything else."""
    try:
        data = json.loads(text)
        schema = data["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{name} is not a report of this harness.") from error
    if schema != SCHEMA:
        raise UsageError(
            f"{name} has schema {schema}; this harness reads schema {SCHEMA}.",
            repair="read it with the harness that wrote it",
        )
    try:
        document = Document(_facts(data["run"]), _outcome(data["outcome"]), Step.from_dict(data["plan"]), logs)
        verdict = data["verdict"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{name} is damaged ({type(error).__name__}: {error}).") from error
    found = document.outcome.verdict().value
    if found != verdict:
        raise UsageError(f"{name} says {verdict}, but what it holds adds up to {found}: it has been changed.")
    return document


def _facts(data: dict[str, Any]) -> RunFacts:
    facts = RunFacts(**data)
    facts.images = [ImageFact(**image) for image in data["images"]]
    facts.steps = [StepFact(**{**step, "actions": tuple(step["actions"])}) for step in data["steps"]]
    facts.started = datetime.fromisoformat(data["started"]) if data["started"] else None
    return facts


def _outcome(data: dict[str, Any]) -> Outcome:
    return Outcome(
        [Report.from_json(json.dumps(report)) for report in data["reports"]],
        list(data["unanswered"]),
        tuple(data["expected"]),
        [
            Accepted(_finding(one["finding"]), one["who"], one["why"], date.fromisoformat(one["until"]))
            for one in data["accepted"]
        ],
        list(data["remarks"]),
        data.get("no_upgrade", ""),  # reports of earlier versions do not know it
    )


def _finding(data: dict[str, Any]) -> Finding:
    blocks = tuple((title, text) for title, text in data["blocks"])
    return Finding(**{**data, "samples": tuple(data["samples"]), "blocks": blocks})
