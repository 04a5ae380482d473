"""Cases of the lint rules about health checks: L01, L03 to L05, L08 to L14, L17, L18, L23."""

from __future__ import annotations

from tests.harness.marathon.lint_cases import (
    COMMAND,
    HTTP,
    MESOS,
    ON_1_4,
    SINCE_1_5,
    Caught,
    Change,
    Silent,
    both,
    check,
    checks,
    drop,
    env,
    host,
    labels,
    mappings,
    put,
    two_ports,
)

CHECK = "/healthChecks(0)"
TIMEOUT, GRACE, FAILURES = (
    f"{CHECK}/{key}" for key in ("timeoutSeconds", "gracePeriodSeconds", "maxConsecutiveFailures")
)
OF_RT = (
    "/",
    "/index.html",
    "/rt",
    "/rt/NoAuth/Login.html?next=1",
    "/NoAuth/css/base/main.css",
    "/REST/1.0/",
    "/static/css/a.css",
    "/Articles/",
    "/Articles/Article/Display.html",
    "/Asset/",
    "/Approvals/",
    "/Helpers/Autocomplete/Users",
    "/Transaction/Display.html",
    "/Ticket/Display.html?id=1",
)
NOT_OF_RT = ("/health", "/healthz", "/Articles-health", "/Assets", "/NoAuthentication", "/Transactions", "/m8")
ASKS_ITSELF = (
    "/opt/rt/healthcheck 127.0.0.1 80",
    "curl -fsH 'Host: rt.example.org' http://127.0.0.1/",
    "curl -fs -HHost:rt.example.org http://127.0.0.1/",
    "curl -fs -H 'Referer: https://rt.example.org/' http://127.0.0.1/",
    'curl -fs -H \\"Host: $SERVER_NAME\\" http://127.0.0.1/',
    "curl -fs --resolve rt.example.org:80:127.0.0.1 http://rt.example.org/",
    "curl -fs --connect-to rt.example.org:80:127.0.0.1:80 http://rt.example.org/",
    "SERVER_NAME=rt.example.org /opt/rt/healthcheck 127.0.0.1 80",
    "openssl s_client -servername rt.example.org -connect 127.0.0.1:443",
    "check --from root@rt.example.org 127.0.0.1",
    "curl -fs http://other-rt.example.org/ http://rt.example.org.invalid/ http://localhost/",
    "curl -fs http://127.0.0.1/ | grep -q 'RT for rt.example.org'",
    "curl -fs http://127.0.0.1/ | grep -qe rt.example.org",
    "curl -fs -e http://rt.example.org/ http://127.0.0.1/",
    "curl -fs -ehttp://rt.example.org/ http://127.0.0.1/",
    "curl -fse 'http://rt.example.org/' http://127.0.0.1/",
    "curl -fs --referer http://rt.example.org/ http://127.0.0.1/",
    "curl -fs -x 127.0.0.1:80 http://rt.example.org/",
    "curl -fs --proxy http://$HOST:$PORT0 http://rt.example.org/",
    "curl -fs --unix-socket /run/rt.sock http://rt.example.org/",
    "curl -fs -H 'Host:  rt.example.org' http://127.0.0.1/",
    "curl -fs http://root:pw@127.0.0.1/?mail=root@rt.example.org",
)
ASKS_THE_NAME = (
    "curl -fs https://rt.example.org/",
    "curl -fs https://RT.EXAMPLE.ORG/ | grep -q pass",
    "/opt/rt/healthcheck rt.example.org 443",
    "curl -fs -H 'Host: rt.example.org' https://rt.example.org:443/",
    "curl -fs https://$SERVER_NAME/",
    "/opt/rt/healthcheck ${SERVER_NAME} 443",
    "curl -fs https://user:pw@rt.example.org/",
    "curl -fs -x $SERVER_NAME:80 http://rt.example.org/",
    "curl -fs -x proxy.example.org:3128 http://rt.example.org/",
    "test -x /usr/bin/curl && curl -fs http://rt.example.org/",
    "set -e; curl -fs http://rt.example.org/",
    "curl -fs -e http://localhost/ http://rt.example.org/ | grep -q pass",
    "exec 3<>/dev/tcp/rt.example.org/80",
)


def command(value: str) -> Change:
    """Replace the health checks by a COMMAND."""
    return checks({**COMMAND, "command": {"value": value}})


CATCHES = [
    Caught("L01", "W", "/healthChecks", put(healthChecks=[])),
    Caught("L01", "W", "/healthChecks", drop("healthChecks")),
    Caught("L03", "E", f"{CHECK}/portIndex", check(portIndex=1)),
    Caught("L03", "E", f"{CHECK}/portIndex", both(check(portIndex=None), mappings())),
    Caught("L03", "E", f"{CHECK}/portIndex", both(host(portDefinitions=[{"port": 0}]), check(portIndex=1))),
    Caught("L04", "E", f"{CHECK}/port", check(port=8080)),
    Caught("L04", "E", CHECK, both(two_ports, check(portIndex=None))),
    Caught("L04", "W", f"{CHECK}/port", check(portIndex=None, port=80)),
    Caught("L05", "E", f"{CHECK}/command", checks({"protocol": "COMMAND"})),
    Caught("L05", "E", f"{CHECK}/path", checks({**COMMAND, "path": "/"}), SINCE_1_5),
    Caught("L05", "E", f"{CHECK}/port", checks({**COMMAND, "port": 80}), SINCE_1_5),
    Caught("L05", "E", f"{CHECK}/command", checks({"command": {"value": "true"}}), SINCE_1_5),
    Caught("L05", "W", f"{CHECK}/path", checks({**COMMAND, "path": "/"}), ON_1_4),
    Caught("L05", "W", f"{CHECK}/port", checks({**COMMAND, "port": 80}), ON_1_4),
    Caught("L05", "W", f"{CHECK}/command", checks({"command": {"value": "true"}}), ON_1_4),
    Caught("L08", "W", f"{CHECK}/path", check(path=None)),
    Caught("L08", "W", f"{CHECK}/path", check(path="/m", protocol="MESOS_HTTP")),
    *(Caught("L08", "W", f"{CHECK}/path", check(path=path)) for path in OF_RT),
    Caught("L09", "W", f"{CHECK}/path", check(path="/REST/2.0/rt")),
    Caught("L10", "W", "/healthChecks", checks(COMMAND, COMMAND)),
    Caught("L10", "W", "/healthChecks", checks(COMMAND, MESOS)),
    Caught("L10", "E", "/healthChecks", checks(MESOS, {**MESOS, "path": "/other"})),
    Caught("L11", "W", f"{CHECK}/command/value", checks({**COMMAND, "command": {"value": 'test "$HOST"'}})),
    Caught("L12", "W", TIMEOUT, check(timeoutSeconds=20)),
    Caught("L12", "W", TIMEOUT, check(timeoutSeconds=0)),
    Caught("L12", "W", TIMEOUT, check(timeoutSeconds=-1, protocol="TCP", path=None)),
    Caught("L12", "W", TIMEOUT, checks({**COMMAND, "timeoutSeconds": 4})),
    Caught("L12", "W", TIMEOUT, check(protocol="HTTPS"), ON_1_4),
    Caught("L13", "W", GRACE, checks({**COMMAND, "gracePeriodSeconds": 10})),
    Caught("L13", "W", GRACE, check(gracePeriodSeconds=0)),
    Caught("L14", "W", FAILURES, check(maxConsecutiveFailures=2)),
    Caught("L14", "W", FAILURES, checks({**COMMAND, "maxConsecutiveFailures": 0})),
    Caught("L14", "W", FAILURES, check(intervalSeconds=4, timeoutSeconds=2)),
    Caught("L14", "W", "/healthChecks", check(maxConsecutiveFailures=0)),
    Caught("L17", "W", "/healthChecks", checks(COMMAND, HTTP)),
    Caught("L17", "W", "/healthChecks", checks(MESOS, {**HTTP, "protocol": "TCP"})),
    Caught("L18", "W", f"{CHECK}/ignoreHttp1xx", check(ignoreHttp1xx=True), SINCE_1_5),
    Caught("L18", "W", f"{CHECK}/delaySeconds", check(delaySeconds=5)),
    *(Caught("L23", "W", f"{CHECK}/command/value", command(value)) for value in ASKS_THE_NAME),
    Caught(
        "L23",
        "W",
        f"{CHECK}/command/value",
        both(command("curl http://help.example.org/"), labels(HAPROXY_0_VHOST="rt.example.org,help.example.org")),
    ),
    Caught("L23", "W", f"{CHECK}/command/value", both(command(ASKS_THE_NAME[0]), labels(HAPROXY_0_VHOST=None))),
    *(
        Caught("L23", "W", f"{CHECK}/command/value", both(command(value), env(SERVER_NAME="rt")))
        for value in ("/opt/rt/healthcheck rt 80", "curl -fs http://rt/", "curl -fs rt/health")
    ),
]
SILENT = [
    Silent("L01", put(instances=0, healthChecks=[])),
    Silent("L03", both(two_ports, check(portIndex=1))),
    Silent("L03", check()),
    Silent("L03", both(host(ports=[0, 0]), check(portIndex=1))),
    Silent("L03", both(put(ports=[0, 0]), check(portIndex=1))),
    Silent("L04", check(portIndex=None)),
    Silent("L04", check(portIndex=None, port=80, protocol="MESOS_HTTP")),
    Silent("L04", check(portIndex=None, port=8080)),
    Silent("L05", checks(COMMAND)),
    Silent("L05", checks({**COMMAND, "portIndex": 0})),
    *(Silent("L08", check(path=path)) for path in NOT_OF_RT),
    Silent("L08", checks({**HTTP, "protocol": "TCP", "path": "/"})),
    Silent("L09", check(path="/REST/2.0-docs")),
    Silent("L10", checks(HTTP, HTTP)),
    Silent("L11", checks({**COMMAND, "command": {"value": "sh -c 'exit 0' && echo \\\"well\\\""}})),
    Silent("L12", check(timeoutSeconds=1)),
    Silent("L12", checks({**COMMAND, "timeoutSeconds": 5})),
    Silent("L12", check(protocol="HTTPS"), SINCE_1_5),
    Silent("L13", check(gracePeriodSeconds=5)),
    Silent("L14", checks(HTTP, {**HTTP, "maxConsecutiveFailures": 0})),
    Silent("L17", checks(HTTP, {**HTTP, "protocol": "TCP"})),
    Silent("L18", check(ignoreHttp1xx=False, delaySeconds=15)),
    Silent("L18", check(ignoreHttp1xx=True), ON_1_4),
    *(Silent("L23", command(value)) for value in ASKS_ITSELF),
    *(
        Silent("L23", both(command(value), short))
        for value in ("/opt/rt/healthcheck 127.0.0.1 80", "/rt/check", "curl -fs http://127.0.0.1/rt/")
        for short in (env(SERVER_NAME="rt"), labels(HAPROXY_0_VHOST="rt"))
    ),
    Silent("L23", both(command("curl http://localhost/"), env(SERVER_NAME="localhost"))),
    Silent("L23", both(command("curl http://$SERVER_NAME/"), env(SERVER_NAME="localhost"))),
]
