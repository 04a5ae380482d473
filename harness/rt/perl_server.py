"""Run Perl programs in an RT container without loading RT for each: a process with RT's modules forks for them."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

from harness.engine.commands import MOST, CommandResult, OutputBuffer, TooMuchError
from harness.engine.containers import Container
from harness.errors import InfrastructureError

PROGRAM = Path(__file__).parents[1] / "perl" / "warm.pl"
LIFE = 24 * 3600.0
"""Time limit of the process in seconds; it ends with its container, long before."""


class _Call:
    """A running program: its output so far, and its result."""

    def __init__(self, heard: Callable[[str], None] | None) -> None:
        self.done: Future[CommandResult] = Future()
        self.said = OutputBuffer(heard, MOST)

    def end(self, code: int) -> None:
        try:
            self.done.set_result(self.said.end(code, "A Perl program"))
        except TooMuchError as error:
            self.done.set_exception(error)


class _Requests:
    """Request lines for the process's standard input, until `end`."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self.put = self._queue.put

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._queue.get, None)

    def end(self) -> None:
        self.put(None)


class WarmPerl:
    """Runs Perl programs with RT's modules already loaded. Starts on first use, ends with its container."""

    def __init__(self, container: Container) -> None:
        """Store the container; nothing is started yet."""
        self._container = container
        self._requests = _Requests()
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ready: Future[bool] | None = None
        self._over = False

    @property
    def begun(self) -> bool:
        """Whether the process has been started."""
        return self._ready is not None

    def begin(self) -> Future[bool]:
        """Start the process unless it was started; the result tells, later, whether it could load RT."""
        with self._lock:
            if self._ready is None:
                self._ready = Future()
                threading.Thread(target=self._serve, daemon=True).start()
            return self._ready

    def run(
        self,
        program: str,
        *arguments: str,
        limit: float = 300,
        heard: Callable[[str], None] | None = None,
        stdin: bytes = b"",
    ) -> CommandResult | None:
        """Run a program that loads and initialises RT itself; None if no process with RT's modules is available.

        Raises InfrastructureError if the container ends meanwhile.
        """
        if not self.begin().result():
            return None
        call, number = _Call(heard), next(self._numbers)
        with self._lock:
            if self._over:
                return None
            self._calls[number] = call
        told = base64.b64encode(stdin).decode()
        request = {"id": number, "program": program, "arguments": arguments, "limit": limit, "input": told}
        self._requests.put(json.dumps(request).encode() + b"\n")
        return call.done.result()

    def end(self) -> None:
        """Let the process end; running programs are not waited for."""
        self._requests.end()

    def _serve(self) -> None:
        """Run the process, in a thread of its own, until its input or its container ends."""
        ready = self.begin()
        try:
            self._container.run(
                ["perl", "-e", PROGRAM.read_text(encoding="utf-8")],
                stdin=self._requests,
                limit=LIFE,
                heard=self._hear,
                most=None,
            )
        except Exception as error:  # noqa: BLE001 - it is told to those who wait, in their threads
            cause: Exception | None = error
        else:
            cause = None
        with self._lock:
            self._over, left = True, list(self._calls.values())
        if not ready.done():
            ready.set_result(False)
        for call in left:
            gone = InfrastructureError(f"{self._container.name} ended while a program ran in it.")
            gone.__cause__ = cause
            call.done.set_exception(gone)

    def _hear(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return  # a message of Perl's own, about why it cannot start
        if "ready" in said and self._ready:
            self._ready.set_result(True)
        elif "code" in said:
            with self._lock:
                call = self._calls.pop(said["id"])
            call.end(int(said["code"]))
        else:
            with self._lock:
                call = self._calls[said["id"]]
            before = call.said.too_much
            call.said.hear(int(said["stream"]), base64.b64decode(said["data"]))
            if call.said.too_much and not before:
                self._requests.put(json.dumps({"id": said["id"], "end": 1}).encode() + b"\n")
