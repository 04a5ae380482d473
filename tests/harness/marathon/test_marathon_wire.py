"""Data from the network: events split anywhere, answers of every dialect, probes, and hidden credentials."""

from __future__ import annotations

import socket
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.marathon.client import Marathon
from harness.marathon.connection import PLAIN_HTTP
from harness.marathon.errors import UnreachableError
from harness.marathon.events import Event, Frames
from harness.marathon.model import AppState, Change, Deployment, QueueItem, Task, moment
from harness.marathon.probe import HttpProbe, rest_release

STREAM = (
    b"event: event_stream_attached\r\ndata: {}\r\n\r\n\r\n"
    b": comment\n\n"
    b'event: deployment_success\ndata: {"id": "97c136bf",\ndata: "plan": {"original": {}}}\n\n'
    b'data: {"eventType": "app_terminated_event", "appId": "/rt \xc3\xa9"}\n\n'
    b"event: broken\ndata: {\n\n"
    b"event: never finished\ndata: {}"
)
EVENTS = [
    Event("event_stream_attached", {}),
    Event("deployment_success", {"id": "97c136bf"}),
    Event("app_terminated_event", {"eventType": "app_terminated_event", "appId": "/rt é"}),
    Event("broken", {}),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_frames_however_the_network_cuts_them(cuts: list[int]) -> None:
    """Cases: keep-alive lines, comments, several data lines, CRLF, a frame that never ends."""
    frames, parts = Frames(), []
    for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        parts += list(frames.feed(STREAM[start:end]))
    assert parts == EVENTS


OLD_TASK = {
    "id": "rt.97c136bf",
    "appId": "/rt",
    "host": "agent-1.example.org",
    "ports": [31005],
    "state": "TASK_RUNNING",
    "version": "2026-11-01T12:00:00.000Z",
    "startedAt": None,
    "healthCheckResults": [
        {
            "alive": True,
            "consecutiveFailures": 0,
            "firstSuccess": "2026-11-01T12:00:05.000Z",
            "lastFailure": None,
            "lastFailureCause": None,
            "lastSuccess": "2026-11-01T12:00:05.000Z",
            "taskId": "rt.97c136bf",
        }
    ],
}
NEW_TASK = {
    "id": "rt.instance-97c136bf._app.1",
    "host": "agent-1.example.org",
    "ports": [31005],
    "state": "TASK_STAGING",
    "ipAddresses": [{"ipAddress": "172.17.0.5", "protocol": "IPv4"}],
    "role": "web",
    "region": None,
}


def test_tasks_of_every_dialect() -> None:
    """Null, absent and additional keys must be treated alike."""
    old, new = Task.read(OLD_TASK), Task.read(NEW_TASK)
    assert (old.alive, old.known, old.started_at) == (True, True, None)
    assert (new.alive, new.known, new.version) == (False, False, None)
    assert old.version == moment("2026-11-01T12:00:00Z")


@pytest.mark.parametrize(
    "raw", [{}, {"versionInfo": None, "tasks": None, "lastTaskFailure": None, "container": None}]
)
def test_sparse_apps(raw: dict[str, Any]) -> None:
    """1.4 sends null where later versions omit the key."""
    app = AppState.read(raw)
    assert (app.tasks, app.last_failure, app.instances, app.image) == ((), None, 1, "")


def test_where_a_task_is_reached() -> None:
    """At the host and host port; at the container's own address if it has one."""
    mapped = {"container": {"portMappings": [{"containerPort": 80}]}, "networks": [{"mode": "container/bridge"}]}
    bridge, own = (
        AppState.read(mapped),
        AppState.read({**mapped, "networks": [{"mode": "container", "name": "n"}]}),
    )
    task = Task.read(NEW_TASK)
    assert bridge.endpoint(task) == ("agent-1.example.org", 31005)
    assert own.endpoint(task) == ("172.17.0.5", 80)
    assert bridge.endpoint(task, 1) is None
    both = [{"ipAddress": "2001:db8::5"}, {"ipAddress": "172.17.0.5"}]
    assert own.endpoint(Task.read({**NEW_TASK, "ipAddresses": both})) == ("172.17.0.5", 80)
    assert own.endpoint(Task.read({**NEW_TASK, "ipAddresses": both[:1]})) == ("2001:db8::5", 80)


def test_the_other_answers() -> None:
    """Deployments, queue, and answers to changes must be read."""
    plan = Deployment.read(
        {
            "id": "97c136bf",
            "version": "2026-11-01T12:00:00.000Z",
            "totalSteps": 2,
            "currentActions": [{"action": "ScaleApplication", "app": "/rt"}],
        }
    )
    at = moment("2026-11-01T12:01:30Z")
    assert at is not None
    assert (plan.actions, plan.steps, plan.age(at)) == (("ScaleApplication /rt",), 2, "90 s old")
    backing_off = {"app": {"id": "/rt"}, "count": 1, "delay": {"overdue": False, "timeLeftSeconds": 40}}
    assert "back off for 40 s" in str(QueueItem.read(backing_off))
    assert "offer" in str(QueueItem.read({**backing_off, "delay": {"overdue": True}}))
    assert Change.read({"version": "x", "deployments": [{"id": "97c136bf"}]}).deployment_id == "97c136bf"


LOGIN = '<html><input name="pass" type="password"></html>'


@pytest.mark.parametrize(
    ("status", "location", "body", "identity", "good"),
    [
        (200, "", LOGIN, "5.0.3", True),
        (302, "/Install/index.html", "", "", False),
        (200, "", "RT/5.0.3 401 Credentials required", "5.0.3", False),
        (200, "", LOGIN, "4.4.6", False),
        (200, "", LOGIN, "", False),
        (503, "", "Database inaccessible", "", False),
        (204, "", LOGIN, "5.0.3", False),
    ],
)
def test_probe_wants_status_marker_and_release(
    status: int, location: str, body: str, identity: str, good: bool
) -> None:
    """Rejected are: install mode, REST 1.0, another release, a missing release, and a dead database."""
    probe = HttpProbe(marker='name="pass"', wanted="5.0.3")
    result = probe.judge("http://127.0.0.1:31005/", status, location, body, identity)
    assert result.good is good, result.said


@pytest.mark.parametrize(
    ("body", "release"),
    [
        ("RT/5.0.3+dfsg-3~deb12u2 401 Credentials required\n", "5.0.3"),
        ("RT/4.4.6 200 Ok\n", "4.4.6"),
        ("<html>RT/5.0.3 200 Ok", ""),
        ("", ""),
    ],
)
def test_release_from_rest(body: str, release: str) -> None:
    """Debian's suffix must be dropped, and a page that merely mentions a release must not count."""
    assert rest_release(body) == release


def test_credentials_stay_inside() -> None:
    """They must not be in the address, the repr or the message of an error."""
    client = Marathon("http://deployer:hunter2%2F%C3%A9%40@127.0.0.1:9/prefix/")
    with client, pytest.raises(UnreachableError) as caught:
        client.ping()
    shown = f"{client!r} {client.url} {caught.value} {caught.value!r}"
    assert client.url == "http://127.0.0.1:9/prefix"
    assert not any(part in shown for part in ("hunter2", "deployer", "%2F%C3"))


@pytest.mark.parametrize("proxy", ["user:hunter2 x@h:99999", "user:hunter2#x@proxy:3128"])
def test_a_proxys_password_is_not_shown(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library repeats an address that it cannot read, as it was given."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://{proxy}")
    with Marathon("https://marathon.example.org") as client, pytest.raises(UnreachableError) as caught:
        client.ping()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.blocks)
    assert ("hunter2" in shown, "https_proxy" in caught.value.repair) == (False, True), shown


def test_what_is_on_this_machine_is_asked_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would be sent the password in the clear. An authority that the user named must count even so."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as own:
        own.settimeout(10)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/own/authority.pem")
        with Marathon(f"http://deployer:hunter2@127.0.0.1:{own.getsockname()[1]}") as client:
            client.timeout = 0.2
            with pytest.raises(UnreachableError, match="did not answer in time"):
                client.ping()
            settings = client.session.merge_environment_settings("https://127.0.0.1", {}, False, None, None)
        with own.accept()[0] as connection:
            assert connection.recv(65536).startswith(b"GET /ping ")
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert (settings["verify"], dict(settings["proxies"])) == ("/own/authority.pem", {})


def test_elsewhere_the_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some sites reach their Marathon through one only."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Marathon("http://marathon.example.org:8080") as client, pytest.raises(UnreachableError) as caught:
        client.ping()
    assert "ProxyError" in str(caught.value)


def test_credentials_are_not_sent_where_others_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has them may run anything on the agents. What is on this machine, or has none, needs no permission."""
    monkeypatch.delenv(PLAIN_HTTP, raising=False)
    plain = "marathon.example.org:8080"
    for url, token in ((f"http://deployer:hunter2@{plain}", ""), (f"http://{plain}", "hunter2")):
        with pytest.raises(UsageError, match="over plain HTTP") as caught:
            Marathon(url, token=token)
        assert "hunter2" not in str(caught.value)
        with monkeypatch.context() as permitted:
            permitted.setenv(PLAIN_HTTP, "1")
            Marathon(url, token=token).session.close()
    for host in ("http://127.0.0.2:8080", "http://[::1]:8080", "http://localhost", f"https://{plain}"):
        Marathon(host, token="hunter2").session.close()
    Marathon(f"http://{plain}").session.close()


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://marathon.example.org", "http://", "http://u:hunter2@[::", "http://h:x"]
)
def test_an_address_that_is_none(url: str) -> None:
    """It must be rejected before anything is sent, and not repeated: it may hold a password.

    What is shown in its place must be good for credentials as well.
    """
    with pytest.raises(UsageError) as caught:
        Marathon(url)
    assert "hunter2" not in str(caught.value)
    Marathon(caught.value.repair.partition("=")[2], token="hunter2").session.close()


def test_environment_names_the_marathon() -> None:
    """MARATHON_URL is read, or an error names it."""
    with Marathon.from_environment({"MARATHON_URL": "https://marathon.example.org/"}) as client:
        assert client.url == "https://marathon.example.org"
    with pytest.raises(UsageError, match="No Marathon"):
        Marathon.from_environment({})
