"""Ask the guard of an RT image how it judges a database for that release."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import Rt
from harness.upgrade.lifecycle import Lifecycle

PROGRAM = "/opt/rt/guard"
AWAY, OLDER, NEWER, HALF_WAY, EMPTY = 70, 71, 72, 73, 74
"""Exit codes of the guard, and of an image that refuses to serve (image/rt/README.md)."""
SPOKEN = (0, OLDER, NEWER, HALF_WAY, EMPTY)
"""Exit codes that are a judgement of the database."""
WAIT = 30
"""Seconds in which the server has to answer the guard: a slow disk says nothing about the site."""


@dataclass(frozen=True)
class Judgement:
    """The guard's answer. code: 0 for this release's own database. level: the release that the history names.

    missing: steps that this release knows and that were not applied to the database.
    """

    release: str
    code: int
    reason: str
    level: str = ""
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the judgement as one line."""
        return f"RT {self.release}: exit code {self.code}, {self.reason}"


def ask(tools: Rt) -> Judgement:
    """Ask the guard of a running container.

    Raises InfrastructureError if its answer is not in the agreed format.
    """
    done = tools.run(PROGRAM, "--wait", str(WAIT), "--json")
    try:
        said = json.loads(done.out)
        if said["exit_code"] != done.code:
            raise ValueError(f"it says {said['exit_code']} and exits with {done.code}")
        return Judgement(
            tools.release,
            done.code,
            said["reason"],
            said.get("database_release") or "",
            tuple(said.get("missing_steps") or ()),
        )
    except (ValueError, KeyError) as error:
        raise InfrastructureError(
            f"The guard of RT {tools.release} gave no usable answer (exit code {done.code}).",
            [("Error", str(error)), ("Output", done.out[-500:]), ("Errors", done.err[-500:])],
        ) from error


def try_to_serve(lifecycle: Lifecycle, release: str, database: Database, **options: Any) -> tuple[int, str]:
    """Start a release's site on a database; return its exit code and log, or (0, "") if it serves."""
    with lifecycle.site(release, database, wait=False, **options) as site:

        def settled() -> tuple[int, str]:
            state = site.container.docker.attrs["State"]
            if not state["Running"]:
                return int(state["ExitCode"]), site.container.logs()
            if _serves(site):
                return 0, ""
            raise Retry("it neither ended nor serves")

        return wait_until(f"RT {release} serving or ending", settled, 60, evidence=site.container.evidence)


def _serves(site: Rt) -> bool:
    try:
        site.wait(0)
    except InfrastructureError:
        return False
    return True
