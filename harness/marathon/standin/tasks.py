"""Run tasks as containers on the Docker engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from harness.common import owner
from harness.engine import session_network
from harness.marathon.standin import flags
from harness.marathon.standin.environment import environment
from harness.marathon.standin.execution import Executions
from harness.marathon.standin.following import Follower
from harness.marathon.standin.labels import (
    APP,
    PORTS,
    STAGED,
    STANDIN,
    TASK,
    VERSION,
    adopted_task_of,
    ending,
    placement_of,
)
from harness.marathon.standin.model import App
from harness.marathon.standin.probes import Result, listening
from harness.marathon.standin.runner import AdoptedTask, Ended, LaunchError
from harness.marathon.standin.task import FAILED, Placement, unique_part

log = logging.getLogger(__name__)
Value = TypeVar("Value")
PORT_TAKEN = ("port is already allocated", "address already in use", "failed to bind")
AWAY = (DockerException, OSError)
"""Errors of the SDK, its own and those of requests, if the engine or its answer is missing."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
THREADS = 8
"""Maximum number of parallel calls to the engine."""


def reachable_host(client: DockerClient) -> tuple[str, str]:
    """Return the host at which this machine and the containers reach tasks, and the address to publish on.

    That is the gateway of the engine's bridge, if this machine has that address; a task that connects to itself at
    $HOST:$PORT0, as Marathon's tasks do, finds nothing on 127.0.0.1. Falls back to 127.0.0.1. An engine that is
    elsewhere, or outside of the container that this runs in, is reached as all of its containers are.
    """
    elsewhere = session_network.reachable_host(client)
    if elsewhere[0] not in LOOPBACK:
        return elsewhere
    attributes = client.networks.get("bridge").attrs or {}
    for configuration in attributes.get("IPAM", {}).get("Config") or []:
        subnet = configuration.get("Subnet", "")
        address = configuration.get("Gateway") or subnet.rpartition(".")[0] + ".1"
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((address, 0))
            return str(address), str(address)
    log.warning("tasks are published on 127.0.0.1, which containers cannot reach: HOST is of no use inside")
    return "127.0.0.1", "127.0.0.1"


class DockerRunner:
    """Tasks as containers, each labelled with its owner and all data needed to adopt it later."""

    def __init__(
        self,
        client: DockerClient,
        identity: str,
        host: str = "",
        cmd_image: str = "",
        *,
        patience: float = 0,
    ) -> None:
        """Attach to one stand-in.

        identity: names the stand-in's state; tasks with the same identity are its own. host: address to publish
        on, empty to find one. cmd_image: the image for apps that have a command and no container.
        patience: real seconds in which a launched task may begin to listen, or end, before it counts as launched.
        """
        self.patience = patience
        self.client = client
        self.identity = identity
        self.host, self._published_on = (host, host) if host else reachable_host(client)
        self.cmd_image = cmd_image
        self._pool = ThreadPoolExecutor(THREADS, "engine")
        self._executions = Executions(client)
        self._left: set[str] = set()
        self._follower: Follower | None = None

    async def _in_thread(self, work: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def launch(self, app: App, task_id: str, staged_at: float) -> Placement:
        """Create and start the container. Raises LaunchError with the engine's own message."""
        placed = await self._in_thread(lambda: self._launch(app, task_id, staged_at))
        if self.patience:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._begun(placed), self.patience)
        return placed

    async def _begun(self, placed: Placement) -> None:
        while await self._in_thread(lambda: self._runs(placed)) and not await listening(placed.addresses):
            await asyncio.sleep(0.05)

    def _runs(self, placed: Placement) -> bool:
        with contextlib.suppress(*AWAY):
            return bool(self.client.containers.get(placed.container).status == "running")
        return False

    def image_of(self, app: App) -> str:
        """Return the image to run. Raises LaunchError if there is none."""
        docker = app.container.docker if app.container else None
        if docker:
            if docker.force_pull_image:
                log.warning("%s asks for forcePullImage: the local image %s is used", app.id, docker.image)
            return docker.image
        if not self.cmd_image:
            raise LaunchError(
                "an app without a container needs an image to run its command in: start the stand-in with "
                "--cmd-image"
            )
        return self.cmd_image

    def _launch(self, app: App, task_id: str, staged_at: float) -> Placement:
        """Create and start; remains of a failed launch are removed now, or before the next one."""
        self._clear()
        for attempt in range(5):
            ports, inside = flags.host_ports(app, self._published_on)
            arguments = self.arguments(app, task_id, staged_at, ports, inside)
            try:
                return self._started(arguments)
            except ImageNotFound as error:
                image = arguments["image"]
                raise LaunchError(f"image {image} is not on this machine: {error.explanation}") from error
            except AWAY as error:
                # Also if only the answer was lost: then the container may run, without a task in the state.
                self._discard(arguments["name"])
                said = (error.explanation if isinstance(error, APIError) else "") or str(error)
                if attempt < 4 and any(words in str(error) for words in PORT_TAKEN):
                    continue
                raise LaunchError(said) from error
        raise LaunchError("no free port was found in five attempts")

    def _started(self, arguments: dict[str, Any]) -> Placement:
        container = self.client.containers.create(**arguments)
        container.start()
        container.reload()
        return placement_of(container.attrs or {}, self.host)

    def _discard(self, container: str) -> bool:
        """Remove a container with its anonymous volumes; remember one that the engine does not remove now."""
        try:
            self.client.api.remove_container(container, v=True, force=True)
        except NotFound:
            pass
        except AWAY as error:
            log.warning("container %s is left to be removed later: %s", container, error)
            self._left.add(container)
            return False
        return True

    def _clear(self) -> None:
        """Remove the remembered containers, as far as the engine does it."""
        for container in list(self._left):
            self._left.discard(container)
            if not self._discard(container):
                return

    def arguments(
        self, app: App, task_id: str, staged_at: float, ports: list[int], inside: list[int]
    ) -> dict[str, Any]:
        """Return the arguments of the engine's create call."""
        extra = flags.parameters(app)
        own_labels = {
            "MESOS_TASK_ID": task_id,
            STANDIN: self.identity,
            TASK: task_id,
            APP: app.id,
            VERSION: app.version,
            STAGED: str(staged_at),
            PORTS: json.dumps([ports, inside]),
        }
        variables = environment(app, task_id, self.host, ports, inside)
        mounts = flags.volumes(app.container, lambda text: log.warning("%s: %s", app.id, text))
        return {
            **flags.network(app),
            **flags.limits(app),
            **extra,
            **flags.command(app),
            "image": self.image_of(app),
            "name": f"mesos-{owner.session()[-6:]}-{unique_part(task_id)}",
            "environment": variables | extra["environment"],
            "labels": extra["labels"] | own_labels | owner.labels("marathon-task"),
            "ports": flags.published(app, self._published_on, ports, inside),
            "volumes": mounts + extra["volumes"],
            "detach": True,
        }

    async def signal(self, placed: Placement, name: str) -> None:
        """Send a signal; neither a container that no longer runs nor an engine that is away is an error."""

        def send() -> None:
            with contextlib.suppress(*AWAY):
                self.client.api.kill(placed.container, name)

        await self._in_thread(send)

    async def remove(self, placed: Placement) -> None:
        """Remove an ended container with its anonymous volumes; later if the engine is away."""
        await self._in_thread(lambda: self._discard(placed.container))

    async def execute(self, placed: Placement, command: str, timeout: float) -> Result:
        """Run `sh -c command` in the container."""
        return await self._executions.run(placed.container, command, timeout)

    def watch(self, ended: Ended) -> None:
        """Follow the engine's events in a thread, and pass ends to the event loop."""
        loop = asyncio.get_running_loop()
        self._follower = Follower(self.client, self.identity, lambda *end: loop.call_soon_threadsafe(ended, *end))
        self._follower.start()

    async def ending(self, placed: Placement) -> tuple[str, str] | None:
        """Return how a container ended, or None while it runs or the engine does not answer."""

        def look() -> tuple[str, str] | None:
            try:
                state = self.client.api.inspect_container(placed.container)["State"]
            except NotFound:
                return FAILED, "Container is gone"
            except AWAY:
                return None
            return None if state["Running"] else ending(int(state["ExitCode"]), bool(state["OOMKilled"]))

        return await self._in_thread(look)

    async def adopt(self) -> list[AdoptedTask]:
        """Return this stand-in's containers, running or ended."""

        def find() -> list[AdoptedTask]:
            query: dict[str, str | list[str] | bool] = {"label": f"{STANDIN}={self.identity}"}
            return [
                adopted_task_of(container.attrs or {}, self.host)
                for container in self.client.containers.list(all=True, filters=query, ignore_removed=True)
            ]

        return await self._in_thread(find)

    async def close(self) -> None:
        """Stop following the engine; containers stay, except remains of failed launches."""
        if self._follower is not None:
            self._follower.close()
        await self._in_thread(self._clear)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._executions.close()
        self.client.close()
