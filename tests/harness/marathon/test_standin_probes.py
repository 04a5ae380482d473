"""Probes against real sockets on this machine: HTTP, HTTPS with an unknown certificate, TCP."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from harness.marathon.standin import probes
from harness.marathon.standin.checks import HealthCheck
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Standin
from harness.marathon.standin.monitor import ask_from_outside, ask_inside
from harness.marathon.standin.task import Placement
from tests.harness.marathon.scripted import ScriptedRunner, app, play

ANSWERS = {
    "/200": "200 OK",
    "/302": "302 Found\r\nLocation: /500",
    "/to-200": "302 Found\r\nLocation: /200",
    "/round": "302 Found\r\nLocation: /round",
    "/399": "399 Odd",
    "/400": "400 Bad Request",
    "/500": "500 Internal Server Error",
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer by path; /hang never answers, /rubbish is no HTTP."""
    line = (await reader.readuntil(b"\r\n\r\n")).decode().split()
    if line[1] == "/hang":
        await reader.read()
    elif line[1] == "/rubbish":
        writer.write(b"hello\r\n\r\n")
    elif line[1] == "/continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
    else:
        writer.write(f"HTTP/1.1 {ANSWERS[line[1]]}\r\nContent-Length: 0\r\n\r\n".encode())
    await writer.drain()
    await reader.read()


@asynccontextmanager
async def server(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a free port and yield it; afterwards close every connection."""
    at_work: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        at_work.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await answer(reader, writer)
        writer.transport.abort()

    running = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with running:
        yield running.sockets[0].getsockname()[1]
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work)
        await asyncio.sleep(0)


def run(question: Callable[[int], Awaitable[probes.Result]], tls: ssl.SSLContext | None = None) -> probes.Result:
    """Run a probe against a server of its own."""

    async def whole() -> probes.Result:
        async with server(tls) as port:
            return await question(port)

    return asyncio.run(whole())


@pytest.mark.parametrize(
    ("path", "passed", "cause"),
    [
        ("/200", True, ""),
        ("200", True, ""),
        ("/302", True, ""),
        ("/399", True, ""),
        ("/continue", True, ""),
        ("/400", False, "400 Bad Request"),
        ("/500", False, "500 Internal Server Error"),
        ("/hang", False, "timed out"),
        ("/rubbish", False, "the answer is not HTTP"),
    ],
)
def test_http(path: str, passed: bool, cause: str) -> None:
    """200 to 399 passes, and the cause is the status line or what went wrong."""
    timeout = 0.2 if path == "/hang" else 5
    assert run(lambda port: probes.http("127.0.0.1", port, path, timeout)) == probes.Result(passed, cause)


@pytest.mark.parametrize(("path", "passed"), [("/302", False), ("/to-200", True), ("/round", False)])
def test_checks_of_the_agent_follow_redirects(path: str, passed: bool) -> None:
    """So the last answer counts, and a circle fails."""
    found = run(lambda port: probes.http_following(port, path, 5, probes.connect_directly))
    assert found.passed is passed


def test_nobody_there() -> None:
    """A refused connection is a failure with its reason."""

    async def story() -> tuple[probes.Result, probes.Result]:
        async with server() as port:
            pass
        return await probes.tcp("127.0.0.1", port, 5), await probes.http("127.0.0.1", port, "/", 5)

    refused = asyncio.run(story())
    assert [
        (result.passed, "refused" in result.cause.lower() or "connect" in result.cause.lower())
        for result in refused
    ] == [
        (False, True),
        (False, True),
    ]


def test_tcp() -> None:
    """A connection is enough."""
    assert run(lambda port: probes.tcp("127.0.0.1", port, 5)).passed


@pytest.fixture(scope="module")
def unknown_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Return a TLS context with a self-signed certificate for another name."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=elsewhere.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*request, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(("path", "passed"), [("/200", True), ("/500", False)])
def test_https_accepts_every_certificate(unknown_certificate: ssl.SSLContext, path: str, passed: bool) -> None:
    """As Marathon does; the status still counts."""
    found = run(lambda port: probes.http("127.0.0.1", port, path, 5, tls=True), unknown_certificate)
    assert found.passed is passed


@pytest.mark.parametrize(("path", "passed"), [("/to-200", True), ("/302", False)])
def test_the_agent_speaks_tls_too_and_follows_there(
    unknown_certificate: ssl.SSLContext, path: str, passed: bool
) -> None:
    """MESOS_HTTPS differs from HTTPS in that alone."""

    async def question(port: int) -> probes.Result:
        check = HealthCheck.model_validate({"protocol": "MESOS_HTTPS", "port": port, "path": path})
        return await ask_inside(check, Placement("c", 0, "", (), (), ()), probes.connect_directly, "127.0.0.1")

    assert run(question, unknown_certificate).passed is passed


@pytest.mark.parametrize(("status", "ready"), [(200, True), (500, False)])
def test_readiness_is_asked_over_tls(unknown_certificate: ssl.SSLContext, status: int, ready: bool) -> None:
    """The exact status counts, and the last answer is kept on request."""
    checks = [
        {
            "protocol": "HTTPS",
            "portName": "https",
            "path": f"/{status}",
            "intervalSeconds": 3,
            "timeoutSeconds": 2,
            "preserveLastResponse": True,
        }
    ]
    container = {"docker": {"image": "good"}, "portMappings": [{"containerPort": 443, "name": "https"}]}

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        async with server(unknown_certificate) as runner.port:
            site.commands.submit({"/a": app(container=container, readinessChecks=checks)}, force=False)
            await clock.settle()
        task = site.state.tasks_of("/a")[0]
        assert task.readiness is not None
        assert (task.ready, task.readiness["lastResponse"]["status"]) == (ready, status)

    play(story)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"portIndex": 0, "path": "/200"}, True),
        ({"portIndex": 1, "path": "/200"}, False),
        ({"portIndex": 0, "protocol": "TCP"}, True),
        ({"portIndex": 0, "protocol": "HTTPS", "path": "/200"}, False),
    ],
)
def test_a_check_asks_the_address_of_its_port_index(changes: dict[str, object], expected: bool) -> None:
    """An index without a port fails, and does not ask another one."""
    check = HealthCheck.model_validate({"timeoutSeconds": 1} | changes)

    async def question(port: int) -> probes.Result:
        placed = Placement("c", 0, "127.0.0.1", (port,), (80,), (("127.0.0.1", port),))
        return await ask_from_outside(check, placed, "127.0.0.1")

    assert run(question).passed is expected


def test_an_explicit_port_is_tried_on_the_agent() -> None:
    """And not on the task's own address."""

    async def question(port: int) -> probes.Result:
        check = HealthCheck.model_validate({"timeoutSeconds": 5, "port": port, "path": "/200"})
        return await ask_from_outside(check, Placement("c", 0, "", (), (), ()), "127.0.0.1")

    assert run(question).passed


def test_a_task_without_an_address_fails() -> None:
    """With Marathon's own words."""
    check = HealthCheck.model_validate({"portIndex": 0})
    assert "effective IP address" in asyncio.run(ask_from_outside(check, None, "127.0.0.1")).cause


@pytest.mark.parametrize("check", [{"protocol": "MESOS_HTTP", "path": "/to-200"}, {"protocol": "MESOS_TCP"}])
def test_without_the_right_to_enter_it_the_containers_address_is_asked(check: dict[str, object]) -> None:
    """Tasks in memory are process 0 at 127.0.0.1."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        async with server() as port:
            checks = [{**check, "port": port, "delaySeconds": 0, "gracePeriodSeconds": 0}]
            site.commands.submit({"/a": app(healthChecks=checks)}, force=False)
            await clock.advance(1)
        assert [t.records[0].alive for t in site.state.tasks.values()] == [True]
        assert site.state.deployments == {}

    play(story)
