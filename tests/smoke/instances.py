"""Instances of a release that the tests share, and cached answers that depend on the image only."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fixtures.healthcheck_user import CHEAP, PASSWORD, ROOT
from harness.common import cache
from harness.database import Database
from harness.releases import releases
from harness.rt import HTTP, Rt
from harness.rt.configuration import SITE_CONFIGURATION, Configuration
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

TWO_WORKERS = {"RT_WORKERS": "2"}
"""Each worker has to warm up; two are enough to show that workers share nothing in memory."""
AFTER_ALL = f"{SITE_CONFIGURATION}/~~site.pm"
"""A file read after the harness's own last one, which removes options from a copy."""
AT_EVERY_CHANGE = ("4.4.6", "5.0.10")
"""The origin of the usual upgrade, on the Debian of its target, and the newest release on the newest Debian."""
ALIKE = pytest.mark.parametrize(
    "version",
    [one if one in AT_EVERY_CHANGE else pytest.param(one, marks=pytest.mark.slow) for one in releases()],
    scope="package",
)
"""Tests of files that are the same in every image.

Those are the tests of run, health check and Apache's configuration: some releases at every change, the others with
`make smoke` and the slow tests. That the files are the same is a test of every image (test_image.py).
"""


def of_the_image(lifecycle: Lifecycle, version: str, ask: Callable[[], Any], *parts: str) -> Any:
    """Return an answer, a JSON value, that depends on the image only: each is computed once and then cached.

    parts: further parts of the cache key, above all the source of the check. An answer that raises is not cached.
    """
    image = lifecycle.client.images.get(lifecycle.rt_image(version))
    return cache.cached(ask, "smoke", str(image.id), *parts)


def clean(report: Report) -> bool:
    """Assert that a report has no findings. Raises AssertionError with them, so that they are not cached."""
    assert report, str(report)
    return True


def text_of(module: ModuleType) -> str:
    """Return the source of a check."""
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _moment(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


@dataclass(frozen=True)
class Ended:
    """The end of an instance: its exit code, and seconds from the signal to the end."""

    code: int
    seconds: float


@dataclass
class Instances:
    """Instances of one release on one database: one shared by all tests, and more on request."""

    lifecycle: Lifecycle
    version: str
    database: Database

    def __post_init__(self) -> None:
        """Start the shared one."""
        self._shared = self.start()
        self._asked_to_end = False

    def start(self, files: Mapping[str, bytes] | None = None, *, wait: bool = True) -> Rt:
        """Start another instance and return it; with `wait`, once it serves. The caller removes it.

        files: configuration of its own.
        """
        return self.lifecycle.site(
            self.version,
            self.database,
            wait=wait,
            healthcheck_password=PASSWORD,
            configuration=Configuration({**self.lifecycle.configuration.files, **CHEAP.files, **(files or {})}),
            environment={**TWO_WORKERS, "RT_HEALTHCHECK_SUBJECT": "Hello World"},
        )

    def shared(self) -> Rt:
        """Return the shared one, started again if a test ended it. If it ended by itself it stays ended."""
        if self._asked_to_end:
            self._shared.container.start()
            self._shared.wait()
            self._asked_to_end = False
        return self._shared

    @contextlib.contextmanager
    def ending(self, one: Rt | None = None) -> Iterator[Callable[[], Ended]]:
        """Send SIGTERM to an instance (the shared one by default); yield a function that waits for its end."""
        container = (one or self.shared()).container
        self._asked_to_end = self._asked_to_end or one is None
        # Both times are read from the engine's clock, without the duration of the engine's answers.
        asked = self.lifecycle.client.info()["SystemTime"]
        container.signal("TERM")

        def end() -> Ended:
            container.docker.wait(timeout=60)
            state = container.docker.attrs["State"]
            return Ended(int(state["ExitCode"]), _moment(state["FinishedAt"]) - _moment(asked))

        yield end
        container.docker.wait(timeout=60)

    def kill_shared(self) -> None:
        """Kill the shared one with SIGKILL, as if its machine died."""
        container = self.shared().container
        self._asked_to_end = True
        container.signal("KILL")

    def remove(self) -> None:
        """Remove the shared one."""
        self._shared.remove()


LOGIN = f"user={ROOT[0]}&pass={ROOT[1]}".encode()
HEAD = """POST /REST/1.0/ticket/1/show HTTP/1.1\r
Host: localhost\r
Content-Type: application/x-www-form-urlencoded\r
Content-Length: {length}\r
Expect: 100-continue\r
\r
"""
"""Apache answers 100 when RT wants to read the body: from then on a worker is occupied."""


@contextlib.contextmanager
def begun(site: Rt, length: int) -> Iterator[socket.socket]:
    """Send the head of a request, and wait until RT waits for the rest of it."""
    with socket.create_connection(site.container.address(HTTP), timeout=60) as made:
        made.sendall(HEAD.format(length=length).encode())
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            came = made.recv(1)
            assert came, f"Apache closed the connection after {said!r}"
            said += came
        assert b" 100 " in said, said
        yield made
