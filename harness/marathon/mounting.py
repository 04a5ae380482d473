"""What is mounted into instances on this machine: folders of a test's own, and nothing that is not here.

A definition names folders of Marathon's agents. Here each copy brings secrets and configuration of its own, and of
the rest an engine makes what it does not find: an empty folder where a file was meant, or a volume, which stay.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.marathon.definition import items, mounts_of


def mount(app: dict[str, Any], path: str, folder: Path) -> None:
    """Mount a folder of this machine at `path`, in the place of what the definition has there and below.

    Engines refuse two mounts at one path; and a folder that is read-only takes no others into it.
    """
    _keep(app, lambda target: not f"{target}/".startswith(f"{path}/"))
    volume = {"containerPath": path, "hostPath": str(folder), "mode": "RO"}
    app["container"]["volumes"] = [*items(app["container"].get("volumes")), volume]


def leave_absent_out(app: dict[str, Any]) -> list[str]:
    """Take out what is to be mounted from a place that this machine does not have; return a sentence for each."""
    absent = {target: source for target, source in mounts_of(app).items() if source and not _is_here(source)}
    _keep(app, lambda target: target not in absent)
    return [
        f"{target} of an instance, {source} of an agent: this machine does not have it, so it was left out"
        for target, source in absent.items()
    ]


def _is_here(source: str) -> bool:
    return source.startswith("/") and os.path.exists(source)  # noqa: PTH110 - what may not be looked at is no error


def _keep(app: dict[str, Any], wanted: Callable[[str], bool]) -> None:
    """Keep what mounts nothing, and volumes and parameters of docker whose path in the container is wanted."""
    container = app["container"]
    docker = container.get("docker", {})
    for place, name in ((container, "volumes"), (docker, "parameters")):
        if name in place:
            place[name] = [one for one in items(place[name]) if all(map(wanted, _targets(name, one)))]


def _targets(name: str, entry: object) -> list[str]:
    """Return where an entry of volumes or of parameters mounts something, spelt as `mounts_of` does."""
    alone = {"volumes": [entry]} if name == "volumes" else {"docker": {"parameters": [entry]}}
    return list(mounts_of({"container": alone}))
