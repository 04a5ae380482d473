"""Checks that need the image before a deploy: its upgrade steps, and whether its COMMAND checks can run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Any

from docker import DockerClient
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container
from requests import RequestException

from harness import engine
from harness.common import owner
from harness.common.notify import Notify, quiet
from harness.engine.containers import unique_name
from harness.errors import InfrastructureError
from harness.marathon.definition import HTTP_LIKE, App, checks_in_effect, commands, image_of
from harness.marathon.lint import lint
from harness.releases import VERSION, parse
from harness.verdict import Finding

UPGRADE = "/opt/rt/upgrade"
SCRATCH = "rt.scratch"
"""Label of images in which RT_SCRATCH pins database and mail (image/rt/99-site.pm)."""
NO_PROGRAM = (126, 127)
"""Exit codes of a shell if the program is missing, or may not be run."""
NOT_FOUND = re.compile(
    r"^(?:/\S*/)?(?:a|ba|da|k)?sh: (?:(?:line )?\d+: )?(?:exec: )?\S+: (?:command )?not found$", re.MULTILINE
)
"""A shell's message about a missing program: before `||` or in a pipe no exit code tells of it."""
GIVES_UP = re.compile(
    r"\|\|\s*(?:false\b|exit\b(?:\s*[1-9]\d*)?|[({]\s*echo\b[^|&;(){}]*;\s*exit\s+[1-9]\d*\s*;?\s*[)}])"
)
"""What only turns a failure into another exit code."""


def upgrade_steps(image: str) -> list[str]:
    """Return the names of the upgrade steps that an image carries, oldest first; it may be pulled.

    Read from the image itself, because a label is only what was once written there. Raises InfrastructureError if
    the engine does not answer, cannot get the image, or finds no steps in it.
    """
    code, said = _run(image, "ls", [UPGRADE])
    steps = sorted((name for name in said.split() if VERSION.match(name)), key=parse)
    if code or not steps:
        raise InfrastructureError(
            f"The image {image} carries no upgrade steps in {UPGRADE}, so it is no RT of this project.",
            repair=f"docker run --rm --entrypoint ls {image} {UPGRADE}",
        )
    return steps


def need_scratch_switch(client: DockerClient, image: str) -> None:
    """Require that an image on this machine knows RT_SCRATCH; one that only agents can pull is not looked at.

    Raises InfrastructureError for an image built before the switch: the site's own files, mounted in production's
    definition, would lead its instances to production's database and mail.
    """
    try:
        labels = client.images.get(image).labels
    except ImageNotFound:
        return
    if SCRATCH not in labels:
        raise InfrastructureError(
            f"The image {image} was not deployed for a trial: it does not know the switch RT_SCRATCH, so that the "
            "site's own files could lead it to production's database.",
            repair="build the image from this version (make images), push it, and name it in RT_IMAGE",
        )


def lint_errors(app: App, check: str) -> list[Finding]:
    """Return lint's errors as findings of a check."""
    return [
        Finding(check, violation.where, f"lint rule {violation.rule.id}: {violation.what}", repair=violation.fix)
        for violation in lint(app)
        if violation.level == "E"
    ]


def check_commands_in_image(app: App, check: str, notify: Notify = quiet) -> list[Finding]:
    """Return the COMMAND checks that cannot fail, or only fail. Raises InfrastructureError as `upgrade_steps`.

    Each command is run once, in a container that serves nothing; so it must fail, and its programs must be there.
    If it passes, an instance is called healthy whatever RT does, unless an HTTP check asks it as well. If a
    program is missing, it fails for ever, and Marathon only reports the task as unhealthy. Where another command
    may stand in (`curl ... || wget ...`), the whole may work: `notify` is told of the missing one, and it is no
    finding. A check is named by its place: its command, and what that says, may hold a password.
    """
    found = []
    decides = _deciding_command(app)
    for where, command in commands(app):
        code, said = _run(image_of(app), "timeout", ["10", "/bin/sh", "-c", command])
        if code == 0 and command == decides:
            what = f"The check's command passes in {image_of(app)} without an RT, so it says nothing of one."
            repair = "let its exit code say whether RT answered, as that of /opt/rt/healthcheck 127.0.0.1 80 does"
            found.append(Finding(check, where, what, repair=repair))
            continue
        missing = NOT_FOUND.search(said)
        if code not in NO_PROGRAM and not missing:
            continue
        lacks = f"{missing.group()}; " if missing else ""
        if _may_do_without(command, code):
            notify(
                f"{image_of(app)} lacks a program ({lacks}exit code {code}) that the check {where} may do without"
            )
        else:
            what = f"The check's command cannot be run in {image_of(app)} ({lacks}exit code {code})."
            repair = "name a program that is in the image, such as /opt/rt/healthcheck"
            found.append(Finding(check, where, what, repair=repair))
    return found


def _deciding_command(app: App) -> str:
    """Return the command on which an instance's health depends; "" if an HTTP check asks it as well, or alone."""
    checks = checks_in_effect(app)
    if any(check.protocol in HTTP_LIKE for check in checks):
        return ""
    return next((check.command for check in checks if check.protocol == "COMMAND"), "")


def _may_do_without(command: str, code: int) -> bool:
    """Tell whether a command that lacks a program, and ended with `code`, has another one in its place.

    After `;` the next one runs in any case; where it is the missing one, the code says so.
    """
    rest = GIVES_UP.sub("", command).strip("; \n")
    return "||" in rest or (code not in NO_PROGRAM and re.search(r"[;\n]", rest) is not None)


def _run(image: str, program: str, arguments: Sequence[str]) -> tuple[int, str]:
    """Run a program in a container without a network; return its exit code and its output."""
    name = unique_name("in-image")
    with contextlib.closing(engine.connect()) as client:
        try:
            container = _created(
                client,
                image,
                command=list(arguments),
                entrypoint=program,
                network_mode="none",
                name=name,
                labels=owner.labels("in-image"),
            )
            container.start()
            code = int(container.wait()["StatusCode"])
            # Read after the end: a followed log was seen to stop before its last lines.
            return code, container.logs().decode(errors="replace")
        except (DockerException, RequestException) as error:
            raise InfrastructureError(
                f"The image {image} could not be asked.",
                [("Engine", str(error))],
                "name an image that this machine has or can pull",
            ) from error
        finally:  # also a container that was created and could not be started
            with contextlib.suppress(DockerException, RequestException):
                client.api.remove_container(name, v=True, force=True)


def _created(client: DockerClient, image: str, **options: Any) -> Container:
    """Return a new container of an image, which is pulled if this machine does not have it."""
    try:
        return client.containers.create(image, **options)
    except ImageNotFound:
        client.images.pull(image)
        return client.containers.create(image, **options)
