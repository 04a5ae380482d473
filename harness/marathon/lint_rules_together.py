"""Rule L06 where it spans keys: what Marathon answers with 422 "Object is not valid".

The rules are those of AppValidation, SchedulingValidation and NetworkValidation of Marathon 1.5 and later. 1.4 has
them too, but for the keys that it does not know.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence

from harness.marathon.definition import (
    App,
    health_checks,
    items,
    mapping,
    number,
    resident,
    single_instance,
    strategy_of,
    text,
    whole,
)
from harness.marathon.lint_catalogue import Found, found
from harness.marathon.lint_rules_shape import shown
from harness.marathon.lint_schema import OPERATORS
from harness.marathon.networking import Dialect, docker_of, network_mode, networks_of, ports_of

RESERVED = frozenset({"restart", "tasks", "versions", ".", ".."})
VALUE_WANTED = {
    "CLUSTER": "a value", "LIKE": "a regular expression", "UNLIKE": "a regular expression",
    "MAX_PER": "a whole number", "IS": "a value",
}  # fmt: skip


def together(app: App, dialect: Dialect) -> Found:
    """Run every rule about keys that have to fit each other."""
    for rule in (_process, _identity, _container, _volumes, _secrets, _scale):
        yield from rule(app)
    for each in (_networks, _ports, _addresses, _constraints):
        yield from each(app, dialect)


def _engine(app: App) -> str:
    """Return DOCKER or MESOS; an app without a container runs under Mesos itself."""
    container = app.get("container")
    return "MESOS" if container is None else text(mapping(container).get("type"), "DOCKER")


def _process(app: App) -> Found:
    container = mapping(app.get("container"))
    command, arguments = app.get("cmd") is not None, bool(app.get("args"))
    if command and arguments:
        yield found("L06", "/", "cmd and args exclude each other", fix="keep one of them")
    if not command and not arguments and container.get("docker") is None and container.get("appc") is None:
        yield found("L06", "/", "there is nothing to run: neither cmd, args nor a container with an image",
                    fix="give a container")  # fmt: skip
    if app.get("uris") and app.get("fetch"):
        yield found("L06", "/", "uris and fetch exclude each other", fix="keep fetch")


def _identity(app: App) -> Found:
    last = text(app.get("id")).rstrip("/").rpartition("/")[2]
    if last in RESERVED:
        yield found("L06", "/id", f"may not end in {shown(last)}: the API uses that word", fix="choose another id")
    if app.get("version") is not None and set(app) - {"id", "version"}:
        yield found("L06", "/version", "means a rollback and may come with the id alone", fix="remove version")


def _container(app: App) -> Found:
    docker = _engine(app) == "DOCKER"
    if docker and mapping(app.get("container")).get("docker") is None:
        yield found("L06", "/container/docker", "a DOCKER container needs its docker object",
                    fix="give container.docker, or no container at all")  # fmt: skip
    if docker and docker_of(app).get("pullConfig"):
        yield found("L06", "/container/docker/pullConfig", "goes with container type MESOS alone",
                    fix="let the agents log in to the registry, and remove pullConfig")  # fmt: skip
    if docker and number(app.get("gpus"), 0) > 0:
        yield found("L06", "/gpus", "Docker containers get no GPUs: only container type MESOS does",
                    fix="remove gpus, or use container type MESOS")  # fmt: skip


def _volumes(app: App) -> Found:
    for index, volume in enumerate(map(mapping, items(mapping(app.get("container")).get("volumes")))):
        if any(volume.get(key) is not None for key in ("persistent", "external", "secret")):
            continue
        for key in ("hostPath", "mode"):
            if volume.get(key) is None:
                yield found("L06", f"/container/volumes({index})/{key}", "is required for a host volume",
                            fix=f"give {key}")  # fmt: skip


def _secrets(app: App) -> Found:
    volumes = enumerate(map(mapping, items(mapping(app.get("container")).get("volumes"))))
    uses = [(f"/container/volumes({index})/secret", volume.get("secret")) for index, volume in volumes]
    uses += [(f"/env/{name}", mapping(one).get("secret")) for name, one in mapping(app.get("env")).items()]
    for where, name in uses:
        if isinstance(name, str) and name not in mapping(app.get("secrets")):
            yield found("L06", where, f"references the secret {shown(name)}, which is not defined",
                        fix='define it under "secrets"')  # fmt: skip


def _scale(app: App) -> Found:
    given = mapping(app.get("upgradeStrategy"))
    shares = {key: number(given.get(key), 0) for key in ("minimumHealthCapacity", "maximumOverCapacity")}
    if single_instance(app):
        if whole(app.get("instances"), 1) > 1:
            yield found(
                "L06", "/instances", "a single instance app may have only one instance", fix="set instances to 1"
            )
        if any(shares.values()):
            yield found("L06", "/upgradeStrategy", "must be 0 and 0 for a single instance app",
                        fix="remove upgradeStrategy: 0 and 0 is the default of such an app")  # fmt: skip
    elif resident(app) and given and strategy_of(app)[1] > 0:
        where = "/upgradeStrategy/maximumOverCapacity"
        yield found("L06", where, "must be 0 for an app whose tasks keep their place", fix="set it to 0")


def _networks(app: App, dialect: Dialect) -> Found:
    networks = networks_of(app, dialect)
    modes = [text(one.get("mode"), "container") for one in networks]
    if networks and text(docker_of(app).get("network")):
        yield found("L06", "/", "networks and container.docker.network exclude each other", fix="keep networks")
    if networks and app.get("ipAddress") is not None:
        yield found("L06", "/", "networks and ipAddress exclude each other", fix="keep networks")
    for mode in ("host", "container/bridge"):
        if mode in modes and len(modes) > 1:
            yield found("L06", "/networks", f"a {mode} network must be the only one", fix="keep one network")
    if modes.count("container") > 1 and _engine(app) == "DOCKER":
        yield found("L06", "/networks", "a Docker container joins one container network at most",
                    fix="keep one network, or use container type MESOS")  # fmt: skip
    for index, one in enumerate(networks):
        yield from _network_name(f"/networks({index})", modes[index], one.get("name"))
    if not networks and network_mode(app, dialect) == "container":
        yield from _network_name("/ipAddress", "container", mapping(app.get("ipAddress")).get("networkName"))


def _network_name(where: str, mode: str, name: object) -> Found:
    if mode == "container" and not name:
        key = "networkName" if where == "/ipAddress" else "name"
        yield found("L06", f"{where}/{key}", "a container network needs the name of the network",
                    fix=f"give {key} (only a Marathon with --default_network_name does without)")  # fmt: skip
    if mode != "container" and name:
        yield found("L06", f"{where}/name", f"a {mode} network has no name", fix="remove name")


def _ports(app: App, dialect: Dialect) -> Found:
    host = network_mode(app, dialect) == "host"
    plain = items(app.get("ports"))
    defined = [mapping(one).get("port") or 0 for one in items(app.get("portDefinitions"))]
    # Those of an app on another network are folded into its mappings, and nothing is said about them.
    for key, ports in (("ports", plain), ("portDefinitions", defined if host else [])):
        for port in _twice([one for one in ports if isinstance(one, int) and one]):
            yield found("L06", f"/{key}", f"port {shown(port)} is given more than once",
                        fix="give every port a number of its own, or 0 for any")  # fmt: skip
    both = app.get("ports") is not None and app.get("portDefinitions") is not None
    if both and plain != defined:
        yield found("L06", "/", "ports and portDefinitions say different things", fix="keep portDefinitions")
    for name in _twice([port.name for port in ports_of(app, dialect) if port.name]):
        where = "/portDefinitions" if host else "/container/portMappings"
        yield found("L06", where, f"port name {shown(name)} is used more than once",
                    fix="give every port a name of its own")  # fmt: skip


def _twice(values: Sequence[object]) -> list[object]:
    return [value for value, times in Counter(values).items() if times > 1]


def _addresses(app: App, dialect: Dialect) -> Found:
    for check in health_checks(app):
        fits = check.protocol == "COMMAND" or (_engine(app) == "DOCKER" and check.protocol.startswith("MESOS_"))
        if check.raw.get("ipProtocol") == "IPv6" and not fits and dialect >= (1, 6):
            yield found(
                "L06", f"/healthChecks({check.index})/ipProtocol",
                f"IPv6 goes with MESOS_* checks of a DOCKER container alone, not with {check.protocol}",
                fix="remove ipProtocol, or use MESOS_HTTP, MESOS_HTTPS or MESOS_TCP",
            )  # fmt: skip


def _constraints(app: App, dialect: Dialect) -> Found:
    known = sorted(OPERATORS - ({"IS"} if dialect < (1, 5) else set()))
    for index, one in enumerate(map(items, items(app.get("constraints")))):
        where = f"/constraints({index})"
        if len(one) not in (2, 3):
            yield found("L06", where, f"must have 2 or 3 fields, has {len(one)}")
        elif one[1] not in known:
            upper = text(one[1]).upper()
            yield found("L06", where, f"must use one of {', '.join(known)}, uses {shown(one[1])}",
                        fix=f"write {upper}" if upper in known else "")  # fmt: skip
        else:
            yield from _constraint_value(where, one[1], one[2] if len(one) == 3 else None)


def _constraint_value(where: str, operator: str, value: object) -> Found:
    if operator == "UNIQUE" and value:
        yield found("L06", where, "UNIQUE takes no value", fix="remove the value, or use MAX_PER")
    elif operator in VALUE_WANTED and (value is None or value == ""):
        yield found("L06", where, f"{operator} needs {VALUE_WANTED[operator]}", fix="give it as the third field")
    elif operator in ("LIKE", "UNLIKE") and not _is_pattern(text(value)):
        yield found("L06", where, f"{operator} needs a regular expression, has {shown(value)}")
    elif operator in ("MAX_PER", "GROUP_BY") and value is not None and not text(value).isdecimal():
        yield found("L06", where, f"{operator} needs a whole number as a string, has {shown(value)}")


def _is_pattern(pattern: str) -> bool:
    """Whether Java may read a regular expression: what only Python refuses is not held against it."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about what a later Python will read otherwise
            re.compile(pattern)
    except re.error as error:
        return error.msg.startswith(("bad escape", "unknown extension"))
    except (OverflowError, RecursionError):
        return False
    return True
