"""Provide the account for health checks: the site's own if its password is known, else one created on the copy.

A dump contains no plain password. Without an account no instance gets healthy, which would say nothing about the
upgrade; so an account is created on the copy, and defects of the site's own one are reported.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.common import redact
from harness.errors import InfrastructureError
from harness.rt import Rt

PROGRAM = Path(__file__).parents[1] / "perl" / "health_user.pl"
USER, TICKET, SUBJECT = "RT_HEALTHCHECK_USER", "RT_HEALTHCHECK_TICKET", "RT_HEALTHCHECK_SUBJECT"
STANDARD = {USER: "healthcheck", TICKET: "1"}
"""Defaults of `/opt/rt/healthcheck` for variables that are not set."""
REPAIR = "/opt/rt/healthcheck-user in the image makes it and lets it see its ticket"


@dataclass(frozen=True)
class HealthUser:
    """An instance's health check account. environment: variables to set.

    doubts: sentences about the site's own account.
    """

    password: str
    environment: Mapping[str, str]
    doubts: tuple[str, ...] = ()


def health_user(tools: Rt, environment: Mapping[str, str], known: str = "") -> HealthUser:
    """Return the account to deploy a copy with; creates one on the copy if no password is known.

    tools: of the release that is deployed, on the copy. environment: the definition's. known: the password of the
    site's own account.
    Raises InfrastructureError if RT cannot create an account.
    """
    if known:
        return HealthUser(known, {})
    asked = {**STANDARD, **{name: value for name, value in environment.items() if name in STANDARD}}
    name, password = f"harness-{secrets.token_hex(4)}", secrets.token_hex(12)
    done = tools.perl(PROGRAM.read_text(encoding="utf-8"), asked[USER], asked[TICKET], name, password)
    if done.code:
        raise InfrastructureError(
            f"No account for the health check could be made on the copy (exit code {done.code}).",
            [("Errors", redact.lines("\n".join(done.err.splitlines()[-5:])))],
        )
    said = json.loads(done.out.splitlines()[-1])
    doubts = tuple(
        f"whether the site's own health check gets healthy: {one}, so it would not ({REPAIR})"
        for one in said["doubts"]
    )
    # A required subject applies only to the site's own ticket.
    own = {USER: name, TICKET: str(said["ticket"]), SUBJECT: environment.get(SUBJECT, "")}
    if own[TICKET] != asked[TICKET]:
        own[SUBJECT] = ""
    return HealthUser(password, own, doubts)
