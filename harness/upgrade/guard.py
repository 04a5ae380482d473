"""Ask the guard of an RT image how it judges a database for that release."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from harness.common.waits import Retry, wait_until
from harness.database import Database
from harness.errors import InfrastructureError
from harness.releases import Pair
from harness.rt import Rt
from harness.upgrade.lifecycle import Lifecycle

PROGRAM = "/opt/rt/guard"
AWAY, OLDER, NEWER, HALF_WAY, EMPTY = 70, 71, 72, 73, 74
"""Exit codes of the guard, and of an image that refuses to serve (image/rt/README.md)."""
SPOKEN = (0, OLDER, NEWER, HALF_WAY, EMPTY)
"""Exit codes that are a judgement of the database."""
WAIT = 30
"""Seconds in which the server has to answer the guard: a slow disk says nothing about the site."""
KNOWN = "RT_GUARD_KNOWN"
"""Variable of an image: columns that the site has added to RT's tables itself, which the guard then accepts."""
_OWN = re.compile(r"column ([A-Za-z0-9_$]+\.[A-Za-z0-9_$-]+)")
"""An unexpected column in the guard's words; a name with other characters cannot be told in the variable."""


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


def environment(known: Collection[str]) -> dict[str, str]:
    """Return the environment with which an image accepts these columns: `Table.Column`."""
    return {KNOWN: " ".join(known)} if known else {}


def command(known: Collection[str] = (), wait: int = WAIT) -> tuple[str, ...]:
    """Return the command that asks the guard for an answer in JSON.

    known: the site's own columns. wait: seconds until a server that does not answer is given up.
    """
    accepted = [f"{name}={value}" for name, value in environment(known).items()]
    return (*(["env", *accepted] if accepted else []), PROGRAM, "--wait", str(wait), "--json")


def own_columns(*answers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that the site has added to RT's tables itself, as `Table.Column`.

    answers: those of the guards of both releases, in JSON, about the database before the upgrade. A column that
    one of them expects is RT's own: an old one that a step removes, or a new one that was there too early.
    """
    found = [
        {match[1] for one in (answer.get("structure") or {}).get("strange", ()) if (match := _OWN.fullmatch(one))}
        for answer in answers
    ]
    return tuple(sorted(set.intersection(*found))) if found else ()


def find_own_columns(*tools: Rt | None) -> tuple[str, ...]:
    """Ask the guards of both releases for `own_columns`. tools: on the untouched copy; None for no image."""
    return own_columns(*(_answer(one)[1] for one in tools if one))


def find_own_columns_of(lifecycle: Lifecycle, pair: Pair, database: Database) -> tuple[str, ...]:
    """Start tools of both releases of a pair on an untouched database, for `find_own_columns`."""
    with contextlib.ExitStack() as stack:
        tools = [stack.enter_context(lifecycle.new_side.tools(pair.target, database))]
        if lifecycle.has_image(pair.origin):
            tools.append(stack.enter_context(lifecycle.tools(pair.origin, database)))
        return find_own_columns(*tools)


def ask(tools: Rt, known: Collection[str] = ()) -> Judgement:
    """Ask the guard of a running container. known: the site's own columns.

    Raises InfrastructureError if its answer is not in the agreed format.
    """
    code, said = _answer(tools, known)
    return Judgement(
        tools.release,
        code,
        said["reason"],
        said.get("database_release") or "",
        tuple(said.get("missing_steps") or ()),
    )


def _answer(tools: Rt, known: Collection[str] = ()) -> tuple[int, dict[str, Any]]:
    done = tools.run(*command(known))
    try:
        said: dict[str, Any] = json.loads(done.out)
        if said["exit_code"] != done.code:
            raise ValueError(f"it says {said['exit_code']} and exits with {done.code}")
        return done.code, {"reason": said["reason"], **said}
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
