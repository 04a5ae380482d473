"""Lint for app definitions: what Marathon would refuse, and what it would take and the site regret.

Nothing is deployed, and no Marathon is asked. Examples:
  python -m harness.marathon lint marathon.json other.json
  curl -s http://marathon.example.org/v2/apps/rt | python -m harness.marathon lint -
  python -m harness.marathon lint --previous live.json marathon.json

Errors (E): Marathon refuses it, or it can never work. Warnings (W): it works until it hurts.
Exit codes: 0 nothing found, 1 something found (with --errors-only: an error), 3 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from harness.common.wording import amount
from harness.errors import UsageError
from harness.marathon.definition import App, load, parse
from harness.marathon.lint import lint
from harness.marathon.lint.catalogue import DIALECTS, RULES, Level, LintFinding
from harness.marathon.schema import ANSWER_KEYS

HEADS: dict[Level, tuple[str, str]] = {
    "E": ("error", "Marathon refuses it, or it can never work:"),
    "W": ("warning", "It works until it hurts:"),
}
"""Name of a level, and the heading of its findings."""


def as_json(name: str, findings: Sequence[LintFinding]) -> dict[str, object]:
    """Return one file's findings for --json."""
    return {
        "file": name,
        "findings": [
            {
                "rule": one.rule.id,
                "level": one.level,
                "where": one.where,
                "what": one.what,
                "reason": one.rule.reason,
                "fix": one.fix,
            }
            for one in findings
        ],
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `lint`."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="app.json",
        help="app definitions to look at, or Marathon's answers; - reads one",
    )
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    parser.add_argument(
        "--dialect",
        choices=DIALECTS,
        default="1.6",
        help="Marathon version (default: 1.6, which stands for 1.5 to 1.7; 1.10 stands for 1.8 on)",
    )
    parser.add_argument("--errors-only", action="store_true", help="leave warnings (W) out")
    parser.add_argument("--previous", help="definition or answer of what runs now, to compare with (L02)")
    parser.add_argument("--measured-start", type=float, metavar="S", help="seconds a start took (L13)")
    parser.add_argument("--rules", action="store_true", help="print every rule with its reason and fix")


def read(name: str) -> App:
    """Read a definition from a file, or from standard input for "-". Raises UsageError if it is none.

    Marathon wraps its answer about one app as {"app": {...}}; the wrapper is removed, with keys that only answers
    have.
    """
    given = parse("standard input", sys.stdin.read) if name == "-" else load(Path(name))
    inner = given.get("app")
    if set(given) != {"app"} or not isinstance(inner, dict):
        return given
    return {key: value for key, value in inner.items() if key not in {*ANSWER_KEYS, "version"}}


def told(name: str, findings: Sequence[LintFinding], *, errors_only: bool = False) -> str:
    """Format one file's findings for a person: errors first, each level under its own heading.

    errors_only: True if warnings are not among the findings.
    """
    levels = {level: [one for one in findings if one.level == level] for level in HEADS}
    counted = ", ".join(amount(len(hits), f"{HEADS[level][0]}s") for level, hits in levels.items() if hits)
    clean = f"no errors; warnings left out ({len(RULES)} rules)" if errors_only else f"clean ({len(RULES)} rules)"
    lines = [f"{name}: {counted or clean}"]
    for level, hits in levels.items():
        lines += [f"  {HEADS[level][1]}"] if hits else []
        lines += [textwrap.indent(str(one), "    ") for one in hits]
    return "\n".join(lines)


def run(options: argparse.Namespace) -> int:
    """Run `lint` and return its exit code. Raises UsageError for files that are no definition."""
    if options.rules:
        print(
            "\n".join(f"{r.id} {r.level} {r.title}\n    why: {r.reason}\n    fix: {r.fix}" for r in RULES.values())
        )
        return 0
    if not options.files:
        raise UsageError("No app definition was named.", repair="python -m harness.marathon lint marathon.json")
    previous = read(options.previous) if options.previous else None
    results = {}
    for name in options.files:
        every = lint(read(name), options.dialect, previous=previous, measured_start=options.measured_start)
        results[name] = [one for one in every if one.level == "E" or not options.errors_only]
    if options.json:
        print(json.dumps([as_json(name, findings) for name, findings in results.items()], indent=2))
    else:
        print(
            "\n".join(told(name, findings, errors_only=options.errors_only) for name, findings in results.items())
        )
    return 1 if any(results.values()) else 0
