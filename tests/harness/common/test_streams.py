"""The output of a command in a container arrives complete, however fast the command is."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from docker import APIClient

from harness.common.streams import ERR, OUT, LineSplitter, frames
from harness.errors import InfrastructureError

HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


def frame(stream: int, text: bytes) -> bytes:
    """Return a frame as the engine sends it."""
    return struct.pack(">BxxxL", stream, len(text)) + text


@pytest.fixture
def spoken(request: pytest.FixtureRequest) -> Iterator[APIClient]:
    """Return a client of an engine that sends header and output in one piece, as a busy one does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"}"):
                    asked += connection.recv(65536)
                connection.sendall(HEAD + request.param)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        client = APIClient(base_url=f"tcp://127.0.0.1:{server.getsockname()[1]}", version="1.41")
        yield client
        client.close()
        thread.join(5)


def heard(client: APIClient) -> list[tuple[int, bytes]]:
    """Start a command and return its whole output."""
    connection: Any = client.exec_start("1", socket=True)
    try:
        return list(frames(connection))
    finally:
        connection._response.close()
        connection.close()


@pytest.mark.parametrize("spoken", [frame(OUT, b"one\n") + frame(ERR, b"two\n")], indirect=True, ids=["two"])
def test_what_comes_with_the_head_of_the_answer_is_not_lost(spoken: APIClient) -> None:
    """It is in the HTTP library's buffer, which the SDK bypasses: a validator's findings would be lost."""
    assert heard(spoken) == [(OUT, b"one\n"), (ERR, b"two\n")]


@pytest.mark.parametrize(
    "spoken",
    [frame(OUT, b"whole") + frame(OUT, b"cut off")[:-2], b"garbage"],
    indirect=True,
    ids=["cut", "garbage"],
)
def test_half_an_answer_is_none(spoken: APIClient) -> None:
    """Truncated output must not be taken for the complete output."""
    with pytest.raises(InfrastructureError):
        heard(spoken)


LONG, PIECE = 32_000_000, 16_384
FEW_SECONDS = 2.0
"""Of processor time. Scanning a line again with each new piece takes ten times as long."""


def test_a_line_of_many_pieces_is_looked_at_once() -> None:
    """Half of RT's output for a large site is one line, in pieces of a few kilobytes."""
    lines: list[str] = []
    splitter = LineSplitter(lines.append)
    start = time.thread_time()
    for _ in range(LONG // PIECE):
        splitter.feed(OUT, b"x" * PIECE)
    splitter.feed(OUT, b"\nnext")
    spent = time.thread_time() - start
    splitter.close()
    assert [len(one) for one in lines] == [LONG // PIECE * PIECE, len("next")]
    assert spent < FEW_SECONDS


def test_lines_of_two_streams_are_put_together() -> None:
    """Pieces may end anywhere, also within a character, and the two streams are interleaved."""
    lines: list[str] = []
    splitter = LineSplitter(lines.append)
    for channel, piece in ((OUT, b"one\ntw\xc3"), (ERR, b"err"), (OUT, b"\xa4\n\n"), (ERR, b"or\n"), (OUT, b"z")):
        splitter.feed(channel, piece)
    assert lines == ["one", "twä", "", "error"]
    splitter.close()
    assert lines[-1] == "z"
