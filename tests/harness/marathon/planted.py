"""The defects that are planted in the stand-in, each with the tests that must then fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNIT, CONFORMANCE = "tests/harness/marathon", "tests/deploy/conformance"


@dataclass(frozen=True)
class Mutant:
    """A defect: `old` becomes `new` in `module` of `package`; `tests`, pytest arguments, must then fail."""

    module: str
    old: str
    new: str
    tests: Sequence[str]
    package: str = "harness/marathon/standin"

    def __str__(self) -> str:
        """Return the mutant's name for a report."""
        return f"{self.module}: {self.new.strip()[:50]}"


def passing(condition: str, test: str) -> Mutant:
    """Return a mutant in which Marathon's own HTTP check passes on another condition."""
    line = "return Result(True) if {} else Result(False, answer.line)\n\n\nasync def tcp"
    return Mutant("probes", line.format("200 <= answer.status <= 399"), line.format(condition), [test])


HEALTH, PLAN, PARTS, DEFINITION, SCHEDULING, RESTART, EVENTS, ROLLOUT, PROBES, DIALECTS = UNITS = [
    f"{UNIT}/test_standin_{name}.py"
    for name in (
        "health",
        "deployment",
        "parts",
        "definition",
        "scheduling",
        "restart",
        "events",
        "rollout",
        "probes",
        "dialects",
    )
]
AWAY = f"{UNIT}/test_standin_following.py::test_an_engine_that_was_away_is_followed_again"
NAMESPACE = f"{UNIT}/test_standin_namespace.py"
UNITS += [AWAY, NAMESPACE]
PURE = [
    Mutant("health", "known.consecutive_failures >= limit", "known.consecutive_failures + 1 >= limit", [HEALTH]),
    Mutant("health", "limit > 0 and known", "known", [HEALTH]),
    Mutant("health", "known.first_success is None and now", "now", [HEALTH]),
    Mutant("health", "self.last_success > self.last_failure", "self.last_success >= self.last_failure", [HEALTH]),
    Mutant(
        "health", "self.consecutive_failures >= self.check", "self.consecutive_failures > self.check", [HEALTH]
    ),
    Mutant("health", "any(record is None for record in found)", "False", [HEALTH]),
    Mutant("deployment", "maximum += 1", "pass", [PLAN]),
    Mutant("deployment", "math.ceil(", "math.floor(", [PLAN]),
    Mutant("deployment", "max(0, running - minimum)", "max(0, running - maximum)", [PLAN]),
    Mutant("deployment", '"ScaleApplication" if app.instances == 0', '"RestartApplication" if False', [PLAN]),
    Mutant("backoff", "known.seconds * app.backoff_factor", "known.seconds + app.backoff_factor", [PARTS]),
    Mutant("normalize", "port=port) for port in app.ports", "port=0) for port in app.ports", [DEFINITION]),
    Mutant("normalize", "check.replace(port_index=0)", "check", [DEFINITION]),
    Mutant("normalize", "    check_sent(app)\n", "", [DEFINITION]),
    Mutant("legacy_keys", "if app.ports or app.port_definitions:", "if False:", [DEFINITION]),
    Mutant("legacy_keys", "app.container.port_mappings is not None and docker", "False and docker", [DEFINITION]),
    Mutant("validate", "(network.name or network.labels)", "network.name", [DEFINITION]),
    Mutant("validate", "len(names) != len(set(names))", "False", [DEFINITION]),
    Mutant("versions", "place in UNKNOWN[dialect]", "place in ()", [DIALECTS]),
    Mutant("scheduler", '"SIGKILL"', '"SIGTERM"', [SCHEDULING]),
    Mutant("scheduler", "if task.state in (FAILED, FINISHED):", "if False:", [SCHEDULING]),
    Mutant("rollout", "- len(old) - len(new)", "- len(new)", [SCHEDULING]),
    Mutant("core", "self.rollout.resume(deployment)", "pass", [RESTART]),
    Mutant("core", "self.scheduler.on_kill = self._killed", "pass", [RESTART]),
    Mutant("core", "self.scheduler.go_on_killing(task, self.state.killing[task.id])", "pass", [RESTART]),
    Mutant("monitor", "if overall != health:", "if True:", [EVENTS]),
    Mutant("rollout", "await ending.wait()", "pass", [ROLLOUT]),
    Mutant("rollout", "task.id in under_way.queue[:turns]", "task.id in under_way.queue[-turns:]", [ROLLOUT]),
    Mutant("state", "if not d.cancelled]", "]", [ROLLOUT]),
    Mutant(
        "namespace_sockets", "class NotPermittedError(Exception)", "class NotPermittedError(OSError)", [PROBES]
    ),
    Mutant("local_process", "return container in groups", "return True", [NAMESPACE]),
    Mutant("monitor", 'tls = check.protocol == "MESOS_HTTPS"', "tls = False", [PROBES]),
    Mutant("readiness", 'tls = check.protocol == "HTTPS"', "tls = False", [PROBES]),
    Mutant("following", "                self._catch_up()", "                pass", [AWAY]),
    Mutant("following", "self._closed.wait(self.pause)", "self._closed.is_set()", [AWAY]),
    Mutant("task", 'or dialect == "1.4"', "", [DIALECTS]),
]
ON_ENGINE = [
    Mutant("api", 'return PlainTextResponse("pong")', 'return JSONResponse("pong")', ["c01"]),
    Mutant("views", '"elected": True', '"chosen": True', ["c02"]),
    Mutant("api", "JSONResponse(shown, 201, headers)", "JSONResponse(shown, 200, headers)", ["c03"]),
    Mutant("commands", "raise errors.already_exists(app.id)", "pass", ["c04"]),
    Mutant("errors", '"string_type": "error.expected.jsstring"', '"string_type": "error.type"', ["c05_a_wrong"]),
    Mutant("validate", '"not defined"', '"undefined"', ["c05_a_broken"]),
    Mutant("wire", "raise ApiError(415,", "raise ApiError(400,", ["c05_another"]),
    Mutant("render", "if not document.get(key):", "if False:", ["c07"]),
    Mutant("views", '.removeprefix("app.")', "", ["c08"]),
    Mutant("errors", '(f" in version {version}" if version else "")', '""', ["c09"]),
    Mutant("commands", "self.state.apps.get(absolute(app_id))", 'self.state.apps.get("/" + app_id)', ["c10"]),
    Mutant("commands", "return before.versions[version]", "return before.app", ["c11"]),
    Mutant("model", '"version", "version_info"}', '"version"}', ["c12"]),
    Mutant("deployment", 'else "RestartApplication", app.id', 'else "ScaleApplication", app.id', ["c14"]),
    Mutant(
        "commands",
        "        info = VersionInfo(last_scaling_at=version, last_config_change_at=version)",
        "        info = before.version_info",
        ["c14"],
    ),
    Mutant("deployment", 'else Action("ScaleApplication"', 'else Action("RestartApplication"', ["c13"]),
    Mutant("health", "            return False\n", "            return True\n", ["c15"]),
    Mutant(
        "probes",
        "reason_of(error))\n    return Result(True) if 200 <= answer.status <= 399 else Result(False, answer.line)"
        "\n\n\nasync def tcp",
        "reason_of(error))\n    return Result(200 <= answer.status <= 299, answer.line)\n\n\nasync def tcp",
        ["c16"],
    ),
    Mutant(
        "health",
        "first = known.first_success if known.first_success is not None else now",
        "first = None",
        ["c19"],
    ),
    Mutant("health", "return self.last_failure is None or", "return True or", ["c20"]),
    Mutant("health", "limit > 0 and known", "known", ["c23"]),
    Mutant(
        "probes",
        "answer = await get(host, port, path, tls=tls)\n    except CONNECTION_ERRORS",
        "answer = await get(host, port, path, tls=tls)\n    except TimeoutError:\n        return Result(True)\n"
        "    except CONNECTION_ERRORS",
        ["c24"],
    ),
    Mutant("health", 'return "unknown"', 'return "healthy"', ["c25"]),
    Mutant("task", "not self.app.health_checks or self.was_healthy", "True", ["c26"]),
    Mutant("deployment", "max(0, running - minimum)", "0", ["c29"]),
    Mutant("commands", "self.rollout.cancel(deployment)", "pass", ["c31"]),
    Mutant("backoff", "known.seconds * app.backoff_factor", "known.seconds", ["c34_the_delay"]),
    Mutant("rollout", 'self.tell("deployment_info", deployment)', "pass", ["c36_events"]),
    Mutant("events", 'if not wanted or event["eventType"] in wanted:', "if True:", ["c36_a_filter"]),
    Mutant("environment", 'f"PORT{index}"', 'f"PORT_{index}"', ["c38"]),
    Mutant("middleware", "not hmac.compare_digest(given.encode(), self.expected.encode())", "not given", ["c39"]),
    Mutant("health", "known.consecutive_failures >= limit", "known.consecutive_failures + 1 >= limit", ["c21"]),
    Mutant("health", "self.consecutive_failures >= self.check", "self.consecutive_failures > self.check", ["c22"]),
    Mutant("health", "known.first_success is None and now", "False and now", ["c18"]),
    Mutant(
        "monitor",
        'return await probes.http(address, port, check.path or "/", check.timeout_seconds, tls=tls)',
        "return await probes.tcp(address, port, check.timeout_seconds)",
        ["c17"],
    ),
    Mutant("deployment", "maximum += 1", "maximum += 2", ["c27 and shares5"]),
    Mutant(
        "rollout",
        "under_way.counted |= {task.id for task in new if task.counts}",
        "under_way.counted |= {task.id for task in new}",
        ["c28"],
    ),
    Mutant("scheduler", "if wait > 0:", "if False:", ["c35"]),
    Mutant("monitor", "probes.http_following(", "probes.http(host, ", ["c40"]),
    Mutant("commands", "if holders and not force", "if False and not force", ["c06"]),
    Mutant("commands", "dict(deployment.original)", "dict(deployment.target)", ["c30_deleting"]),
    Mutant("readiness", "answer.status in check.http_status_codes_for_ready", "True", ["c32"]),
    Mutant("rollout", "known.app.instances - len(self.state.tasks_of(app_id))", "0", ["c33_a_dead"]),
    Mutant("scheduler", "self.remember_failure(task, FAILED, message)", "pass", ["c37_the_last"]),
]
ON_ENGINE += [
    Mutant("api", 'if "*/*" in accept or "text/" in accept:', 'if "*/*" in accept:', ["c01 and text/plain"]),
    Mutant("api", "else Response(status_code=204)", "else Response(status_code=200)", ["c01 and image/png"]),
    Mutant("validate", '"AppDefinition must either', '"An app must either', ["c05_a_broken and changes1"]),
    Mutant("validate", "must have either 2 or 3", "must have 2 or 3", ["c05_a_broken and changes2"]),
    Mutant("validate", "(check.port_index is None or beyond)", "False", ["c05_a_broken and changes3"]),
    Mutant("wire", '"Invalid JSON", str(error)', '"Bad JSON", str(error)', ["c05_no_json and Invalid"]),
    Mutant("wire", '"Please specify data', '"Specify data', ["c05_no_json and specify"]),
    Mutant("views", 'frozenset({"counts", "tasks", ', 'frozenset({"tasks", ', ["c07"]),
    Mutant(
        "monitor",
        'probes.http(address, port, check.path or "/", check.timeout_seconds, tls=tls)',
        'probes.http_following(port, check.path or "/", 5, probes.connect_directly, host=address)',
        ["c16 and elsewhere"],
    ),
    passing("200 <= answer.status <= 306", "c16 and 307"),
    passing("answer.status == 200 or 300 <= answer.status <= 399", "c16 and 204"),
    *(passing(f"200 <= answer.status <= 399 or answer.status == {n}", f"c17 and {n}") for n in (404, 500)),
    Mutant("health", "known.consecutive_failures >= limit", "limit < 0", ["c21 and TCP"]),
    *(
        Mutant("health", "kill=self.consecutive_failures >=", "kill=self.consecutive_failures >", [test])
        for test in ("c22 and MESOS_HTTP", "c22 and MESOS_TCP")
    ),
    Mutant("health", "kill=self.consecutive_failures >=", "kill=0 <", ["c23_for_the_agent"]),
    Mutant("execution", 'Result(False, f"timed out', 'Result(True, f"timed out', ["c24 and COMMAND"]),
    Mutant("execution", "Result(code == 0,", "Result(False,", ["c15_every"]),
    *(
        Mutant("monitor", f"await probes.tcp({arguments})", "Result(False)", ["c15_every"])
        for arguments in ("address, port, check.timeout_seconds", "host, port, check.timeout_seconds, connect")
    ),
    Mutant(
        "probes",
        'redirects")\n    except CONNECTION_ERRORS as error:\n        return Result(False, reason_of(error))\n'
        "    return Result(True)",
        'redirects")\n    except CONNECTION_ERRORS as error:\n        return Result(False, reason_of(error))\n'
        "    return Result(False)",
        ["c40"],
    ),
    *(
        Mutant("deployment", "max(0, running - minimum)", "running", [f"c27 and shares{row}"])
        for row in (0, 1, 2, 4, 6, 7)
    ),
    Mutant(
        "deployment",
        "app.strategy.maximum_over_capacity))",
        "app.strategy.maximum_over_capacity)) + 1",
        ["c27 and shares3"],
    ),
    Mutant("deployment", "max(0, running - minimum)", "min(1, running - minimum)", ["c27 and shares8"]),
    Mutant("commands", "self.state.apps.pop(app_id, None)", "pass", ["c30_taking"]),
    Mutant(
        "rollout",
        "        if under_way is None:\n            return []\n        new = [task for task in "
        "self.state.tasks_of(app_id) if task.id not in under_way.found]",
        "        new = self.state.tasks_of(app_id)",
        ["c32_a_new"],
    ),
    Mutant("readiness", "in check.http_status_codes_for_ready", "in (200, 201)", ["c32_ready"]),
    Mutant("taskapi", '{"task": shown[0]} if single else {"tasks": shown}', '{"tasks": shown}', ["c33_a_killed"]),
    Mutant("rollout", "for task_id in deployment.kills.get(app.id, []):", "for task_id in []:", ["c33_killing"]),
    Mutant("scheduler", "KILLED if task.killing else state", "state", ["c34_a_health"]),
    Mutant("scheduler", '"SIGTERM")', '"SIGUSR2")', ["c35_a_task_that_heeds"]),
    Mutant("api", '</html>", 405)', '</html>", 400)', ["c36_without"]),
    Mutant("monitor", "self.scheduler.remember_failure(task, KILLED, message)", "pass", ["c37_a_health"]),
]
