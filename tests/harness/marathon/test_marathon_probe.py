"""The harness's own probe of an instance: which port, how much of an answer, and for how long."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from harness.marathon.follow import ask
from harness.marathon.model import AppState
from harness.marathon.probe import HttpProbe, ProbeResult, rt_probe, serving_port
from tests.harness.marathon.dripping import HEAD, instance
from tests.harness.marathon.event_servers import chunk


def test_a_marker_in_a_later_chunk_is_seen() -> None:
    """RT sends its page in several."""
    parts = [HEAD + chunk(b"<html>"), chunk(b"a form"), chunk(b'name="pass"'), b"0\r\n\r\n"]
    with instance(parts, drip=0.05) as port:
        assert HttpProbe(marker='name="pass"')("127.0.0.1", port).good


def test_an_instance_that_drips_does_not_hold_the_poll_up() -> None:
    """Each part arrives within the time-out, but the whole never ends."""
    with instance([HEAD, *[chunk(b"x")] * 1000], drip=0.05) as port:
        result = HttpProbe(timeout=0.4)("127.0.0.1", port)
    assert (result.good, "Timeout" in result.said) == (False, True)


def test_an_instance_that_drips_its_header_does_not_hold_the_poll_up() -> None:
    """The time limit is one for connection, header and body."""
    parts = [b"HTTP/1.1 200 OK\r\n", *[b"X-Drip: 1\r\n"] * 80, b"Content-Length: 0\r\n\r\n"]
    started = time.monotonic()
    with instance(parts, drip=0.1) as port:
        result = HttpProbe(timeout=0.4)("127.0.0.1", port)
    assert (result.good, "Timeout" in result.said, result.reached) == (False, True, True)
    assert time.monotonic() - started < 4, "the header alone takes 8 s"


@pytest.mark.parametrize("answer", [HEAD + b"5\r\nab", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"what"])
def test_an_answer_that_breaks_off_is_no_good_answer(answer: bytes) -> None:
    """It must be a bad result, not a traceback."""
    with instance([answer]) as port:
        result = HttpProbe()("127.0.0.1", port)
    assert (result.good, "no answer" in result.said, result.reached) == (False, True, True)


def test_an_instance_with_an_address_of_ipv6_is_asked() -> None:
    """It stands in brackets in an address, and a good release would be rolled back without them."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with instance([answer], host="::1") as port:
        result = HttpProbe(marker="ok")("::1", port)
    assert (result.good, result.where) == (True, f"http://[::1]:{port}/"), result.said


@pytest.mark.parametrize(("host", "port"), [("a..b", 80), ("[::1", 80), ("127.0.0.1", 99999), ("127.0.0.1", 1)])
def test_who_was_not_even_connected_to_is_out_of_reach(host: str, port: int) -> None:
    """An address that is none says nothing about the instance."""
    result = HttpProbe(timeout=2)(host, port)
    assert (result.good, result.reached) == (False, False), result.said


def styled(*addresses: str) -> bytes:
    """Return a login page of RT with style sheets at these addresses."""
    links = "".join(f'<link rel="stylesheet" href="{address}" type="text/css" />' for address in addresses)
    return f'{links}<input name="pass" />'.encode()


@pytest.mark.parametrize(
    ("addresses", "needed"),
    [
        (["//cdn.example.org/a.css"], ""),
        (["//cdn.example.org/static/css/a.css"], ""),
        (["/corporate/design.css"], ""),
        (["/NoAuth/css/elevator-light/squished-0.css?x=1"], "/NoAuth/css/elevator-light/squished-0.css"),
        (["/corporate/design.css", "/static/css/a.css"], "/static/css/a.css"),
        (["/rt/NoAuth/css/rudder/squished-0.css"], "/rt/NoAuth/css/rudder/squished-0.css"),
        (["/support/rt/static/css/a.css"], "/support/rt/static/css/a.css"),
    ],
)
def test_only_style_sheets_of_rt_itself_are_asked_for(addresses: list[str], needed: str) -> None:
    """Another host serves what begins with //, and the balancer may serve a corporate design."""
    page = styled(*addresses)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n".encode()
    with instance([head + page]) as port:  # which answers one request only
        found = replace(rt_probe({}), identity_path="", timeout=0.5)("127.0.0.1", port)
    assert found.good == (not needed), found.said
    assert found.said.endswith(f":{port}{needed}") if needed else found.said == "HTTP 200"


PORTS = [{"containerPort": 9100, "name": "metrics"}, {"containerPort": 80, "name": "http"}]
TWO = {"container": {"portMappings": PORTS}, "networks": [{"mode": "container/bridge"}]}


@pytest.mark.parametrize(
    ("checks", "port"),
    [
        ({}, 0),
        ({"healthChecks": [{"protocol": "HTTP", "portIndex": 1}]}, 1),
        ({"healthChecks": [{"protocol": "COMMAND"}], "readinessChecks": [{"portName": "http"}]}, 1),
        ({"healthChecks": [{"protocol": "HTTP", "portIndex": 7}]}, 0),
        ({"readinessChecks": [{"portName": "other"}]}, 0),
    ],
)
def test_the_port_is_the_one_that_its_checks_ask(checks: dict[str, Any], port: int) -> None:
    """The first of several need not be the one on which RT serves."""
    assert serving_port({**TWO, **checks}) == port
    task = {"id": "rt.1", "host": "agent", "ports": [31000, 31001], "state": "TASK_RUNNING"}
    asked: list[tuple[str, int]] = []

    def probe(host: str, number: int) -> ProbeResult:
        asked.append((host, number))
        return ProbeResult(True, host, "")

    ask(AppState.read({**TWO, **checks, "tasks": [task]}), "rt.1", probe)
    assert asked == [("agent", 31000 + port)]
