"""Every lint rule shown catching what it is for, and silent beside it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.marathon.definition import load
from harness.marathon.lint import lint, main
from harness.marathon.lint_catalogue import RULES

REPOSITORY = Path(__file__).parents[3]
GOOD: dict[str, Any] = load(REPOSITORY / "marathon.json")

App = dict[str, Any]
Change = Callable[[App], object]

HTTP = {"protocol": "HTTP", "path": "/health", "portIndex": 0, "gracePeriodSeconds": 60,
        "intervalSeconds": 20, "timeoutSeconds": 10, "maxConsecutiveFailures": 3}  # fmt: skip
COMMAND = {"protocol": "COMMAND", "command": {"value": "/opt/rt/healthcheck 127.0.0.1 80"},
           "timeoutSeconds": 10, "intervalSeconds": 20}  # fmt: skip
MESOS = {**HTTP, "protocol": "MESOS_HTTP"}


def check(**fields: Any) -> Change:
    """Replace the health checks by an HTTP one with some fields changed (None removes a field)."""
    made = {key: value for key, value in {**HTTP, **fields}.items() if value is not None}
    return lambda app: app.update(healthChecks=[made])


def checks(*made: App) -> Change:
    """Replace the health checks."""
    return lambda app: app.update(healthChecks=list(made))


def put(**fields: Any) -> Change:
    """Replace whole top-level values, as a PUT does."""
    return lambda app: app.update(fields)


def port(**fields: Any) -> Change:
    """Change the first port mapping."""
    return lambda app: app["container"]["portMappings"][0].update(fields)


def image(name: str) -> Change:
    """Change the image."""
    return lambda app: app["container"]["docker"].update(image=name)


def both(*changes: Change) -> Change:
    """Make several changes."""
    return lambda app: [change(app) for change in changes]


def two_ports(app: App) -> None:
    """Add a second port."""
    app["container"]["portMappings"].append({"containerPort": 81, "name": "other"})


def old_dialect(app: App) -> None:
    """Move network and ports to where Marathon 1.4 has them."""
    container = app["container"]
    container["docker"].update(network="BRIDGE", portMappings=container.pop("portMappings"))
    del app["networks"]


def nothing(_app: App) -> None:
    """Leave the repository's definition as it is."""


def drop(key: str) -> Change:
    """Remove a top-level key."""
    return lambda app: app.pop(key)


CATCHES: list[tuple[str, str, str, Change]] = [
    ("L01", "W", "/healthChecks", put(healthChecks=[])),
    ("L01", "W", "/healthChecks", drop("healthChecks")),
    ("L02", "W", "/upgradeStrategy/minimumHealthCapacity",
     put(upgradeStrategy={"minimumHealthCapacity": 0, "maximumOverCapacity": 0})),
    ("L02", "W", "/upgradeStrategy/minimumHealthCapacity",
     both(put(instances=1), lambda app: app["labels"].update(MARATHON_SINGLE_INSTANCE_APP="true"))),
    ("L03", "E", "/healthChecks(0)/portIndex", check(portIndex=1)),
    ("L03", "E", "/healthChecks(0)/portIndex",
     both(check(portIndex=None), lambda a: a["container"].update(portMappings=[]))),
    ("L03", "E", "/healthChecks(0)/portIndex", both(old_dialect, check(portIndex=1))),
    ("L04", "E", "/healthChecks(0)/port", check(port=8080)),
    ("L04", "E", "/healthChecks(0)", both(two_ports, check(portIndex=None))),
    ("L04", "W", "/healthChecks(0)/port", check(portIndex=None, port=80)),
    ("L05", "E", "/healthChecks(0)/command", checks({"protocol": "COMMAND"})),
    ("L05", "E", "/healthChecks(0)/path", checks({**COMMAND, "path": "/"})),
    ("L05", "E", "/healthChecks(0)/port", checks({**COMMAND, "port": 80})),
    ("L05", "E", "/healthChecks(0)/command", checks({"command": {"value": "true"}})),
    ("L06", "E", "/instances", put(instances=1.5)),
    ("L06", "E", "/instances", put(instances=-1)),
    ("L06", "E", "/instances", put(instances=True)),
    ("L06", "E", "/cpus", put(cpus=0)),
    ("L06", "E", "/mem", put(mem=float("nan"))),
    ("L06", "E", "/id", put(id="/RT")),
    ("L06", "E", "/id", put(id="/")),
    ("L06", "E", "/id", put(id="/rt/restart")),
    ("L06", "E", "/id", drop("id")),
    ("L06", "W", "/healthChecks(0)/gracePeriod", check(gracePeriod=10)),
    ("L06", "E", "/container/docker/image", image("")),
    ("L06", "E", "/container/docker", lambda app: app["container"].pop("docker")),
    ("L06", "E", "/container/volumes(0)/hostPath", lambda app: app["container"]["volumes"][0].pop("hostPath")),
    ("L06", "E", "/container/volumes(0)/mode", lambda app: app["container"]["volumes"][0].update(mode="ro")),
    ("L06", "E", "/env/RT_TLS", lambda app: app["env"].update(RT_TLS=1)),
    ("L06", "E", "/labels/RT_RELEASE", lambda app: app["labels"].update(RT_RELEASE=5)),
    ("L06", "E", "/upgradeStrategy/maximumOverCapacity", put(upgradeStrategy={"minimumHealthCapacity": 1})),
    ("L06", "E", "/upgradeStrategy/maximumOverCapacity",
     put(upgradeStrategy={"minimumHealthCapacity": 1, "maximumOverCapacity": 2})),
    ("L06", "E", "/", put(cmd="apache2", args=["apache2"])),
    ("L06", "E", "/", drop("container")),
    ("L06", "E", "/", lambda app: app["container"]["docker"].update(network="BRIDGE")),
    ("L06", "E", "/version", put(version="2026-11-01T00:00:00.000Z")),
    ("L06", "W", "/tasksHealthy", put(tasksHealthy=2)),
    ("L06", "E", "/constraints(0)", put(constraints=[["hostname"]])),
    ("L06", "E", "/constraints(0)", put(constraints=[["hostname", "NEAR"]])),
    ("L06", "E", "/unreachableStrategy",
     put(unreachableStrategy={"inactiveAfterSeconds": 9, "expungeAfterSeconds": 1})),
    ("L06", "E", "/container/portMappings", both(two_ports, port(name="other"))),
    ("L06", "E", "/networks", put(networks=[{"mode": "host"}, {"mode": "host"}])),
    ("L06", "W", "/role", put(role="web")),
    ("L07", "E", "/container/portMappings", drop("networks")),
    ("L07", "E", "/container/portMappings", put(networks=[{"mode": "host"}])),
    ("L07", "E", "/container/portMappings", both(old_dialect, lambda a: a["container"]["docker"].pop("network"))),
    ("L08", "W", "/healthChecks(0)/path", check(path="/")),
    ("L08", "W", "/healthChecks(0)/path", check(path=None)),
    ("L08", "W", "/healthChecks(0)/path", check(path="/rt/NoAuth/Login.html?next=1")),
    ("L08", "W", "/healthChecks(0)/path", check(path="/REST/1.0/")),
    ("L08", "W", "/healthChecks(0)/path", check(path="/m", protocol="MESOS_HTTP")),
    ("L09", "W", "/healthChecks(0)/path", check(path="/REST/2.0/rt")),
    ("L10", "W", "/healthChecks", checks(COMMAND, COMMAND)),
    ("L10", "W", "/healthChecks", checks(COMMAND, MESOS)),
    ("L10", "E", "/healthChecks", checks(MESOS, {**MESOS, "path": "/other"})),
    ("L11", "W", "/healthChecks(0)/command/value", checks({**COMMAND, "command": {"value": 'test "$HOST"'}})),
    ("L12", "W", "/healthChecks(0)/timeoutSeconds", check(timeoutSeconds=20)),
    ("L12", "W", "/healthChecks(0)/timeoutSeconds", checks({**COMMAND, "timeoutSeconds": 4})),
    ("L13", "W", "/healthChecks(0)/gracePeriodSeconds", checks({**COMMAND, "gracePeriodSeconds": 10})),
    ("L13", "W", "/healthChecks(0)/gracePeriodSeconds", check(gracePeriodSeconds=0)),
    ("L14", "W", "/healthChecks(0)/maxConsecutiveFailures", check(maxConsecutiveFailures=2)),
    ("L14", "W", "/healthChecks(0)/maxConsecutiveFailures", checks({**COMMAND, "maxConsecutiveFailures": 0})),
    ("L14", "W", "/healthChecks(0)/maxConsecutiveFailures", check(intervalSeconds=4, timeoutSeconds=2)),
    ("L14", "W", "/healthChecks", check(maxConsecutiveFailures=0)),
    ("L15", "W", "/taskKillGracePeriodSeconds", drop("taskKillGracePeriodSeconds")),
    ("L16", "W", "/maxLaunchDelaySeconds", put(maxLaunchDelaySeconds=301)),
    ("L16", "W", "/maxLaunchDelaySeconds", drop("maxLaunchDelaySeconds")),
    ("L17", "W", "/healthChecks", checks(COMMAND, HTTP)),
    ("L17", "W", "/healthChecks", checks(MESOS, {**HTTP, "protocol": "TCP"})),
    ("L18", "W", "/healthChecks(0)/ignoreHttp1xx", check(ignoreHttp1xx=True)),
    ("L18", "W", "/healthChecks(0)/delaySeconds", check(delaySeconds=5)),
    ("L19", "W", "/container/docker/image", image("registry.example.org/rt")),
    ("L19", "W", "/container/docker/image", image("rt:latest")),
    ("L19", "W", "/container/docker/image", image("registry.example.org:5000/rt:5.0.3-1")),
    ("L20", "W", "/labels/HAPROXY_GROUP", lambda app: app["labels"].pop("HAPROXY_GROUP")),
    ("L20", "W", "/labels/HAPROXY_1_VHOST", lambda app: app["labels"].update(HAPROXY_1_VHOST="rt.example.org")),
    ("L20", "W", "/labels/HAPROXY_GROUP",
     both(put(networks=[{"mode": "host"}], portDefinitions=[{"port": 10001}]),
          lambda app: app["labels"].pop("HAPROXY_GROUP"))),
    ("L21", "E", "/readinessChecks", lambda app: app["readinessChecks"].append(app["readinessChecks"][0])),
    ("L21", "E", "/readinessChecks(0)/portName", port(name="web")),
    ("L21", "E", "/readinessChecks(0)/timeoutSeconds",
     lambda app: app["readinessChecks"][0].update(timeoutSeconds=10)),
    ("L22", "W", "/container/portMappings", both(put(instances=1), port(hostPort=8080))),
    ("L22", "W", "/constraints(0)", put(instances=1, constraints=[["hostname", "UNIQUE"]])),
]  # fmt: skip

SILENT: list[tuple[str, Change]] = [
    ("L01", put(instances=0, healthChecks=[])),
    ("L02", put(upgradeStrategy={"minimumHealthCapacity": 0.1, "maximumOverCapacity": 0})),
    ("L03", both(two_ports, check(portIndex=1))),
    ("L03", both(old_dialect, check())),
    ("L04", check(portIndex=None)),
    ("L04", check(portIndex=None, port=80, protocol="MESOS_HTTP")),
    ("L04", check(portIndex=None, port=8080)),
    ("L05", checks(COMMAND)),
    ("L06", put(gpus=None, secrets={"password": {"source": "rt"}}, env={"A": {"secret": "password"}})),
    ("L06", put(id="rt.prod/web-1", cpus=0.5, unreachableStrategy="disabled", killSelection="OLDEST_FIRST")),
    ("L07", old_dialect),
    ("L08", check(path="/health")),
    ("L09", check(path="/REST/2.0-docs")),
    ("L10", checks(HTTP, HTTP)),
    ("L11", checks({**COMMAND, "command": {"value": "sh -c 'exit 0' && echo \\\"well\\\""}})),
    ("L12", check(timeoutSeconds=2)),
    ("L13", check(gracePeriodSeconds=5)),
    ("L14", checks(HTTP, {**HTTP, "maxConsecutiveFailures": 0})),
    ("L15", put(taskKillGracePeriodSeconds=0)),
    ("L16", put(maxLaunchDelaySeconds=300)),
    ("L17", checks(HTTP, {**HTTP, "protocol": "TCP"})),
    ("L18", check(ignoreHttp1xx=False, delaySeconds=15)),
    ("L19", image("registry.example.org/rt@sha256:" + "0" * 64)),
    ("L20", port(servicePort=0)),
    ("L20", both(put(networks=[{"mode": "host"}], portDefinitions=[{"port": 443}], requirePorts=True),
                 lambda app: app["labels"].pop("HAPROXY_GROUP"))),
    ("L21", put(readinessChecks=[])),
    ("L22", put(constraints=[["hostname", "UNIQUE"]])),
    ("L22", both(put(instances=1, upgradeStrategy={"minimumHealthCapacity": 0, "maximumOverCapacity": 0}),
                 port(hostPort=8080))),
]  # fmt: skip


def changed(change: Change) -> App:
    """Return the repository's definition with one change."""
    app = copy.deepcopy(GOOD)
    change(app)
    return app


@pytest.mark.parametrize(("rule", "level", "where", "change"), CATCHES)
def test_rule_catches(rule: str, level: str, where: str, change: Change) -> None:
    """A rule that finds nothing in what it was made for is no rule; one of the wrong level blocks, or fails to."""
    hits = [one for one in lint(changed(change)) if one.rule.id == rule]
    assert (where, level) in [(one.where, one.level) for one in hits]
    assert all(one.fix and one.rule.reason for one in hits)


@pytest.mark.parametrize(("rule", "change"), SILENT)
def test_rule_is_silent(rule: str, change: Change) -> None:
    """A rule that speaks about good definitions is soon switched off."""
    assert [str(one) for one in lint(changed(change)) if one.rule.id == rule] == []


def test_every_rule_has_both_cases() -> None:
    """L01 to L22, each with a definition it catches and one it leaves alone."""
    assert {rule for rule, _, _, _ in CATCHES} == {rule for rule, _ in SILENT} == set(RULES)
    assert list(RULES) == [f"L{number:02}" for number in range(1, 23)]


@pytest.mark.parametrize("dialect", ["1.6", "1.10"])
def test_the_deployed_definition_is_clean(dialect: str) -> None:
    """marathon.json is what goes out; it has neither errors nor warnings."""
    assert [str(one) for one in lint(GOOD, dialect)] == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [("gracePeriod", "gracePeriodSeconds"), ("interval", "intervalSeconds"), ("protocl", "protocol"),
     ("maxconsecutivefailures", "maxConsecutiveFailures"), ("port_index", "portIndex")],
)  # fmt: skip
def test_a_typo_gets_a_suggestion(written: str, meant: str) -> None:
    """Marathon ignores unknown keys silently, so the person needs the right one here."""
    hits = [one for one in lint(changed(check(**{written: 1}))) if one.where.endswith(f"/{written}")]
    assert [(one.level, one.fix) for one in hits] == [("W", f"write {meant}")]


def test_dialects_differ_where_marathon_does() -> None:
    """1.4 has no time-out for HTTPS and honours ignoreHttp1xx; 1.8 lowered the default back-off."""
    https, ignored = changed(check(protocol="HTTPS")), changed(check(ignoreHttp1xx=True))
    assert "L12" in {one.rule.id for one in lint(https, "1.4")} - {one.rule.id for one in lint(https, "1.6")}
    assert "L18" in {one.rule.id for one in lint(ignored, "1.6")} - {one.rule.id for one in lint(ignored, "1.4")}
    assert "L16" not in {one.rule.id for one in lint(changed(drop("maxLaunchDelaySeconds")), "1.10")}


def test_fewer_instances_together_with_another_change() -> None:
    """Marathon computes what it keeps from the NEW number: 4 to 1 with a new image keeps one old task."""
    new = changed(both(put(instances=1), image("registry.example.org/rt:5.0.3-2")))
    assert "/instances" in [one.where for one in lint(new, previous=changed(put(instances=4)))]
    assert "L02" not in {
        one.rule.id for one in lint(changed(put(instances=1)), previous=changed(put(instances=4)))
    }


def test_grace_against_a_measured_start() -> None:
    """Twice the measured start is the least grace."""
    assert "L13" in {one.rule.id for one in lint(GOOD, measured_start=50)}
    assert lint(GOOD, measured_start=45) == []


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes 0, 1 and 3, and findings as JSON."""
    warned, broken = tmp_path / "warned.json", tmp_path / "broken.json"
    warned.write_text(json.dumps(changed(drop("taskKillGracePeriodSeconds"))))
    broken.write_text("[1]")
    assert main([str(REPOSITORY / "marathon.json")]) == 0
    assert main([str(warned), "--errors-only"]) == 0
    capsys.readouterr()
    assert main([str(warned), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["findings"][0]["rule"] == "L15"
    assert main([str(broken)]) == main([]) == 3
    assert "What to do" in capsys.readouterr().err


def test_usable_alone() -> None:
    """`python -m harness.marathon lint` is what a pipeline and a person call."""
    command = [sys.executable, "-m", "harness.marathon"]
    assert subprocess.run([*command, "lint", "marathon.json"], cwd=REPOSITORY, check=False).returncode == 0
    assert subprocess.run([*command, "--help"], cwd=REPOSITORY, check=False).returncode == 0
    assert subprocess.run([*command, "lint", "--no-such"], cwd=REPOSITORY, check=False).returncode == 3
