"""Lint for app definitions: python -m harness.marathon lint app.json.

Answers before anything is deployed what Marathon would reject, and what it would accept and regret.
Exit codes: 0 nothing found, 1 something found, 3 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.arguments import Parser
from harness.errors import UsageError
from harness.marathon.definition import App, load
from harness.marathon.lint_catalogue import DIALECTS, RULES, LintFinding, found, parse_dialect
from harness.marathon.lint_rules_deploy import deployment
from harness.marathon.lint_rules_health import health
from harness.marathon.lint_rules_shape import shape
from harness.marathon.lint_rules_together import together


def lint(
    app: object, dialect: str = "1.6", *, previous: App | None = None, measured_start: float | None = None
) -> list[LintFinding]:
    """Return everything the rules object to, errors first, then by rule.

    `app` may be any JSON value. `dialect` is a Marathon version. `previous` is the definition that runs
    now (L02 compares), `measured_start` the seconds from RUNNING to the first success (L13 compares).
    """
    if not isinstance(app, dict):
        return [found("L06", "/", f"an app definition is a JSON object, not a {type(app).__name__}")]
    version = parse_dialect(dialect)
    everything = [
        *shape(app, version),
        *together(app, version),
        *health(app, version, measured_start),
        *deployment(app, version, previous),
    ]
    return sorted(everything, key=lambda one: (one.level != "E", one.rule.id))


def as_json(name: str, findings: Sequence[LintFinding]) -> dict[str, object]:
    """Return one file's findings for --json."""
    return {
        "file": name,
        "findings": [
            {
                "rule": one.rule.id, "level": one.level, "where": one.where, "what": one.what,
                "reason": one.rule.reason, "fix": one.fix,
            }
            for one in findings
        ],
    }  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `lint`."""
    parser.add_argument("files", nargs="*", type=Path, metavar="app.json", help="app definitions to look at")
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    parser.add_argument("--dialect", choices=DIALECTS, default="1.6", help="Marathon version (default: 1.6)")
    parser.add_argument("--errors-only", action="store_true", help="leave warnings (W) out")
    parser.add_argument("--previous", type=Path, help="definition that runs now, for rules that compare")
    parser.add_argument("--measured-start", type=float, metavar="S", help="seconds a start took (L13)")
    parser.add_argument("--rules", action="store_true", help="print every rule with its reason and fix")


def run(options: argparse.Namespace) -> int:
    """Carry `lint` out and return its exit code. Raises UsageError for files that are no definition."""
    if options.rules:
        print(
            "\n".join(f"{r.id} {r.level} {r.title}\n    why: {r.reason}\n    fix: {r.fix}" for r in RULES.values())
        )
        return 0
    if not options.files:
        raise UsageError("No app definition was named.", repair="python -m harness.marathon lint marathon.json")
    previous = load(options.previous) if options.previous else None
    results = {}
    for path in options.files:
        every = lint(load(path), options.dialect, previous=previous, measured_start=options.measured_start)
        results[str(path)] = [one for one in every if one.level == "E" or not options.errors_only]
    if options.json:
        print(json.dumps([as_json(name, findings) for name, findings in results.items()], indent=2))
    else:
        for name, findings in results.items():
            print(f"{name}: {len(findings)} finding(s)" if findings else f"{name}: clean ({len(RULES)} rules)")
            print("".join(f"  {str(one).replace(chr(10), chr(10) + '  ')}\n" for one in findings), end="")
    return 1 if any(results.values()) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `lint` alone: python -m harness.marathon.lint app.json."""
    parser = Parser(prog="python -m harness.marathon lint", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(arguments))
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
