"""An instance holds its own against the internet behind its balancer."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from harness.dump.choice import DEFAULT_TARGET
from harness.rt import HTTP, Rt
from tests.smoke.instances import ALIKE, Instances

GATEWAY = "/REST/1.0/NoAuth/mail-gateway"
MAIL = """From: root@localhost
To: rt@example.org
Subject: By the gateway

Text
"""
FORM = urlencode({"queue": "General", "action": "correspond", "message": MAIL})
"""What rt-mailgate sends. The sender is the administrator of a new site, who may create tickets."""
STRANGER = "203.0.113.7"
THROUGH_A_BALANCER: tuple[Mapping[str, str], ...] = (
    {"X-Forwarded-For": STRANGER},
    {"x-forwarded-for": f"10.1.2.3, {STRANGER}"},
    {"X-Forwarded-For": "10.1.2.3"},
    {"Forwarded": f"for={STRANGER};proto=https"},
)
"""The headers that balancers add. A private address in one may be the client's own invention."""
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
    "http://localhost/REST/1.0/NoAuth/mail-gateway",
)
"""Other spellings of the gateway's path, which RT and Apache must not understand differently."""


def deliver(site: Rt, headers: Mapping[str, str], path: str = GATEWAY) -> tuple[int, str]:
    """Send a mail to the gateway from outside of the container; return status and body.

    The path is sent as it is written, where a browser or `requests` would tidy it up.
    """
    connection = http.client.HTTPConnection(*site.container.address(HTTP), timeout=60)
    with contextlib.closing(connection):
        connection.request(
            "POST", path, FORM,
            {"Host": "localhost", "Content-Type": "application/x-www-form-urlencoded", **headers},
        )  # fmt: skip
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def tickets(instances: Instances) -> int:
    """Count the tickets."""
    return int(instances.database.value("SELECT COUNT(*) FROM Tickets"))


@ALIKE
def test_the_mail_gateway_is_for_neighbours_only(instances: Instances, served: Rt) -> None:
    """It asks for no login: behind a balancer, itself a neighbour, all the world could write in anybody's name."""
    before = tickets(instances)
    assert [deliver(served, headers)[0] for headers in THROUGH_A_BALANCER] == [403] * len(THROUGH_A_BALANCER)
    assert tickets(instances) == before
    status, said = deliver(served, {})
    assert (status, said.startswith("ok")) == (200, True), said
    assert tickets(instances) == before + 1


@ALIKE
def test_no_other_spelling_of_its_path_leads_there(instances: Instances, served: Rt) -> None:
    """Apache refuses by the path as it reads it, and RT finds its pages by the path as it came."""
    before = tickets(instances)
    for path in DETOURS:
        status, said = deliver(served, {"X-Forwarded-For": STRANGER}, path)
        assert (tickets(instances), said.startswith("ok")) == (before, False), f"{path}: {status} {said}"


WITHIN = """
use strict; use warnings; use HTTP::Tiny; use JSON::PP;
my ($path, $form, @clients) = @ARGV;
my %types = ('Content-Type' => 'application/x-www-form-urlencoded');
print encode_json([map { HTTP::Tiny->new->post("http://127.0.0.1$path", {
    content => $form, headers => {%types, 'X-Forwarded-For' => $_} })->{status} + 0 } @clients]);
"""
"""Posts a form as a proxy at the container's own address does, once for each client that it names."""


@pytest.mark.parametrize("version", [DEFAULT_TARGET], scope="package")  # Apache's doing, whatever RT it serves
def test_a_trusted_proxy_says_where_a_mail_server_is(served: Rt) -> None:
    """A mail server may have no other way than a balancer; its own word on the client is then believed."""
    clients = ["10.1.2.3", STRANGER, f"10.1.2.3, {STRANGER}"]
    answers = json.loads(served.need("perl", "-e", WITHIN, GATEWAY, FORM, *clients))
    assert answers == [200, 403, 403]
