"""An instance must withstand requests from the internet that reach it through its balancer."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from fixtures.healthcheck_user import CHEAP, PASSWORD
from fixtures.rt import RtFactory
from harness.common.waits import Retry, wait_until
from harness.dump.choice import DEFAULT_TARGET
from harness.releases import ROOT
from harness.rt import HTTP, Rt
from tests.smoke.instances import ALIKE, TWO_WORKERS, Instances, begun

GATEWAY = "/REST/1.0/NoAuth/mail-gateway"
MAIL = """From: root@localhost
To: rt@example.org
Subject: By the gateway

Text
"""
FORM = urlencode({"queue": "General", "action": "correspond", "message": MAIL})
"""The form that rt-mailgate sends. The sender is the administrator of a new site, who may create tickets."""
STRANGER = "203.0.113.7"
THROUGH_A_BALANCER: tuple[Mapping[str, str], ...] = (
    {"X-Forwarded-For": STRANGER},
    {"x-forwarded-for": f"10.1.2.3, {STRANGER}"},
    {"X-Forwarded-For": "10.1.2.3"},
    {"Forwarded": f"for={STRANGER};proto=https"},
)
"""The headers that balancers add. A private address in one may be forged by the client."""
DETOURS = (
    "//REST/1.0/NoAuth/mail-gateway",
    "/REST/1.0//NoAuth///mail-gateway",
    "/REST/1.0/NoAuth/../NoAuth/mail-gateway",
    "/NoAuth/../REST/1.0/NoAuth/mail-gateway",
    "/REST/1.0/./NoAuth/mail-gateway",
    "/REST/1.0/%4eoAuth/mail-gateway",
    "/%52EST/1%2e0/NoAuth/mail-gateway",
    "/REST/1.0%2fNoAuth/mail-gateway",
    "/REST/1.0/x/%2e%2e/NoAuth/mail-gateway",
    "/REST/1.0/%254eoAuth/mail-gateway",
    "/rest/1.0/noauth/mail-gateway",
    "/REST/1.0/NoAuth;x/mail-gateway",
    "/%2fREST/1.0/NoAuth/mail-gateway",
    "/REST/1.0/NoAuth/mail-gateway/../../../../Ticket",
    "/REST/1.0/NoAuth/mail-gateway/%2e%2e/%2e%2e/%2e%2e/%2e%2e/Ticket",
    "@REST/1.0/NoAuth/mail-gateway",
    "http://localhost/REST/1.0/NoAuth/mail-gateway",
    "http://REST/1.0/NoAuth/mail-gateway",
    "http://REST//1.0/NoAuth/mail-gateway",
    "HTTPS://REST/1.0/NoAuth/mail-gateway",
    "http://REST:80/1.0/NoAuth/mail-gateway",
    "http:/REST/1.0/NoAuth/mail-gateway",
    "*",
)
"""Other spellings of the gateway's path, which RT and Apache must not interpret differently.

In an address with a host, Apache takes the host away from the path, and Plack does not.
"""
FIRST_PART_AS_HOST = "http://REST/1.0/NoAuth/mail-gateway"
LINES = (
    f"GET {FIRST_PART_AS_HOST}?{FORM} HTTP/1.1",
    f"HEAD {FIRST_PART_AS_HOST}?{FORM} HTTP/1.1",
    f"PUT {FIRST_PART_AS_HOST}?{FORM} HTTP/1.1",
    f"GET {FIRST_PART_AS_HOST}?{FORM} HTTP/1.0",
    f"GET {GATEWAY}?{FORM}",
    f"CONNECT {GATEWAY}?{FORM} HTTP/1.1",
)
"""Other request lines; the one without a protocol is HTTP/0.9, which has no headers."""


def deliver(site: Rt, headers: Mapping[str, str], path: str = GATEWAY) -> tuple[int, str]:
    """Send a mail to the gateway from outside of the container; return status and body.

    The path is sent unchanged; a browser or `requests` would normalise it.
    """
    connection = http.client.HTTPConnection(*site.container.address(HTTP), timeout=60)
    with contextlib.closing(connection):
        connection.request(
            "POST",
            path,
            FORM,
            {"Host": "localhost", "Content-Type": "application/x-www-form-urlencoded", **headers},
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def tickets(instances: Instances) -> int:
    """Count the tickets."""
    return int(instances.database.value("SELECT COUNT(*) FROM Tickets"))


@ALIKE
def test_the_mail_gateway_is_for_neighbours_only(instances: Instances, served: Rt) -> None:
    """The gateway requires no login: through a balancer, itself a neighbour, anyone could write as any user."""
    before = tickets(instances)
    assert [deliver(served, headers)[0] for headers in THROUGH_A_BALANCER] == [403] * len(THROUGH_A_BALANCER)
    assert tickets(instances) == before
    status, said = deliver(served, {})
    assert (status, said.startswith("ok")) == (200, True), said
    assert tickets(instances) == before + 1


@ALIKE
def test_no_other_spelling_of_its_path_leads_there(instances: Instances, served: Rt) -> None:
    """Apache refuses by the path after decoding, and RT finds its pages by the path as it was sent."""
    before = tickets(instances)
    for path in DETOURS:
        status, said = deliver(served, {"X-Forwarded-For": STRANGER}, path)
        assert (tickets(instances), said.startswith("ok")) == (before, False), f"{path}: {status} {said}"


@ALIKE
def test_no_other_request_line_leads_there(instances: Instances, served: Rt) -> None:
    """The gateway takes a mail from the query as well, so a request needs neither a body nor headers."""
    before = tickets(instances)
    for line in LINES:
        headers = f"Host: localhost\r\nX-Forwarded-For: {STRANGER}\r\n\r\n" if " HTTP/" in line else ""
        with socket.create_connection(served.container.address(HTTP), timeout=60) as made:
            made.sendall(f"{line}\r\n{headers}".encode())
            said = b"".join(iter(lambda: made.recv(65536), b""))
        assert tickets(instances) == before, f"{line}: {said!r}"


ONLY_ORIGIN_FORM = re.compile(r"<If [^>]*THE_REQUEST.*?</If>\n", re.DOTALL)
"""The part of Apache's configuration that refuses addresses with a host."""


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # only Apache matters, not the RT
def test_apache_refuses_addresses_with_a_host(served: Rt) -> None:
    """Whatever they lead to: what Apache and Plack make of their path differs."""
    assert deliver(served, {}, "http://localhost/NoAuth/Login.html")[0] == 403
    assert deliver(served, {}, "/NoAuth/Login.html")[0] == 200


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # only Apache matters, not the RT
def test_and_rt_does_without_that(instances: Instances, rt_site: RtFactory) -> None:
    """Apache's rule is about the one difference that is known: what RT is about to serve is compared as well."""
    text, count = ONLY_ORIGIN_FORM.subn("", (ROOT / "image/rt/apache2.conf").read_text(encoding="utf-8"))
    site = rt_site(
        instances.version,
        instances.database,
        environment=TWO_WORKERS,
        files=[("/etc/apache2/apache2.conf", text.encode())],
    )
    before = tickets(instances)
    status, said = deliver(site, {"X-Forwarded-For": STRANGER}, FIRST_PART_AS_HOST)
    assert (count, status, tickets(instances)) == (1, 403, before), said
    assert deliver(site, {}, "http://localhost/")[0] != 403, "Apache's own rule is still there"
    assert deliver(site, {})[0] == 200


WITHIN = """
use strict; use warnings; use HTTP::Tiny; use JSON::PP;
my ($path, $form, @clients) = @ARGV;
my %types = ('Content-Type' => 'application/x-www-form-urlencoded');
print encode_json([map { HTTP::Tiny->new->post("http://127.0.0.1$path", {
    content => $form, headers => {%types, 'X-Forwarded-For' => $_} })->{status} + 0 } @clients]);
"""
"""Posts a form like a proxy at the container's own address, once for each client address given."""


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # only Apache matters, not the RT
def test_a_trusted_proxy_says_where_a_mail_server_is(served: Rt) -> None:
    """A mail server's only way may be a balancer, whose header about the client is then trusted."""
    clients = ["10.1.2.3", STRANGER, f"10.1.2.3, {STRANGER}"]
    answers = json.loads(served.need("perl", "-e", WITHIN, GATEWAY, FORM, *clients))
    assert answers == [200, 403, 403]


READ_TIMEOUT = 1
"""Seconds, instead of an instance's default of 20."""
SOON = 30.0
"""Seconds until a worker must be free again."""
LENGTH = 100_000
"""Bytes that a client announces and never sends."""


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # only Apache matters, not the RT
def test_clients_that_never_end_their_requests_hold_no_worker(instances: Instances, rt_site: RtFactory) -> None:
    """As many such clients as workers would stop the service, and failing health checks then the instances."""
    site = rt_site(
        instances.version,
        instances.database,
        healthcheck_password=PASSWORD,
        configuration=CHEAP,
        environment={**TWO_WORKERS, "RT_READ_TIMEOUT": str(READ_TIMEOUT)},
    )
    for promised in (LENGTH, None):
        with contextlib.ExitStack() as held:
            outlives(
                site,
                [
                    held.enter_context(begun(site, promised) if promised else half_a_head(site))
                    for _ in range(int(TWO_WORKERS["RT_WORKERS"]))
                ],
            )


def outlives(site: Rt, clients: list[socket.socket]) -> None:
    """Assert that the health check passes while clients send one byte before each try. Raises NotReadyError."""

    def healthy() -> None:
        for one in clients:
            with contextlib.suppress(OSError):  # closed by Apache
                one.sendall(b"x")
        if (done := site.run("/opt/rt/healthcheck", "127.0.0.1", "80")).code:
            raise Retry(done.out)

    wait_until("A healthy instance", healthy, SOON, evidence=site.container.evidence)


def half_a_head(site: Rt) -> socket.socket:
    """Return a connection on which the head of a request has begun; Apache accepts connections in order."""
    made = socket.create_connection(site.container.address(HTTP), timeout=60)
    made.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    return made
