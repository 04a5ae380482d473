"""Cases of lint rule L24: health checks that pass whatever RT does, and similar ones that do not."""

from __future__ import annotations

from tests.harness.marathon.lint_cases import COMMAND, HTTP, MESOS, App, Caught, Silent, checks

TCP = {key: value for key, value in HTTP.items() if key != "path"} | {"protocol": "TCP"}
VALUE, PROTOCOL = "/healthChecks(0)/command/value", "/healthChecks(0)/protocol"
ALWAYS_PASSES = (
    "true",
    ":",
    " /bin/true ",
    "exit 0",
    "/opt/rt/healthcheck 127.0.0.1 80 || true",
    "/opt/rt/healthcheck 127.0.0.1 80||true",
    "/opt/rt/healthcheck 127.0.0.1 80 || exit 0",
    "/opt/rt/healthcheck 127.0.0.1 80 >/dev/null 2>&1 || :",
    "/opt/rt/healthcheck 127.0.0.1 80 || echo 'RT: it is down' >&2",
    "/opt/rt/healthcheck 127.0.0.1 80; exit 0",
    "/opt/rt/healthcheck 127.0.0.1 80\ntrue\n",
    "/opt/rt/healthcheck 127.0.0.1 80;:",
    "/opt/rt/healthcheck 127.0.0.1 80 &",
    "/opt/rt/healthcheck 127.0.0.1 80; echo $?",
    "curl -fs http://127.0.0.1/ && echo up || echo down",
    "curl -fs http://127.0.0.1/ | grep -q pass || true # for now",
    "(curl -fs http://127.0.0.1/ || exit 1) || true",
    "answer=$(curl -fs http://127.0.0.1/ && echo up); true",
    "sh -c '/opt/rt/healthcheck 127.0.0.1 80 || true'",
    "true || /opt/rt/healthcheck 127.0.0.1 80",
    "/opt/rt/healthcheck 127.0.0.1 80 | true",
    "/opt/rt/healthcheck 127.0.0.1 ${PORT:-80} || true",
    "/opt/rt/healthcheck 127.0.0.1 80 || printf 'RT is %s\\n' down >&2",
    "/opt/rt/healthcheck 127.0.0.1 80 || exit 1 &",
    "(exec /opt/rt/healthcheck 127.0.0.1 80); true",
    "true || exec /opt/rt/healthcheck 127.0.0.1 80",
)
MAY_FAIL = (
    "/opt/rt/healthcheck 127.0.0.1 80",
    "true && /opt/rt/healthcheck 127.0.0.1 80",
    "/opt/rt/healthcheck 127.0.0.1 80 && true",
    "/opt/rt/healthcheck 127.0.0.1 80 && exit 0",
    "/opt/rt/healthcheck 127.0.0.1 80 && exit 0; exit 1",
    "/opt/rt/healthcheck 127.0.0.1 80 || exit 1; exit 0",
    "/opt/rt/healthcheck 127.0.0.1 80 || exit",
    "/opt/rt/healthcheck 127.0.0.1 80; exit",
    "set -e; /opt/rt/healthcheck 127.0.0.1 80; true",
    "sh -ec '/opt/rt/healthcheck 127.0.0.1 80; true'",
    "test -f /run/paused || true && /opt/rt/healthcheck 127.0.0.1 80",
    "curl -fs http://127.0.0.1/ && echo true | grep -q true",
    "curl -fs http://127.0.0.1/ && echo | true",
    "echo true | grep -q pass",
    "if curl -fs http://127.0.0.1/; then true; else exit 1; fi",
    "for port in 80 81; do curl -fs http://127.0.0.1:$port/ || exit 1; done; true",
    "until curl -fs http://127.0.0.1/; do sleep 1; done; true",
    "case $(curl -fs http://127.0.0.1/ || true) in *pass*) true;; *) false;; esac",
    "test $(curl -fs http://127.0.0.1/ || true) = pass",
    "curl -fs 'http://127.0.0.1/?a||true'",
    "curl -fs http://127.0.0.1/?a=1\\;true",
    "/opt/rt/healthcheck 127.0.0.1 80 # || true",
    "/opt/rt/healthcheck 127.0.0.1 80 || { echo down; exit 1; }",
    "echo asked >>/run/asked",
    "curl -fs http://127.0.0.1/ &>/dev/null",
    "curl -fs 'http://127.0.0.1/ || true",
    "exec /opt/rt/healthcheck 127.0.0.1 80 || true",
    "/opt/rt/healthcheck 127.0.0.1 80 || kill 1 || true",
    "exec /opt/rt/healthcheck 127.0.0.1 80 | true && /opt/rt/healthcheck 127.0.0.1 80 || exit 1 || true",
    "eval 'exit 1' || true",
    "(while :; do sleep 1; done) || true",
    "shift 3 || true",
    ": ${x:?no}",
    "echo ${x:?no}",
    'echo "${x?no}"',
    "/opt/rt/healthcheck 127.0.0.1 80 || echo ${x:?no}",
    "x=${y:?no} true",
    "echo ${x:?no}; true",
    "/opt/rt/healthcheck ${x:?no} || true",
    "echo $((1/0)); true",
    "true < /no/such",
    "true </no/such",
    ": < /no/such; :</no/such",
    "printf '%d' x",
    "printf",
    "printf '-x'",
    'printf "$answer"',
    "echo ${x/a/b}",
    "echo down >&7",
    "printf x >/no/such/file",
    "! true",
    "true-health",
    "./true",
)


def command(value: str) -> App:
    """Return a COMMAND check."""
    return {**COMMAND, "command": {"value": value}}


CATCHES = [
    *(Caught("L24", "E", VALUE, checks(command(value))) for value in ALWAYS_PASSES),
    Caught("L24", "W", PROTOCOL, checks(TCP)),
    Caught("L24", "W", PROTOCOL, checks({**TCP, "protocol": "MESOS_TCP"})),
    Caught("L24", "W", PROTOCOL, checks(TCP, TCP)),
    Caught("L24", "E", VALUE, checks(command("true"), TCP)),
    Caught("L24", "E", VALUE, checks(command("true"), COMMAND)),
]
"""Of two checks that Mesos would have to run only the first one is run."""
SILENT = [
    *(Silent("L24", checks(command(value))) for value in MAY_FAIL),
    Silent("L24", checks(HTTP)),
    Silent("L24", checks(MESOS)),
    Silent("L24", checks(TCP, HTTP)),
    Silent("L24", checks(TCP, COMMAND)),
    Silent("L24", checks(command("true"), HTTP)),
    Silent("L24", checks(COMMAND, command("true"))),
]
