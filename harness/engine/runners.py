"""Tell whether a run of the harness in another container is still alive.

A CI server may give each run its own container, with a new name and pid namespace, so processes of other
containers are invisible. On the machine itself they are visible; from a container, the engine is asked about the
containers it confirmed when they labelled their resources. A name proves nothing: an LXC container, or one of
another engine on that machine, may use this engine, which does not know it.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from docker import DockerClient
from docker.errors import DockerException, NotFound

from harness.common import owner
from harness.engine.listed import Resource

_ENDED = ("created", "exited", "dead", "removing")
_REMOVING = {
    "container": "docker rm -fv",
    "network": "docker network rm",
    "volume": "docker volume rm",
    "directory": "rm -r",
}
MOUNTS = Path("/proc/self/mountinfo")
_OWN_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""Files that an engine mounts into each container from a directory named after the container's id."""
_IDENTITY = re.compile(r"/([0-9a-f]{64})/")


def container_in(mounts: str) -> str:
    """Return the id of the container whose mounts these are, "" for none. Format: proc_pid_mountinfo(5)."""
    for line in mounts.splitlines():
        fields = line.split()
        if fields[4] in _OWN_FILES and (found := _IDENTITY.search(fields[3])):
            return found[1]
    return ""


def confirm(client: DockerClient) -> None:
    """Ask the engine whether this process runs in one of its containers, to label new resources with it.

    A container of another engine is unknown to it, and then no label is set.
    """
    if owner.host().space == owner.FIRST_NAMESPACE:
        return
    try:
        found = container_in(MOUNTS.read_text(encoding="utf-8", errors="replace"))
        if found and client.api.inspect_container(found)["Id"] == found and (engine := _name_of(client)):
            owner.runs_in(found, engine)
    except (OSError, DockerException):  # then it is unknown, and with an unknown owner nothing is removed
        return


def _name_of(client: DockerClient) -> str:
    """Return the engine's own id, "" for none: Docker keeps it, Podman makes a new one for each request."""
    return str(client.info().get("ID") or "")


class Runners:
    """Tells which runs are alive, as far as that can be determined now."""

    def __init__(self, client: DockerClient) -> None:
        """Query this engine, but only if needed."""
        self.client = client

    def lives(self, found: Mapping[str, str]) -> bool | None:
        """Tell from a resource's labels whether the run that made it is alive.

        None if that cannot be determined.
        """
        known, here = owner.creator_lives(found), owner.host()
        there = owner.Host.read(found.get(owner.HOST, ""))
        if known is not None or there is None:
            return known
        if there.shares_a_kernel(here) and here.space == owner.FIRST_NAMESPACE and self._namespaces is not None:
            return there.space in self._namespaces
        return self._runs(found.get(owner.RUNNER, ""))

    def is_dead(self, found: Mapping[str, str]) -> bool:
        """Tell whether the run that made a resource is known to have ended."""
        return self.lives(found) is False

    def describe_undecided(self, resources: Iterable[Resource]) -> str:
        """List resources of runs that may or may not be alive, with commands to remove them; "" for none."""
        found: dict[str, dict[str, list[str]]] = {}
        for resource in resources:
            if self.lives(resource.labels) is None:
                there = owner.Host.read(resource.labels.get(owner.HOST, ""))
                kinds = found.setdefault(there.name if there else "?", {})
                kinds.setdefault(resource.kind, []).append(resource.name)
        lines: list[str] = []
        for host, kinds in found.items():
            lines.append(
                f"left alone, for whether the run on {host} lives cannot be seen from here; if it has ended:"
            )
            lines += [
                f"    {command} {' '.join(kinds[kind])}" for kind, command in _REMOVING.items() if kind in kinds
            ]
        return "\n".join(lines)

    def _runs(self, runner: str) -> bool | None:
        """Tell whether the container in a RUNNER label runs; None if this engine has not confirmed it."""
        container, _, engine = runner.partition("@")
        if not engine or engine != self._name:
            return None
        try:  # not cached: a run may have started since the first resource was looked at
            return self.client.api.inspect_container(container)["State"]["Status"] not in _ENDED
        except NotFound:
            return False

    @functools.cached_property
    def _name(self) -> str:
        return _name_of(self.client)

    @functools.cached_property
    def _namespaces(self) -> set[str] | None:
        """The pid namespaces that have processes; None if this process may not see them all."""
        found = {owner.host().space}  # also covers process 1, whose namespace some machines hide even from root
        if os.geteuid() != 0:
            return None
        for process in Path("/proc").iterdir():
            try:
                found |= (
                    {owner.namespace(process.name)} if process.name.isdigit() and process.name != "1" else set()
                )
            except PermissionError:
                return None
            except OSError:  # the process has just ended
                continue
        return found
