"""List the engine's objects while other runs start and remove theirs: a vanishing object is no error."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container


def containers_of(client: DockerClient, labels: Mapping[str, str], *, ended: bool = False) -> list[Container]:
    """Return the running containers that have all these labels; with `ended` the others too.

    `client.containers.list` inspects every container of the list, of whatever run, and fails if one of them is
    removed meanwhile. The engine filters by one label and the rest is compared here: Podman treats several as
    alternatives.
    """
    name, value = next(iter(labels.items()))
    found = []
    for listed in client.api.containers(all=ended, filters={"label": f"{name}={value}"}):
        if labels.items() <= (listed["Labels"] or {}).items():
            with contextlib.suppress(NotFound):
                found.append(client.containers.get(listed["Id"]))
    return found
