"""Rule L06 across several keys: combinations that Marathon rejects with 422 "Object is not valid".

The rules are those of AppValidation, SchedulingValidation and NetworkValidation of Marathon 1.5 and later. 1.4 has
them too, except for the keys that it does not know.
"""

from __future__ import annotations

import re
import warnings

from harness.marathon.definition import (
    App,
    items,
    mapping,
    number,
    resident,
    single_instance,
    text,
    whole,
)
from harness.marathon.lint.catalogue import LintFindings, lint_finding
from harness.marathon.lint.rules_networks import networks
from harness.marathon.lint.rules_shape import shown
from harness.marathon.networking import Dialect, docker_of, engine_of
from harness.marathon.schema import OPERATORS

URI = re.compile(r"(?:[^\x00-\x20\x7f\"<>\\^`{|}%]|%[0-9A-Fa-f]{2})*")
RESERVED = frozenset({"restart", "tasks", "versions", ".", ".."})
VALUE_WANTED = {
    "CLUSTER": "a value",
    "LIKE": "a regular expression",
    "UNLIKE": "a regular expression",
    "MAX_PER": "a whole number",
    "IS": "a value",
}


def together(app: App, dialect: Dialect) -> LintFindings:
    """Run every rule about keys that must be consistent with each other."""
    for rule in (_process, _identity, _artifacts, _scale, _resident):
        yield from rule(app)
    for each in (_container, _volumes, _secrets, _constraints, networks):
        yield from each(app, dialect)


def _process(app: App) -> LintFindings:
    container = mapping(app.get("container"))
    command, arguments = app.get("cmd") is not None, bool(app.get("args"))
    if command and arguments:
        yield lint_finding("L06", "/", "cmd and args exclude each other", fix="keep one of them")
    if not command and not arguments and container.get("docker") is None and container.get("appc") is None:
        yield lint_finding(
            "L06",
            "/",
            "there is nothing to run: neither cmd, args nor a container with an image",
            fix="give a container",
        )


def _identity(app: App) -> LintFindings:
    last = text(app.get("id")).rstrip("/").rpartition("/")[2]
    if last in RESERVED:
        yield lint_finding(
            "L06", "/id", f"may not end in {shown(last)}: the API uses that word", fix="choose another id"
        )
    if app.get("version") is not None and set(app) - {"id", "version"}:
        yield lint_finding(
            "L06", "/version", "means a rollback and may come with the id alone", fix="remove version"
        )


def _artifacts(app: App) -> LintFindings:
    if app.get("uris") and app.get("fetch"):
        yield lint_finding("L06", "/", "uris and fetch exclude each other", fix="keep fetch")
    given = {f"/uris({index})": uri for index, uri in enumerate(items(app.get("uris")))}
    fetched = enumerate(map(mapping, items(app.get("fetch"))))
    for where, uri in (given | {f"/fetch({index})/uri": one.get("uri") for index, one in fetched}).items():
        if isinstance(uri, str) and not URI.fullmatch(uri):
            yield lint_finding(
                "L06",
                where,
                f"is no URI: {shown(uri)}",
                fix="write blanks and other such characters as %20 and the like",
            )


def _container(app: App, dialect: Dialect) -> LintFindings:
    docker = engine_of(app) == "DOCKER"
    if docker and mapping(app.get("container")).get("docker") is None:
        yield lint_finding(
            "L06",
            "/container/docker",
            "a DOCKER container needs its docker object",
            fix="give container.docker, or no container at all",
        )
    if dialect >= (1, 5):
        yield from _registry(app, docker=docker)
    if docker and number(app.get("gpus"), 0) > 0:
        yield lint_finding(
            "L06",
            "/gpus",
            "Docker containers get no GPUs: only container type MESOS does",
            fix="remove gpus, or use container type MESOS",
        )


def _registry(app: App, *, docker: bool) -> LintFindings:
    written = docker_of(app)
    pull = written.get("pullConfig")
    where = "/container/docker/pullConfig"
    if docker and pull is not None:
        yield lint_finding(
            "L06",
            where,
            "goes with container type MESOS alone",
            fix="let the agents log in to the registry, and remove pullConfig",
        )
    elif pull is not None and text(mapping(pull).get("secret")) not in mapping(app.get("secrets")):
        yield lint_finding("L06", where, "names no secret that is defined", fix='define it under "secrets"')
    if written.get("credential") is not None:
        yield lint_finding(
            "L06",
            "/container/docker/credential",
            "is no longer taken",
            fix="let the agents log in to the registry, or use pullConfig with type MESOS",
        )
    for key in () if docker else ("network", "parameters", "portMappings"):
        if written.get(key):
            yield lint_finding(
                "L06",
                f"/container/docker/{key}",
                "is Docker's own, and the container type is MESOS",
                fix=f"remove {key}, or use container type DOCKER",
            )


def _volumes(app: App, dialect: Dialect) -> LintFindings:
    kinds = ("persistent", "external", *(("secret",) if dialect >= (1, 5) else ()))
    for index, volume in enumerate(map(mapping, items(mapping(app.get("container")).get("volumes")))):
        if any(volume.get(key) is not None for key in kinds):
            continue
        for key in ("hostPath", "mode"):
            if volume.get(key) is None:
                yield lint_finding(
                    "L06", f"/container/volumes({index})/{key}", "is required for a host volume", fix=f"give {key}"
                )


def _secrets(app: App, dialect: Dialect) -> LintFindings:
    mounted = items(mapping(app.get("container")).get("volumes")) if dialect >= (1, 5) else []
    volumes = enumerate(map(mapping, mounted))
    uses = [(f"/container/volumes({index})/secret", volume.get("secret")) for index, volume in volumes]
    uses += [(f"/env/{name}", mapping(one).get("secret")) for name, one in mapping(app.get("env")).items()]
    for where, name in uses:
        if isinstance(name, str) and name not in mapping(app.get("secrets")):
            yield lint_finding(
                "L06",
                where,
                f"references the secret {shown(name)}, which is not defined",
                fix='define it under "secrets"',
            )


def _scale(app: App) -> LintFindings:
    given = mapping(app.get("upgradeStrategy"))
    # 1.4 uses 1 for a missing one; since 1.5 it must be given.
    absent = 0.0 if app.get("upgradeStrategy") is None else 1.0
    shares = {key: number(given.get(key), absent) for key in ("minimumHealthCapacity", "maximumOverCapacity")}
    if single_instance(app):
        if whole(app.get("instances"), 1) > 1:
            yield lint_finding(
                "L06", "/instances", "a single instance app may have only one instance", fix="set instances to 1"
            )
        if any(shares.values()):
            yield lint_finding(
                "L06",
                "/upgradeStrategy",
                "must be 0 and 0 for a single instance app",
                fix="remove upgradeStrategy: 0 and 0 is the default of such an app",
            )
    elif resident(app) and shares["maximumOverCapacity"] > 0:
        where = "/upgradeStrategy/maximumOverCapacity"
        yield lint_finding("L06", where, "must be 0 for an app whose tasks keep their place", fix="set it to 0")


def _resident(app: App) -> LintFindings:
    volumes = map(mapping, items(mapping(app.get("container")).get("volumes")))
    if app.get("residency") is not None and all(one.get("persistent") is None for one in volumes):
        yield lint_finding("L06", "/", "residency is given, but no persistent volume", fix="remove residency")
    if resident(app) and app.get("unreachableStrategy") not in (None, "disabled"):
        yield lint_finding(
            "L06",
            "/",
            "unreachableStrategy must be disabled for an app whose tasks keep their place",
            fix="remove unreachableStrategy",
        )
    if app.get("acceptedResourceRoles") == []:
        yield lint_finding(
            "L06", "/acceptedResourceRoles", "must not be empty", fix="remove acceptedResourceRoles"
        )


def _constraints(app: App, dialect: Dialect) -> LintFindings:
    known = sorted(OPERATORS - ({"IS"} if dialect < (1, 5) else set()))
    for index, one in enumerate(map(items, items(app.get("constraints")))):
        where = f"/constraints({index})"
        if len(one) not in (2, 3):
            yield lint_finding("L06", where, f"must have 2 or 3 fields, has {len(one)}")
        elif one[1] not in known:
            upper = text(one[1]).upper()
            yield lint_finding(
                "L06",
                where,
                f"must use one of {', '.join(known)}, uses {shown(one[1])}",
                fix=f"write {upper}" if upper in known else "",
            )
        else:
            value = one[2] if len(one) == 3 else None
            empty = value == "" and dialect < (1, 5)  # since 1.5 it is a value
            yield from _constraint_value(where, one[1], None if empty else value)


def _constraint_value(where: str, operator: str, value: object) -> LintFindings:
    if operator == "UNIQUE" and value is not None:
        yield lint_finding("L06", where, "UNIQUE takes no value", fix="remove the value, or use MAX_PER")
    elif operator in VALUE_WANTED and (value is None or value == ""):
        yield lint_finding(
            "L06", where, f"{operator} needs {VALUE_WANTED[operator]}", fix="give it as the third field"
        )
    elif operator in ("LIKE", "UNLIKE") and not _is_pattern(text(value)):
        yield lint_finding("L06", where, f"{operator} needs a regular expression, has {shown(value)}")
    elif operator in ("MAX_PER", "GROUP_BY") and value is not None and not text(value).isdecimal():
        yield lint_finding("L06", where, f"{operator} needs a whole number as a string, has {shown(value)}")


def _is_pattern(pattern: str) -> bool:
    """Tell whether Java may accept a regular expression: one that only Python rejects is not reported."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about syntax that a later Python will read differently
            re.compile(pattern)
    except re.error as error:
        return error.msg.startswith(("bad escape", "unknown extension"))
    except (OverflowError, RecursionError):
        return False
    return True
