"""Rule L06: types, ranges and unknown keys, by the table in `harness.marathon.schema`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.marathon.definition import App, mapping, number
from harness.marathon.lint.catalogue import LintFindings, lint_finding
from harness.marathon.networking import Dialect
from harness.marathon.schema import ANSWER_KEYS, APP, UNREACHABLE, Spec

OF_OTHERS = {
    "pod": "lint and deploy its containers as apps, or watch the pod by other means: /v2/pods",
    "group": "lint and deploy each of its apps from a file of its own",
}
"""What else Marathon takes, and what to do with it."""


def other_kind(app: App) -> str:
    """Return "pod" or "group" for a definition of one, "" for an app's, however faulty."""
    if any(key in app for key in ("container", "cmd", "args")):
        return ""
    if isinstance(app.get("containers"), list) or isinstance(app.get("scaling"), Mapping):
        return "pod"
    return "group" if any(isinstance(app.get(key), list) for key in ("apps", "groups")) else ""


def shape(app: App, dialect: Dialect) -> LintFindings:
    """Compare the whole definition with the table."""
    yield from _object(app, APP, "", dialect)


def _value(value: Any, spec: Spec, where: str, dialect: Dialect) -> LintFindings:
    spec = spec.of(dialect)
    if spec.kind == "unreachable":
        yield from _unreachable(value, where, dialect)
    elif spec.kind == "env":
        yield from _environment(value, where)
    elif not _is(value, spec.kind):
        yield lint_finding("L06", where, f"must be {_article(spec.kind)}, is {shown(value)}")
    elif spec.kind == "object":
        yield from _object(value, spec, where, dialect)
    elif spec.kind == "list" and spec.item:
        for index, one in enumerate(value):
            yield from _value(one, spec.item, f"{where}({index})", dialect)
    elif spec.kind == "map" and spec.item:
        for key, one in value.items():
            yield from _value(one, spec.item, f"{where}/{key}", dialect)
    elif spec.kind in ("integer", "number"):
        yield from _range(value, spec, where)
    elif spec.kind == "string":
        yield from _string(value, spec, where)


def _object(value: Mapping[str, Any], spec: Spec, where: str, dialect: Dialect) -> LintFindings:
    for key, one in value.items():
        known = spec.fields.get(key)
        if known is None:
            yield from _unknown(key, spec.fields, where)
            continue
        if known.since > dialect:
            yield lint_finding(
                "L06",
                f"{where}/{key}",
                f"is known from Marathon {known.since[0]}.{known.since[1]} on; "
                f"{dialect[0]}.{dialect[1]} ignores it",
                level="W",
                fix=f"do without {key} on this Marathon",
            )
        elif one is not None:  # null counts as absent, except in lists and in tables of free keys
            yield from _value(one, known, f"{where}/{key}", dialect)
    for key in spec.required:
        if value.get(key) is None:
            yield lint_finding("L06", f"{where}/{key}", "is required and missing", fix=f"give {key}")


def _unknown(key: str, known: Iterable[str], where: str) -> LintFindings:
    if not where and key in ANSWER_KEYS:
        yield lint_finding(
            "L06",
            f"/{key}",
            "is part of Marathon's answers and means nothing in a definition",
            level="W",
            fix=f"remove {key}",
        )
        return
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(key.lower(), by_lower, n=1, cutoff=0.6)
    # A shortened name (`gracePeriod`) is the most frequent typo and too short for the ratio alone.
    start = [name for lower, name in by_lower.items() if len(key) > 3 and lower.startswith(key.lower())]
    meant = start[0] if start else by_lower[close[0]] if close else ""
    hint = f"write {meant}" if meant else "remove it, or look the key up"
    yield lint_finding(
        "L06", f"{where}/{key}", "is no key that Marathon knows, so it is ignored", level="W", fix=hint
    )


def _range(value: float, spec: Spec, where: str) -> LintFindings:
    if spec.minimum is not None and value < spec.minimum:
        yield lint_finding("L06", where, f"must be at least {spec.minimum:g}, is {shown(value)}")
    elif spec.maximum is not None and value > spec.maximum:
        yield lint_finding("L06", where, f"must be at most {spec.maximum:g}, is {shown(value)}")


def _string(value: str, spec: Spec, where: str) -> LintFindings:
    if spec.values and value not in spec.values:
        close = difflib.get_close_matches(value.upper(), [one.upper() for one in spec.values], n=1)
        hint = f"write {next(v for v in spec.values if v.upper() == close[0])}" if close else ""
        yield lint_finding("L06", where, f"must be one of {', '.join(spec.values)}, is {shown(value)}", fix=hint)
    elif spec.minimum and len(value) < spec.minimum:
        short = "must not be empty" if spec.minimum == 1 else "must be longer than 1 character"
        yield lint_finding("L06", where, short)
    elif spec.maximum and len(value) > spec.maximum:
        yield lint_finding("L06", where, f"must have at most {spec.maximum:g} characters, has {len(value)}")
    elif spec.pattern and not re.fullmatch(spec.pattern, value):
        yield lint_finding(
            "L06", where, f"must consist of lower-case letters, digits and inner hyphens, is {shown(value)}"
        )


def _unreachable(value: Any, where: str, dialect: Dialect) -> LintFindings:
    if value == "disabled":
        return
    if not isinstance(value, Mapping):
        yield lint_finding("L06", where, f'must be "disabled" or an object, is {shown(value)}')
        return
    yield from _object(value, UNREACHABLE, where, dialect)
    inactive, expunge = (number(value.get(key), 0) for key in ("inactiveAfterSeconds", "expungeAfterSeconds"))
    if inactive > expunge:
        yield lint_finding(
            "L06", where, f"inactiveAfterSeconds {inactive:g} must not exceed expungeAfterSeconds {expunge:g}"
        )


def _environment(value: Any, where: str) -> LintFindings:
    if not isinstance(value, Mapping):
        yield lint_finding("L06", where, f"must be an object, is {shown(value)}")
        return
    for name, one in value.items():
        if not isinstance(one, str) and not isinstance(mapping(one).get("secret"), str):
            yield lint_finding(
                "L06",
                f"{where}/{name}",
                f'must be a string or {{"secret": name}}, is {shown(one)}',
                fix="put the value in quotes: environment variables are strings",
            )


def _is(value: Any, kind: str) -> bool:
    tests: dict[str, Callable[[], bool]] = {
        "string": lambda: isinstance(value, str),
        "boolean": lambda: isinstance(value, bool),
        "integer": lambda: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda: isinstance(value, int | float) and not isinstance(value, bool),
        "list": lambda: isinstance(value, list | tuple),
        "map": lambda: isinstance(value, Mapping),
        "object": lambda: isinstance(value, Mapping),
    }
    return kind == "any" or tests[kind]()


def _article(kind: str) -> str:
    return {"integer": "a whole number", "object": "an object", "map": "an object", "list": "a list"}.get(
        kind, f"a {kind}"
    )


def shown(value: Any) -> str:
    """Return a value in one short piece for a finding, whatever its type."""
    try:
        said = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return "an enormous number"
    return said if len(said) <= 60 else said[:57] + "..."
