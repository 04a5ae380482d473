"""Rules about health checks: L01, L03-L05, L08-L14, L17, L18, L23, L24."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.marathon.definition import (
    HTTP_LIKE,
    MARATHON_LEVEL,
    MESOS_LEVEL,
    App,
    HealthCheck,
    checks_in_effect,
    health_checks,
    whole,
)
from harness.marathon.lint.always_passes import always_passes
from harness.marathon.lint.catalogue import Level, LintFindings, lint_finding
from harness.marathon.lint.paths import judge
from harness.marathon.lint.public_name import asked_public_name
from harness.marathon.networking import Dialect, network_mode, ports_of


def health(app: App, dialect: Dialect, measured_start: float | None = None) -> LintFindings:
    """Run every rule about health checks. `measured_start`: seconds from RUNNING to the first success."""
    checks = health_checks(app)
    if not checks:  # also of 0 instances, which are scaled up later
        yield lint_finding("L01", "/healthChecks", "the app has no health check")
    for check in checks:
        for rule in (_command, _port, _path, _quotes, _public_name, _without_effect):
            yield from rule(app, check, dialect)
        yield from _timeout(check, dialect)
        yield from _grace(check, measured_start)
        yield from _nervous(check)
    yield from _several(checks)
    yield from _proves_nothing(checks_in_effect(app))


def _at(check: HealthCheck, key: str = "") -> str:
    return f"/healthChecks({check.index})" + (f"/{key}" if key else "")


def _has(check: HealthCheck, *keys: str) -> list[str]:
    return [key for key in keys if check.raw.get(key) is not None]


def _command(_app: App, check: HealthCheck, dialect: Dialect) -> LintFindings:
    # 1.4 reads the keys of the protocol and ignores the rest; it refuses only a COMMAND without a command.
    ignored = ", which Marathon 1.4 ignores" if dialect < (1, 5) else ""
    level: Level = "W" if ignored else "E"
    if check.protocol == "COMMAND":
        if not check.command:
            yield lint_finding("L05", _at(check, "command"), "a COMMAND check has no command.value")
        for key in _has(check, "path", "port"):
            what = f"a COMMAND check carries {key}{ignored}"
            yield lint_finding("L05", _at(check, key), what, level=level, fix=f"remove {key}")
    elif _has(check, "command"):
        given = check.raw.get("protocol")
        says = f"protocol {given}" if given is not None else "no protocol, so HTTP"
        what = f"there is a command with {says}{ignored}"
        yield lint_finding("L05", _at(check, "command"), what, level=level, fix='add "protocol": "COMMAND"')


def _port(app: App, check: HealthCheck, dialect: Dialect) -> LintFindings:
    if check.protocol == "COMMAND":
        return
    ports = ports_of(app, dialect)
    mode = network_mode(app, dialect)
    given = _has(check, "port", "portIndex")
    if len(given) == 2:
        yield lint_finding("L04", _at(check, "port"), "both port and portIndex are given", fix="remove port")
    elif not given and len(ports) > 1:
        yield lint_finding(
            "L04", _at(check), f"neither port nor portIndex is given and the app has {len(ports)} ports"
        )
    if "port" not in given:
        yield from _port_index(check, len(ports), mode)
    mapped = {port.container_port for port in ports if port.container_port}
    bridged = mode == "bridge" and check.protocol in MARATHON_LEVEL
    if given == ["port"] and bridged and whole(check.raw["port"], -1) in mapped:
        yield lint_finding(
            "L04",
            _at(check, "port"),
            f"{check.raw['port']} is the container's port, but a {check.protocol} check asks the agent host",
            level="W",
        )


def _port_index(check: HealthCheck, count: int, mode: str) -> LintFindings:
    index = check.raw.get("portIndex")
    index = 0 if index is None else index
    if isinstance(index, int) and not isinstance(index, bool) and not 0 <= index < count:
        last = f"ports 0 to {count - 1}" if count else "no ports"
        yield lint_finding(
            "L03",
            _at(check, "portIndex"),
            f"portIndex {str(index)[:12]}, but the app has {last} ({mode} mode)",
        )


def _path(_app: App, check: HealthCheck, _dialect: Dialect) -> LintFindings:
    if check.protocol not in HTTP_LIKE or _has(check, "command"):
        return
    wrong = judge(check.path)
    if wrong == "behind login":
        yield lint_finding("L09", _at(check, "path"), f"{check.path} wants a login: without one it answers 401")
    elif wrong:
        yield lint_finding(
            "L08", _at(check, "path"), f"{check.path} can answer 200 or a redirect while RT does not work"
        )


def _quotes(_app: App, check: HealthCheck, _dialect: Dialect) -> LintFindings:
    if re.search(r'(?<!\\)"', check.command):
        yield lint_finding(
            "L11", _at(check, "command/value"), "the command holds double quotes that are not escaped"
        )


def _public_name(app: App, check: HealthCheck, _dialect: Dialect) -> LintFindings:
    if said := asked_public_name(app, check.command):
        yield lint_finding("L23", _at(check, "command/value"), f"the command asks {said}, which is the balancer")


def _without_effect(_app: App, check: HealthCheck, dialect: Dialect) -> LintFindings:
    if check.raw.get("ignoreHttp1xx") is True and dialect >= (1, 5):
        yield lint_finding("L18", _at(check, "ignoreHttp1xx"), "ignoreHttp1xx is lost on input since Marathon 1.5")
    # Marathon's own answers carry the default 15 on every check: only another value was set on purpose.
    if check.protocol in MARATHON_LEVEL and check.raw.get("delaySeconds") not in (None, 15):
        yield lint_finding("L18", _at(check, "delaySeconds"), f"{check.protocol} checks know no delaySeconds")
    # Any is accepted and ignored; old Marathons gave every check a 0, which nobody wrote on purpose.
    if check.protocol == "COMMAND" and check.raw.get("portIndex") not in (None, 0):
        yield lint_finding(
            "L18", _at(check, "portIndex"), "a COMMAND names its port itself and knows no portIndex"
        )


def _timeout(check: HealthCheck, dialect: Dialect) -> LintFindings:
    if check.timeout >= check.interval:
        yield lint_finding(
            "L12",
            _at(check, "timeoutSeconds"),
            f"{check.timeout:g} s time-out with an interval of {check.interval:g} s",
        )
    elif check.timeout <= 0:
        yield lint_finding("L12", _at(check, "timeoutSeconds"), f"{check.timeout:g} s is no time for an answer")
    elif check.protocol in MESOS_LEVEL and check.timeout < 5:
        yield lint_finding(
            "L12", _at(check, "timeoutSeconds"), f"{check.timeout:g} s for a check that the agent has to fork"
        )
    if check.protocol == "HTTPS" and dialect < (1, 5):
        yield lint_finding(
            "L12",
            _at(check, "timeoutSeconds"),
            "Marathon 1.4 applies no time-out to HTTPS checks",
            fix="use MESOS_HTTPS or COMMAND on this Marathon",
        )


def _grace(check: HealthCheck, measured: float | None) -> LintFindings:
    where = _at(check, "gracePeriodSeconds")
    if check.protocol in MESOS_LEVEL and check.grace < check.delay:
        yield lint_finding(
            "L13", where, f"grace {check.grace:g} s ends before the first probe after {check.delay:g} s"
        )
    elif check.grace == 0:
        yield lint_finding(
            "L13", where, "no grace at all: failures count before the process has had time to listen"
        )
    if measured is not None and check.grace < 2 * measured:
        yield lint_finding(
            "L13",
            where,
            f"grace {check.grace:g} s, but a start was measured at {measured:g} s",
            fix=f"set gracePeriodSeconds to {2 * measured:g} or more",
        )


def _nervous(check: HealthCheck) -> LintFindings:
    where = _at(check, "maxConsecutiveFailures")
    mesos = check.protocol in MESOS_LEVEL
    if mesos and check.failures <= 1:
        yield lint_finding("L14", where, f"{check.failures} with a Mesos-level check kills on the first failure")
    elif check.kills and check.failures < 3:
        yield lint_finding("L14", where, f"an instance is killed after {check.failures + (not mesos)} failures")
    elif check.kills and check.interval * check.failures < 15:
        yield lint_finding(
            "L14", where, f"an instance is killed after {check.interval * check.failures:g} s of failure"
        )


def _several(checks: list[HealthCheck]) -> LintFindings:
    commands = [check for check in checks if check.protocol == "COMMAND"]
    mesos = [check for check in checks if check.protocol in MESOS_LEVEL and check.protocol != "COMMAND"]
    if len(mesos) > 1:
        yield lint_finding(
            "L10", "/healthChecks", f"{len(mesos)} MESOS_* checks, and Marathon accepts one", level="E"
        )
    if len(commands) > 1:
        yield lint_finding(
            "L10", "/healthChecks", f"{len(commands)} COMMAND checks, and Mesos runs only the first"
        )
    if commands and mesos:
        yield lint_finding(
            "L10", "/healthChecks", f"COMMAND beside {mesos[0].protocol}, and Mesos runs only one of them"
        )
    if (commands or mesos) and any(check.protocol in MARATHON_LEVEL for check in checks):
        yield lint_finding("L17", "/healthChecks", " and ".join(_protocols(checks)) + " do not go together")
    if checks and not any(check.kills for check in checks):
        yield lint_finding(
            "L14",
            "/healthChecks",
            "no check ever kills: an instance that hangs stays for ever",
            fix="give one check maxConsecutiveFailures of 3 or more",
        )


def _proves_nothing(checks: list[HealthCheck]) -> LintFindings:
    """Find checks that prove nothing of RT, unless another one does: all have to pass."""
    ends = {check.index: always_passes(check.command) for check in checks if check.protocol == "COMMAND"}
    if any(not ends.get(check.index) and not check.protocol.endswith("TCP") for check in checks):
        return
    for check in checks:
        if end := ends.get(check.index):
            yield lint_finding("L24", _at(check, "command/value"), f"with `{end}` the command always passes")
        else:
            what = f"{check.protocol} alone: an Apache that listens passes, also with a dead database behind it"
            fix = "add an HTTP check, or let a COMMAND such as /opt/rt/healthcheck 127.0.0.1 80 take its place"
            yield lint_finding("L24", _at(check, "protocol"), what, level="W", fix=fix)


def _protocols(checks: list[HealthCheck]) -> Iterator[str]:
    return iter(sorted({check.protocol for check in checks}))
