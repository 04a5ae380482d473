"""Initialise an empty database as a new site with RT's own `init`."""

from __future__ import annotations

from harness.engine.commands import CommandResult
from harness.errors import InfrastructureError
from harness.rt import Rt


def initialise(tools: Rt) -> CommandResult:
    """Run RT's `init` on an empty database, as the application's user."""
    return tools.run(
        "sh",
        "-c",
        'printf "%s\\n" "$1" >/tmp/root.passwd && exec rt-setup-database --action init --skip-create --force '
        "--root-password-file /tmp/root.passwd </dev/null",
        "init",
        "password",
        limit=300,
    )


def need_initialised(tools: Rt) -> None:
    """Run RT's `init`, which must succeed. Raises InfrastructureError with its output."""
    done = initialise(tools)
    if done.code:
        raise InfrastructureError(
            f"RT {tools.release} could not initialise an empty database (exit code {done.code}).",
            [("Output", done.out[-2000:]), ("Errors", done.err[-2000:])],
        )
