"""A Marathon, or a proxy before it, that never completes its answer: no deploy may wait for that."""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from contextlib import nullcontext

import pytest

from harness.marathon.client import Marathon
from harness.marathon.errors import PASSING, UnreachableError
from harness.marathon.events import EventStream
from harness.marathon.timed import TimedSession
from tests.harness.marathon.dripping import HEAD, instance
from tests.harness.marathon.event_servers import chunk

LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: http://login.example.org/\r\nContent-Length: 100000\r\n\r\n"
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n"
SLOW: dict[str, Sequence[bytes]] = {
    "body": [LONG, *[b" "] * 200],
    "chunks": [HEAD, *[chunk(b" ")] * 200],
    "one chunk": [HEAD, b"fff\r\n", *[b" "] * 200],
    "header": [b"HTTP/1.1 200 OK\r\n", *[b"X-Drip: 1\r\n"] * 90, b"Content-Length: 2\r\n\r\n[]"],
    "header line": [b"HTTP/1.1 200 OK\r\nX-Drip: ", *[b"1"] * 200, b"\r\nContent-Length: 2\r\n\r\n[]"],
    "interim answers": [
        *[b"HTTP/1.1 100 Continue\r\n\r\n"] * 200,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    ],
    "compressed": [GZIP, b"\x1f\x8b\x08\x08" + bytes(6), *[b"a"] * 200],
    "redirect": [ELSEWHERE, *[b" "] * 200],
    "refusal": [b"HTTP/1.1 503 Unavailable\r\nContent-Length: 100000\r\n\r\n", *[b" "] * 200],
}
"""Answers in parts; each part arrives well within the time-out of one read.

Of "compressed" it is a file's name that drips: nothing is decoded before its end.
"""


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_an_answer_that_drips_ends_with_the_time_out(parts: Sequence[bytes]) -> None:
    """Whoever polls looks at the clock between two requests only, and takes it for one that passes."""
    started = time.monotonic()
    with instance(parts, drip=0.1) as port, Marathon(f"http://127.0.0.1:{port}") as client:
        client.timeout = 0.4
        with pytest.raises(UnreachableError, match="did not answer in time") as caught:
            client.deployments()
    assert time.monotonic() - started < 4, "the whole answer takes 9 s and more"
    assert isinstance(caught.value, PASSING)
    assert "read the app before trying again" in caught.value.repair


def test_a_redirect_that_drips_is_no_event_stream() -> None:
    """Its body is not waited for: nobody reads it."""
    started = time.monotonic()
    with (
        instance([ELSEWHERE, *[b" "] * 200], drip=0.1) as port,
        Marathon(f"http://127.0.0.1:{port}") as client,
        EventStream(client) as stream,
    ):
        assert (stream.available, stream.trouble) == (False, "no event stream: HTTP 302")
    assert time.monotonic() - started < 4, "the whole answer takes 20 s"


@pytest.mark.parametrize(
    "head", [HEAD, ELSEWHERE.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked")]
)
def test_an_answer_without_end_is_not_read_to_the_end(head: bytes) -> None:
    """It would fill the memory of this machine."""
    with instance([head, *[chunk(b" " * 50)] * 3]) as port, Marathon(f"http://127.0.0.1:{port}") as client:
        client.largest = 100
        with pytest.raises(UnreachableError, match="sends more than a Marathon does"):
            client.deployments()


def test_an_answer_that_is_as_large_as_it_may_be_is_read() -> None:
    """The limit is no limit for what Marathon sends."""
    parts = [HEAD, chunk(b"[" + b" " * 98 + b"]"), b"0\r\n\r\n"]
    with instance(parts) as port, Marathon(f"http://127.0.0.1:{port}") as client:
        client.largest = 100
        assert client.deployments() == []


@pytest.mark.parametrize(("blanks", "fits"), [(98, True), (99, False)])
def test_a_compressed_answer_has_the_same_limit(blanks: int, fits: bool) -> None:
    """Nobody asks whether a proxy compresses; what a few bytes unpack to could fill the memory."""
    body = gzip.compress(b"[" + b" " * blanks + b"]")
    head = GZIP.replace(b"100000", b"%d" % len(body))
    with instance([head + body]) as port, Marathon(f"http://127.0.0.1:{port}") as client:
        client.largest = 100
        expected = (
            nullcontext() if fits else pytest.raises(UnreachableError, match="sends more than a Marathon does")
        )
        with expected:
            assert client.deployments() == []


@pytest.mark.parametrize(
    "parts", [[LONG + b"[]"], [HEAD + chunk(b"[]")], [HEAD + b"5\r\n[]"], [GZIP.replace(b"100000", b"2") + b"[]"]]
)
def test_an_answer_that_breaks_off_is_none(parts: Sequence[bytes]) -> None:
    """What has arrived may be well-formed all the same."""
    broken = pytest.raises(UnreachableError, match="gave no answer")
    with instance(parts) as port, Marathon(f"http://127.0.0.1:{port}") as client, broken:
        client.deployments()


def test_a_stream_may_last() -> None:
    """That of the events is read as long as the deploy takes: only its header is limited as a whole."""
    with instance([HEAD, *[chunk(b"event")] * 8, b"0\r\n\r\n"], drip=0.1) as port, TimedSession() as session:
        answer = session.get(f"http://127.0.0.1:{port}", stream=True, timeout=0.4)
        assert b"".join(answer.iter_content(chunk_size=None)) == b"event" * 8
