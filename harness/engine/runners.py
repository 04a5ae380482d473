"""Whether a run of the harness in a container still lives.

A CI server may give each run a container of its own, with a new name and a new pid namespace: processes of another
one are out of sight. From the machine itself they are seen all the same; from a container, the engine is asked.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from docker import DockerClient
from docker.errors import NotFound

from harness.common import owner

_ENDED = ("created", "exited", "dead", "removing")
_REMOVING = {
    "container": "docker rm -fv", "network": "docker network rm", "volume": "docker volume rm",
    "directory": "rm -r",
}  # fmt: skip
_SHORT = 12
"""Characters of a container's id that are its host name, unless it was given another one."""


class Runners:
    """Knows which runs live, as far as that can be known at this moment."""

    def __init__(self, client: DockerClient) -> None:
        """Ask this engine, and only where it must be asked."""
        self.client = client

    def lives(self, found: Mapping[str, str]) -> bool | None:
        """Tell from a thing's labels whether the run that made it lives; None where nobody can tell."""
        known, there = owner.creator_lives(found), owner.Host.read(found.get(owner.HOST, ""))
        if known is not None or there is None or not there.shares_a_kernel(owner.host()):
            return known
        if owner.host().space == owner.FIRST_NAMESPACE:
            return None if self._namespaces is None else there.space in self._namespaces
        return self._runs(there.name)

    def is_dead(self, found: Mapping[str, str]) -> bool:
        """Tell whether the run that made a thing is known to have ended."""
        return self.lives(found) is False

    def told_of_doubtful(self, things: Iterable[tuple[str, str, Mapping[str, str]]]) -> str:
        """Say which of these (kind, name, labels) nobody can tell about, and how they are removed; "" for none."""
        found: dict[str, dict[str, list[str]]] = {}
        for kind, name, labels in things:
            if self.lives(labels) is None:
                there = owner.Host.read(labels.get(owner.HOST, ""))
                found.setdefault(there.name if there else "?", {}).setdefault(kind, []).append(name)
        said: list[str] = []
        for name, kinds in found.items():
            said.append(
                f"left alone, for whether the run on {name} lives cannot be seen from here; if it has ended:"
            )
            said += [
                f"    {command} {' '.join(kinds[kind])}" for kind, command in _REMOVING.items() if kind in kinds
            ]
        return "\n".join(said)

    def _runs(self, name: str) -> bool | None:
        """Tell whether a container that calls itself so runs beside ours.

        None unless ours is one of this engine's: others' runners are another engine's, then. None as well for the
        name of the engine's machine, which containers can be lent.
        """
        if owner.host().name not in self._names or name == self.client.info().get("Name"):
            return None
        return name in self._names

    @functools.cached_property
    def _names(self) -> set[str]:
        """What the containers that have not ended call themselves."""
        found: set[str] = set()
        for one in self.client.api.containers(all=True):
            if one["State"] in _ENDED:
                continue
            try:
                configured = self.client.api.inspect_container(one["Id"])["Config"].get("Hostname")
            except NotFound:  # it has just gone
                continue
            found |= {one["Id"][:_SHORT], configured or ""}
        return found

    @functools.cached_property
    def _namespaces(self) -> set[str] | None:
        """The pid namespaces in which there are processes; None for one who may not see them all."""
        found = {owner.host().space}  # and that of process 1, which some machines hide even from root
        if os.geteuid() != 0:
            return None
        for process in Path("/proc").iterdir():
            try:
                found |= (
                    {owner.namespace(process.name)} if process.name.isdigit() and process.name != "1" else set()
                )
            except PermissionError:
                return None
            except OSError:  # it has just ended
                continue
        return found
