"""List the engine's objects while other runs start and remove theirs: a vanishing object is no error.

The engine filters by one label and the rest is compared here: Podman treats several as alternatives.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container


@dataclass(frozen=True)
class Resource:
    """Something that a run left on an engine or in a cache.

    kind: "container", "network", "volume" or "directory". remove: a function that removes it.
    """

    kind: str
    name: str
    labels: Mapping[str, str]
    remove: Callable[[], object]

    def __str__(self) -> str:
        """Return its kind and name."""
        return f"{self.kind} {self.name}"


def containers_of(client: DockerClient, labels: Mapping[str, str], *, ended: bool = False) -> list[Container]:
    """Return the running containers that have all these labels; with `ended` the others too.

    `client.containers.list` inspects every container of the list, of whatever run, and fails if one of them is
    removed meanwhile.
    """
    found = []
    for listed in client.api.containers(all=ended, filters=_filter(labels)):
        if labels.items() <= (listed["Labels"] or {}).items():
            with contextlib.suppress(NotFound):
                found.append(client.containers.get(listed["Id"]))
    return found


def volumes_of(client: DockerClient, labels: Mapping[str, str]) -> list[Resource]:
    """Return the volumes that have all these labels."""
    found = client.api.volumes(filters=_filter(labels))["Volumes"] or []
    return [_volume(client, one) for one in found if labels.items() <= (one["Labels"] or {}).items()]


def resources(client: DockerClient, label: str) -> Iterable[Resource]:
    """Yield every container, network and volume that has a label of this name, containers first."""
    query = {"label": label}
    for one in client.api.containers(all=True, filters=query):
        identity = one["Id"]
        name = one["Names"][0].lstrip("/") if one["Names"] else identity[:12]
        remove = partial(client.api.remove_container, identity, v=True, force=True)
        yield Resource("container", name, one["Labels"], remove)
    for one in client.api.networks(filters=query):
        yield Resource("network", one["Name"], one["Labels"], partial(client.api.remove_network, one["Id"]))
    for one in client.api.volumes(filters=query)["Volumes"] or []:
        yield _volume(client, one)


def _volume(client: DockerClient, listed: Mapping[str, object]) -> Resource:
    """Return a volume as the engine lists it."""
    labels = listed["Labels"]
    name = str(listed["Name"])
    remove = partial(client.api.remove_volume, name, force=True)
    return Resource("volume", name, labels if isinstance(labels, dict) else {}, remove)


def _filter(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the engine's filter for the first of these labels."""
    name, value = next(iter(labels.items()))
    return {"label": f"{name}={value}"}
