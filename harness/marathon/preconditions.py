"""Check before a deploy that its success can be proven, and that no other app uses the same database.

After the deploy it is too late to find that nothing identifies the wanted release: going back costs a deploy, and
after an upgrade a restore.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from harness.errors import UsageError
from harness.marathon.definition import App, health_checks, labels_of
from harness.marathon.lint import lint
from harness.marathon.lint.catalogue import LintFinding
from harness.marathon.model import AppState
from harness.marathon.mounts import secrets_of
from harness.marathon.rollback import absolute

DEFAULT_DIALECT = "1.6"


def dialect_of(version: str) -> str:
    """Return lint's dialect for a Marathon version: 1.4 up to that, 1.6 for 1.5 to 1.7, 1.10 for all later."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        return DEFAULT_DIALECT
    number = int(match[1]), int(match[2])
    return "1.4" if number <= (1, 4) else "1.6" if number < (1, 8) else "1.10"


def objections(definition: App, dialect: str, running: App | None) -> tuple[list[LintFinding], list[LintFinding]]:
    """Return lint's (errors, warnings) for a definition, compared with the running one."""
    found = lint(definition, dialect, previous=running)
    return [violation for violation in found if violation.level == "E"], [
        violation for violation in found if violation.level != "E"
    ]


def need_provable(definition: App) -> None:
    """Raise UsageError for a definition whose deploy cannot be proven good."""
    if not health_checks(definition):
        raise UsageError(
            "The definition has no health check, so Marathon knows nothing of its health and no deploy is proven.",
            repair="give it healthChecks; docs/marathon.md has the one of RT",
        )
    if not labels_of(definition).get("RT_RELEASE"):
        raise UsageError(
            "The definition has no label RT_RELEASE, so no instance could be asked whether it is that release.",
            repair='add "RT_RELEASE": "<release of the image>" to labels',
        )


def need_alone(definition: App, apps: Iterable[AppState], beside: Collection[str]) -> None:
    """Raise UsageError if another running app has the same secrets, and so the same database.

    Its release would work on the same database as the new one, which no decision about this id alone notices.
    beside: ids that may run.
    """
    folder, own = secrets_of(definition), absolute(definition)
    allowed = {"/" + app_id.strip("/") for app_id in beside} | {own}
    others = [
        app
        for app in apps
        if (app.instances or app.running or app.staged) and absolute(app.definition) not in allowed
    ]
    met = sorted(app.id for app in others if folder and secrets_of(app.definition) == folder)
    if met:
        raise UsageError(
            f"{', '.join(met)} runs with the same secrets ({folder}), so on the same database as {own} would.",
            repair="stop it, or deploy under its id; where both are right together, name it: "
            + " ".join(f"--beside {name}" for name in met),
        )
