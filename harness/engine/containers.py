"""Start a session's containers through testcontainers, labelled with their owner.

Run commands with time limits.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import socket as sockets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, cast

from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container as DockerObject

from harness.common import owner, redact
from harness.common.streams import feed, frames
from harness.common.waits import Retry
from harness.engine import session_network
from harness.engine.commands import END, MARK, MOST, CommandResult, OutputBuffer
from harness.engine.file_container import FileContainer, start
from harness.errors import Block, InfrastructureError

_numbers = itertools.count(1)
_numbers_lock = threading.Lock()


class ExecError(InfrastructureError):
    """A command in a container failed that the harness needs to succeed."""


def unique_name(kind: str) -> str:
    """Return a container name that no other session or worker uses; it is also the host name in the network."""
    with _numbers_lock:
        number = next(_numbers)
    return f"rt-harness-{owner.session().rpartition('-')[2]}-{os.getpid()}-{kind}-{number}"


class Container:
    """A container of this session. It exists from construction until `remove`, or for a `with` block."""

    def __init__(
        self,
        client: DockerClient,
        image: str,
        kind: str,
        *,
        command: str | Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        files: Iterable[tuple[str, bytes]] = (),
        volumes: Mapping[str, tuple[str, str]] | None = None,
        ports: Iterable[int] = (),
        name: str = "",
        kept: bool = False,
        **options: Any,
    ) -> None:
        """Start the container.

        files: (path, content) put into it before its first process starts. volumes: name or host path to (path
        inside, "ro" or "rw"). ports: container ports published on a port of 127.0.0.1 that the engine picks. name:
        a `unique_name`, if others must know it beforehand. kept: see `owner.labels`. options: passed to the docker
        SDK.
        """
        self.client = client
        self.name = name or unique_name(kind)
        self.image = image
        self._addresses: dict[int, tuple[str, int]] = {}
        container = FileContainer(image, files).with_name(self.name)
        if command is not None:
            container.with_command(command if isinstance(command, str) else list(command))
        container.with_envs(**(environment or {}))
        for source, (target, mode) in (volumes or {}).items():
            container.with_volume_mapping(source, target, mode)
        options.setdefault("network", session_network.network(client))
        options = {**session_network.names_of(client), **options}
        published = {f"{port}/tcp": (session_network.reachable_host(client)[1], None) for port in ports}
        container.with_kwargs(labels=owner.labels(kind, kept=kept), **options)
        container.ports = cast(Any, published)
        self.id = start(container)

    def __enter__(self) -> Self:
        """Return the container; the `with` block removes it at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def docker(self) -> DockerObject:
        """Return the docker SDK's object of the container, freshly inspected."""
        return self.client.containers.get(self.id)

    def address(self, port: int) -> tuple[str, int]:
        """Return host and port at which this machine reaches a published container port.

        The engine picks another host port each time the container starts. Raises Retry while it has none.
        """
        if port not in self._addresses:
            bound = self.docker.attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp")
            if not bound:
                raise Retry(f"{self.name} publishes no port {port} (yet)")
            self._addresses[port] = (session_network.reachable_host(self.client)[0], int(bound[0]["HostPort"]))
        return self._addresses[port]

    def join(self, network: str) -> None:
        """Connect the container to one more network. The engine may then publish its ports on other host ports."""
        if network not in self.docker.attrs["NetworkSettings"]["Networks"]:
            self.client.networks.get(network).connect(self.id)
        self._addresses.clear()

    def ended(self) -> str | None:
        """Return a sentence once the container has stopped or is gone; None while it runs."""
        try:
            state = self.docker.attrs["State"]
        except NotFound:
            return f"the container {self.name} is gone"
        if state["Running"]:
            return None
        reason = " (out of memory)" if state.get("OOMKilled") else ""
        return f"the container {self.name} ended with exit code {state['ExitCode']}{reason}"

    def logs(self, tail: int | None = None) -> str:
        """Return its stdout and stderr; "" if it is gone. tail: number of last lines, by default all."""
        try:
            raw = self.docker.logs(tail="all" if tail is None else tail)
        except NotFound:
            return ""
        return raw.decode(errors="replace")

    def evidence(self) -> list[Block]:
        """Return the end of its log as a titled block for an error."""
        return [(f"Log of {self.name}", redact.lines(self.logs(tail=30)))]

    def run(
        self,
        command: Sequence[str],
        *,
        limit: float = 60,
        user: str = "",
        environment: Mapping[str, str] | None = None,
        stdin: Iterable[bytes] | None = None,
        heard: Callable[[str], None] | None = None,
        most: int | None = MOST,
    ) -> CommandResult:
        """Run a command in the container and wait for its end, at most `limit` seconds.

        stdin: pieces of bytes to feed; by default standard input is empty, so nothing can prompt. A source that
        may block has a method `end`, called when nothing reads from it any more.
        heard: called with every complete line of output as it arrives. most: bytes of output after which the
        command is ended and TooMuchError raised; None for no limit, in which case output goes only to `heard` and
        is not kept.
        """
        api = self.client.api
        argv = ["timeout", "--kill-after=5", f"{limit:g}", *command]
        mark = secrets.token_hex(8)
        created = api.exec_create(
            self.id, argv, stdin=stdin is not None, user=user, environment={**(environment or {}), MARK: mark}
        )
        said = OutputBuffer(heard, most)
        for channel, piece in self._frames(created["Id"], stdin):
            before = said.too_much
            said.hear(channel, piece)
            if said.too_much and not before:
                self._end(mark)  # keep reading: a command whose output is not read cannot end
        return said.end(api.exec_inspect(created["Id"])["ExitCode"], f"{command[0]} in {self.name}")

    def _end(self, mark: str) -> None:
        """End a command of ours, found by the mark in its environment. Its streams close when it has ended."""
        created = self.client.api.exec_create(self.id, ["sh", "-c", END, mark])
        self.client.api.exec_start(created["Id"], detach=True)

    def _frames(self, identity: str, stdin: Iterable[bytes] | None) -> Iterator[tuple[int, bytes]]:
        """Yield (1 for stdout or 2 for stderr, bytes) of an exec; feed its stdin in a thread meanwhile."""
        connection = self.client.api.exec_start(identity, socket=True)
        raw = cast(sockets.socket, getattr(connection, "_sock", connection))
        raw.settimeout(None)
        failures: list[BaseException] = []
        feeder = None
        if stdin is not None:
            feeder = threading.Thread(target=feed, args=(raw, stdin, failures), daemon=True)
            feeder.start()
        try:
            yield from frames(connection)
        finally:
            if end := getattr(stdin, "end", None):
                end()
            if feeder:
                feeder.join(timeout=5)
            # The SDK leaves three objects around one socket open; closing one closes only its own share.
            if response := getattr(connection, "_response", None):
                response.close()
            with contextlib.suppress(ValueError, OSError):
                connection.close()
            raw.close()
        if failures:
            raise failures[0]

    def need(self, command: Sequence[str], **options: Any) -> str:
        """Run a command that must succeed and return its output. Raises ExecError with its output."""
        done = self.run(command, **options)
        if done.code:
            what = "ran into its time limit" if done.timed_out else f"ended with exit code {done.code}"
            raise ExecError(
                f"{command[0]} in {self.name} {what}.",
                [("Output", _last(done.out)), ("Errors", _last(done.err)), *self.evidence()],
            )
        return done.out

    def signal(self, name: str) -> None:
        """Send a signal to the container's first process."""
        self.docker.kill(name)

    def stop(self, seconds: int = 30) -> int:
        """Stop the container, with SIGKILL after `seconds`; return its exit code."""
        self.docker.stop(timeout=seconds)
        return int(self.docker.attrs["State"]["ExitCode"])

    def start(self) -> None:
        """Start the container again after `stop` or a kill; its data is unchanged."""
        self._addresses.clear()
        self.docker.start()

    def remove(self) -> None:
        """Remove the container with its anonymous volumes; do nothing if it is already gone."""
        try:
            self.client.api.remove_container(self.id, v=True, force=True)
        except NotFound:
            pass
        except APIError as error:
            if error.status_code != 409:  # 409: another removal is in progress
                raise


def _last(text: str, lines: int = 20) -> str:
    return "\n".join(text.splitlines()[-lines:])
