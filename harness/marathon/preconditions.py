"""Check before a deploy that its success can be proven, and that no other app uses the same database.

After the deploy it is too late to find that nothing identifies the wanted release: going back costs a deploy, and
after an upgrade a restore.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from harness.errors import UsageError
from harness.marathon.definition import App, health_checks, instances_of, labels_of
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
    if instances_of(definition) < 1:
        raise UsageError(
            "The definition wants no instance (instances: 0), so the site would be stopped and nothing be proven.",
            repair="give instances the number that should run; an app is stopped by scaling it to 0 in Marathon",
        )
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
    met = others_on_database(definition, apps, beside)
    if met:
        raise UsageError(
            met_sentence(definition, met),
            repair="stop it, or deploy under its id; where both are right together, name it: "
            + " ".join(f"--beside {name}" for name in met),
        )


def need_others_stopped(definition: App, apps: Iterable[AppState]) -> None:
    """Raise UsageError if another running app has the same secrets, because the database is to be changed.

    No id may run: what an app writes after the backup would be lost by a restore, and its release would meet the
    tables in the middle of their upgrade.
    """
    met = others_on_database(definition, apps)
    if met:
        raise UsageError(met_sentence(definition, met), repair=SCALE_DOWN)


SCALE_DOWN = (
    "scale it to 0, and when this is over start it with an image of the new release: nothing may write while the "
    "database is changed, so --beside permits no instance here"
)


def others_on_database(definition: App, apps: Iterable[AppState], beside: Collection[str] = ()) -> list[str]:
    """Return the ids of other apps that run with the same secrets, and so on the same database."""
    folder = secrets_of(definition)
    allowed = {"/" + app_id.strip("/") for app_id in beside} | {absolute(definition)}
    others = [
        app
        for app in apps
        if (app.instances or app.running or app.staged) and absolute(app.definition) not in allowed
    ]
    return sorted(app.id for app in others if folder and secrets_of(app.definition) == folder)


def met_sentence(definition: App, met: Collection[str]) -> str:
    """Return a sentence about other apps on the database of a definition."""
    folder, own = secrets_of(definition), absolute(definition)
    run = "runs" if len(met) == 1 else "run"
    return f"{', '.join(met)} {run} with the same secrets ({folder}), so on the same database as {own} would."
