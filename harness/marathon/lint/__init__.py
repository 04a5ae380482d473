"""Lint app definitions: report what Marathon would refuse, and what it would accept to the site's harm.

`catalogue` has every rule with its reason and its fix, `rules_shape`, `rules_together`, `rules_networks`,
`rules_health` (with `paths`, `public_name` and `always_passes`) and `rules_deploy` find violations, `command_line`
reads files and prints results.
"""

from __future__ import annotations

from harness.marathon.definition import App
from harness.marathon.lint.catalogue import LintFinding, lint_finding, parse_dialect
from harness.marathon.lint.rules_deploy import deployment
from harness.marathon.lint.rules_health import health
from harness.marathon.lint.rules_shape import OF_OTHERS, other_kind, shape
from harness.marathon.lint.rules_together import together
from harness.marathon.unsendable import unsendable


def lint(
    app: object, dialect: str = "1.6", *, previous: App | None = None, measured_start: float | None = None
) -> list[LintFinding]:
    """Return the findings of all rules, errors first, then by rule.

    `app` may be any JSON value. `dialect` is a Marathon version. `previous` is the definition that runs now (L02
    compares), `measured_start` the seconds from RUNNING to the first success (L13 compares).
    """
    if not isinstance(app, dict):
        return [lint_finding("L06", "/", f"an app definition is a JSON object, not a {type(app).__name__}")]
    if unsent := [lint_finding("L06", where, what) for where, what in unsendable(app)]:
        return unsent  # what Marathon cannot read it judges no further
    version = parse_dialect(dialect)
    if other := other_kind(app):
        return [lint_finding("L06", "/", f"this is a {other}: only apps are read here", fix=OF_OTHERS[other])]
    everything = [
        *shape(app, version),
        *together(app, version),
        *health(app, version, measured_start),
        *deployment(app, version, previous),
    ]
    return sorted(everything, key=lambda one: (one.level != "E", one.rule.id))
