"""What the engine lists, while others start and remove theirs: nothing that goes meanwhile is an error."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container


def containers_of(client: DockerClient, labels: Mapping[str, str], *, ended: bool = False) -> list[Container]:
    """Return the containers that bear all these labels and run; with `ended` the others too.

    `client.containers.list` looks at each one that it was told of, of whatever run, and fails where one of them
    has gone by then. And the engine is asked for one label and the rest is compared here: to Podman several are
    alternatives.
    """
    name, value = next(iter(labels.items()))
    found = []
    for listed in client.api.containers(all=ended, filters={"label": f"{name}={value}"}):
        if labels.items() <= (listed["Labels"] or {}).items():
            with contextlib.suppress(NotFound):
                found.append(client.containers.get(listed["Id"]))
    return found
