"""Answers that are not Marathon's, and missing ones, must each be an error of the harness with a repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from harness.errors import UsageError
from harness.marathon import connection, errors
from harness.marathon.client import Marathon
from tests.harness.marathon.meddling import Fault, meddle


def asking(*faults: Fault) -> Marathon:
    """Return a client whose requests are all answered by a fault."""
    client = Marathon("http://127.0.0.1:9")
    meddle(client, *faults)
    return client


CALLS: dict[str, Callable[[Marathon], object]] = {
    "read": lambda client: client.app("/rt"),
    "create": lambda client: client.create({"id": "/rt"}),
    "put": lambda client: client.put("/rt", {"cpus": 1}),
    "delete": lambda client: client.delete("/rt"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"[" * 100_000, b"\xff"], ids=["page", "deep", "bytes"])
def test_a_success_that_is_no_json(call: str, body: bytes) -> None:
    """A proxy's page must raise no traceback, and the error must keep the status."""
    with asking(Fault(".", 200, body)) as client, pytest.raises(errors.NotJsonError) as caught:
        CALLS[call](client)
    assert caught.value.status == 200
    assert caught.value.repair
    assert isinstance(caught.value, errors.PASSING), "whoever polls goes on: the next answer may be Marathon's"


READS: dict[str, Callable[[Marathon], object]] = {
    **CALLS,
    "tasks": lambda client: client.tasks("/rt"),
    "deployments": lambda client: client.deployments(),
    "apps": lambda client: client.apps(),
    "queue": lambda client: client.queued("/rt"),
}


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b""), (204, b""), (200, b"{}"), (200, b"null"), (200, b'{"tasks": null, "app": {}}'), (200, b'"ok"')],
)
def test_a_success_that_says_nothing_does_not_say_that_nothing_runs(call: str, status: int, body: bytes) -> None:
    """A proxy that answers 200 with nothing, twice, would prove a stop."""
    with asking(Fault(".", status, body)) as client, pytest.raises(errors.NotJsonError) as caught:
        READS[call](client)
    assert (caught.value.status, "something before it" in caught.value.repair) == (status, True)


def test_an_empty_list_is_an_answer() -> None:
    """No task and no deployment is what Marathon says at the end of a stop."""
    with asking(Fault("tasks", 200, {"tasks": []}), Fault("deployments", 200, [])) as client:
        assert (client.tasks("/rt"), client.deployments()) == ([], [])


@pytest.mark.parametrize(("token", "good"), [("secret\n", True), ("sec\nret", False), ("sécret", False)])
def test_a_token_that_no_header_can_carry_is_not_shown(token: str, good: bool) -> None:
    """The library's own error would contain the token."""
    if good:
        connection.Connection("http://127.0.0.1:1", token=token).session.close()
        return
    with pytest.raises(UsageError, match="no header can carry") as caught:
        connection.Connection("http://127.0.0.1:1", token=token)
    assert token not in str(caught.value)


@pytest.mark.parametrize("status", [300, 302, 304, 399])
def test_a_redirect_to_nowhere_is_no_success(status: int) -> None:
    """Without a Location requests does not treat it as a redirect, but nothing was done."""
    with asking(Fault(".", status)) as client, pytest.raises(errors.AuthenticationError):
        client.kill("/rt", "rt.1")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (requests.exceptions.SSLError("self-signed certificate"), "certificate"),
        (requests.ConnectTimeout("in 15 s"), "firewalls"),
        (requests.ReadTimeout("in 15 s"), "may have taken the request"),
        (requests.ConnectionError("refused"), "does not take connections"),
        (requests.exceptions.ChunkedEncodingError("broken"), "gave no answer"),
    ],
)
def test_each_way_to_get_no_answer_has_its_own_advice(
    monkeypatch: pytest.MonkeyPatch, trouble: requests.RequestException, words: str
) -> None:
    """A certificate error is not fixed by starting Marathon; after a time-out the request may have had effect."""

    def fail(*_: Any, **__: Any) -> requests.Response:
        raise trouble

    with Marathon("http://127.0.0.1:9") as client:
        monkeypatch.setattr(client.session, "request", fail)
        with pytest.raises(errors.UnreachableError) as caught:
            client.ping()
    assert words in str(caught.value)
    assert connection.TROUBLE[-1][0] is requests.RequestException, "the last kind fits all"
