"""A site that shows another page than RT's login form must be told from one that is still starting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.common.waits import Retry
from harness.rt import LOGIN_MARK
from harness.rt.first_page import STEADY, FirstPage, OtherPageError

FORM = f"<input {LOGIN_MARK}>"
Answer = tuple[int, str]
"""Status, and the page or the address that it redirects to."""


class Server(ThreadingHTTPServer):
    """A server that gives these answers, one after the other, and the last one for ever."""

    answers: list[Answer]


class Handler(BaseHTTPRequestHandler):
    """Give the server's answers."""

    server: Server

    def do_GET(self) -> None:
        """Give the next answer."""
        status, text = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", text)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a port of its own."""
    with Server(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def outcomes(server: Server, answers: list[Answer]) -> list[str]:
    """Return the outcome of each look up to the final one."""
    server.answers = [*answers]
    page, found = FirstPage(lambda: f"http://127.0.0.1:{server.server_address[1]}", LOGIN_MARK, "The form"), []
    for _ in answers:
        try:
            page.look()
        except Retry:
            found.append("not yet")
        except OtherPageError:
            return [*found, "another"]
        else:
            return [*found, "form"]
    return found


def to(host: str) -> list[Answer]:
    """Return redirects with different states, one fewer than are needed."""
    return [(302, f"https://{host}.example.test/authorize?state={number}") for number in range(STEADY - 1)]


@pytest.mark.parametrize(
    ("answers", "last"),
    [
        ([*to("one"), to("one")[0]], "another"),
        ([(200, "<a>Log in</a>")] * STEADY, "another"),
        ([(403, "no")] * STEADY, "another"),
        ([(503, "no")] * (3 * STEADY), "not yet"),
        ([*to("one"), (503, "no"), *to("one")], "not yet"),
        ([*to("one"), *to("two")], "not yet"),
        ([*to("one"), (200, FORM)], "form"),
        ([(503, "no"), (200, FORM)], "form"),
    ],
    ids=["redirect", "button", "forbidden", "error", "error-between", "two-hosts", "form-at-last", "started"],
)
def test_only_a_page_that_stays_is_another(server: Server, answers: list[Answer], last: str) -> None:
    """A starting server answers with errors; a part of a redirect generated for each visitor is no change."""
    found = outcomes(server, answers)
    assert (found[-1], len(found)) == (last, len(answers))
