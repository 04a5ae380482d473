"""The account that a health check logs in with: the site's own, where its password is known, else one for a copy.

A dump of a site's own names no password. Without an account nothing that is deployed gets healthy, which would say
nothing about the upgrade; so one is made on the copy, and what is wrong with the site's own is said.
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
"""What `/opt/rt/healthcheck` takes where the environment is silent."""
REPAIR = "/opt/rt/healthcheck-user in the image makes it and lets it see its ticket"


@dataclass(frozen=True)
class HealthUser:
    """What an instance's check is given. environment: variables to set. doubts: sentences about the site's own."""

    password: str
    environment: Mapping[str, str]
    doubts: tuple[str, ...] = ()


def health_user(tools: Rt, environment: Mapping[str, str], known: str = "") -> HealthUser:
    """Return the account to deploy a copy with. Writes to the copy, where no password is known.

    tools: of the release that is deployed, on the copy. environment: the definition's. known: the password of the
    site's own account. Raises InfrastructureError when RT cannot make an account.
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
    # A subject that is wanted is the one of the site's own ticket.
    own = {USER: name, TICKET: str(said["ticket"]), SUBJECT: environment.get(SUBJECT, "")}
    if own[TICKET] != asked[TICKET]:
        own[SUBJECT] = ""
    return HealthUser(password, own, doubts)
