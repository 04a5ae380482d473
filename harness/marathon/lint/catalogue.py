"""The lint rules: name, reason, and fix of each. The rules_* modules find the violations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["E", "W"]

DIALECTS = ("1.4", "1.6", "1.10")
"""Marathon versions whose rules differ; 1.6 stands for 1.5 to 1.7."""


@dataclass(frozen=True)
class Rule:
    """A rule. Level E: Marathon rejects it or it can never work. Level W: it works, but may do harm later."""

    id: str
    level: Level
    title: str
    reason: str
    fix: str


@dataclass(frozen=True)
class LintFinding:
    """A violation of a rule at one place of the definition, given in Marathon's own path grammar."""

    rule: Rule
    where: str
    what: str
    level: Level
    fix: str

    def __str__(self) -> str:
        """Return the finding in three lines: what is wrong, why, what to do."""
        return (
            f"{self.rule.id} {self.level} {self.where}: {self.what}\n"
            f"    why: {self.rule.reason}\n    fix: {self.fix}"
        )


LintFindings = Iterator[LintFinding]


def lint_finding(rule_id: str, where: str, what: str, *, level: Level | None = None, fix: str = "") -> LintFinding:
    """Make a finding of a rule of the catalogue; level and fix may be more specific than the rule's own."""
    rule = RULES[rule_id]
    return LintFinding(rule, where, what, level or rule.level, fix or rule.fix)


def parse_dialect(text: str) -> tuple[int, int]:
    """Turn "1.6" into (1, 6). Raises ValueError for anything that is not two numbers."""
    major, minor = text.split(".")
    return int(major), int(minor)


RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            "L01",
            "W",
            "no health check",
            "without a health check a task counts as soon as its process runs, so any deploy succeeds",
            "add a check that asks the instance for something only a working RT can answer",
        ),
        Rule(
            "L02",
            "W",
            "an update may take every old task away",
            "Marathon keeps ceil(instances * minimumHealthCapacity) old tasks, of the NEW number of them",
            "keep minimumHealthCapacity above 0; change the number of instances in a deploy of its own",
        ),
        Rule(
            "L03",
            "E",
            "portIndex points at no port",
            "a check on a port that does not exist is rejected or never passes",
            "use an index of portMappings (bridge, container) or portDefinitions (host), counted from 0",
        ),
        Rule(
            "L04",
            "E",
            "port and portIndex do not name one port",
            "exactly one must say what is probed; `port` is a port of the agent host, not of the container",
            "give portIndex alone",
        ),
        Rule(
            "L05",
            "E",
            "COMMAND and its fields do not fit",
            "Marathon 1.5 and later answers such a check with a bare 500; 1.4 ignores what does not fit",
            'give {"protocol": "COMMAND", "command": {"value": "..."}} without path and port',
        ),
        Rule(
            "L06",
            "E",
            "wrong type, range or key, or keys that contradict each other",
            "Marathon answers 422 to what is wrong, and silently ignores a key that it does not know",
            "correct the value",
        ),
        Rule(
            "L07",
            "E",
            "portMappings without a network that maps ports",
            "the app silently becomes host mode, its mappings are dropped, and checks probe a dead port",
            'add "networks": [{"mode": "container/bridge"}] (1.4: "network": "BRIDGE" in container.docker)',
        ),
        Rule(
            "L08",
            "W",
            "HTTP check on a path that answers well when RT does not",
            "3xx counts as healthy and is not followed: install mode, login pages, files, REST 1.0 look well",
            "check the body with a COMMAND, or use a readiness check that wants exactly 200",
        ),
        Rule(
            "L09",
            "W",
            "HTTP check on a path behind a login",
            "a check can send neither credentials nor headers, and 401 or 403 never passes",
            "use a COMMAND check that logs in, or an endpoint without login",
        ),
        Rule(
            "L10",
            "W",
            "more than one check that Mesos would have to run",
            "Mesos runs one check a task: the others are dropped without a word, or rejected",
            "keep one COMMAND or one MESOS_* check",
        ),
        Rule(
            "L11",
            "W",
            "quotes in a COMMAND",
            "the line goes through `sh -c` inside other quotes: a bare double quote ends in the wrong place",
            "put the command in a script of the image and call that by its absolute path",
        ),
        Rule(
            "L12",
            "W",
            "time-out that does not bound the check",
            "as long as the interval, probes pile up; under 5 s a forked check fails on a busy agent, at 0 all do",
            "choose intervalSeconds > timeoutSeconds >= 5",
        ),
        Rule(
            "L13",
            "W",
            "grace period too short",
            "a task that needs longer than its grace to warm up is killed and started again, for ever",
            "take at least twice the measured start, and more than delaySeconds",
        ),
        Rule(
            "L14",
            "W",
            "health check too nervous",
            "one slow answer must not kill an instance: the kill throws away every request it is serving",
            "take at least 3 failures over at least 15 s before a kill",
        ),
        Rule(
            "L15",
            "W",
            "no time to stop",
            "the agent otherwise waits about 3 s between SIGTERM and SIGKILL, which cuts requests off",
            "set taskKillGracePeriodSeconds above the time a graceful stop takes",
        ),
        Rule(
            "L16",
            "W",
            "back-off may keep the app down for long",
            "after a series of crashes Marathon waits up to maxLaunchDelaySeconds before it tries again",
            "set maxLaunchDelaySeconds to at most 300",
        ),
        Rule(
            "L17",
            "W",
            "Marathon-level and Mesos-level health checks mixed",
            "Marathon does not support it: COMMAND and MESOS_* are run by Mesos, the others by Marathon",
            "keep one kind; what must also answer over HTTP before a task counts is a readiness check",
        ),
        Rule(
            "L18",
            "W",
            "setting without effect",
            "Marathon accepts it and does nothing with it, so it promises something that does not happen",
            "remove it",
        ),
        Rule(
            "L19",
            "W",
            "image that does not name one build",
            "`latest` differs between hosts and has no way back; some deploy tools split at the first ':'",
            "name a tag that is never moved, from a registry without a port",
        ),
        Rule(
            "L20",
            "W",
            "load balancer labels do not fit the ports",
            "marathon-lb serves an app only with HAPROXY_GROUP, and a label of port n only if there is one",
            "set HAPROXY_GROUP, and number HAPROXY_<n>_* by the ports",
        ),
        Rule(
            "L21",
            "E",
            "readiness check that Marathon refuses",
            "at most one, on an existing port name, with a time-out below its interval",
            "keep one check; name the port in portMappings and use that name",
        ),
        Rule(
            "L22",
            "W",
            "no room for a task beside another one",
            "the strategy starts the new task before the old one goes, but only one can be placed: it hangs",
            "drop the fixed port or the constraint, or set both capacities of upgradeStrategy to 0",
        ),
        Rule(
            "L23",
            "W",
            "COMMAND that asks the site's public name",
            "whichever instance the balancer picks answers: a broken one looks healthy while another one works",
            "ask 127.0.0.1 and the container's own port, and put the name into a Host header if RT needs it",
        ),
        Rule(
            "L24",
            "E",
            "health check that passes whatever RT does",
            "every instance counts as healthy, also with a hung RT or without its database, and is never replaced",
            "let the exit code of a command like /opt/rt/healthcheck 127.0.0.1 80 decide, with nothing after it",
        ),
    )
}
