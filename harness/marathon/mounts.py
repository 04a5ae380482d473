"""Read the mounts of an instance and their sources, in every spelling that Marathon and docker accept.

A volume of the definition and a parameter of docker have the same effect, slashes may be repeated, and a file is
also mounted if one of its parent folders is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from posixpath import normpath
from typing import Any, NamedTuple

from harness.marathon.definition import App, items, mapping, text
from harness.rt import SECRETS

TO_DATABASE = "rt-db"
"""The secret file with the address of the database."""


class Mount(NamedTuple):
    """A path in the container and its source on the host: a folder, a file, a volume's name, "" for none."""

    target: str
    source: str


def mounts_of(app: App) -> dict[str, str]:
    """Return the mounts, by path in the container, from volumes and parameters of docker; "" for no folder."""
    container = mapping(app.get("container"))
    secrets = mapping(app.get("secrets"))
    volumes = (_by_volume(volume, secrets) for volume in items(container.get("volumes")))
    parameters = map(_by_parameter, items(mapping(container.get("docker")).get("parameters")))
    return {mount.target: mount.source for mount in (*volumes, *parameters) if mount is not None}


def source_of(app: App, path: str) -> str:
    """Return the source on the host for a path in the container, by the nearest mount at or above it, or ""."""
    mounts = mounts_of(app)
    nearest = max((target for target in mounts if _covers(target, path)), key=len, default="")
    source, rest = mounts.get(nearest, ""), path[len(nearest.rstrip("/")) :]
    return f"{source.rstrip('/')}{rest}" if source else ""


def put_mount(app: dict[str, Any], path: str, folder: str) -> None:
    """Mount a folder of the host at a path, read-only, replacing all mounts at, below or above it.

    It also replaces --volumes-from (all mounts of another container), because their paths are unknown.
    """
    _keep(app, lambda mount: not _meets(mount, path))
    container = app["container"]
    docker = container.get("docker")
    if isinstance(docker, dict) and "parameters" in docker:
        docker["parameters"] = [
            parameter for parameter in items(docker["parameters"]) if _key(mapping(parameter)) != "volumes-from"
        ]
    volume = {"containerPath": path, "hostPath": folder, "mode": "RO"}
    container["volumes"] = [*items(container.get("volumes")), volume]


def leave_absent_out(app: dict[str, Any]) -> list[str]:
    """Remove mounts whose source does not exist on this machine; return a sentence for each.

    For local trials: a definition names paths on Marathon's agents, and an engine creates missing sources: an
    empty folder in place of a file, or a volume, which remain afterwards.
    """
    absent = {target: source for target, source in mounts_of(app).items() if source and not _is_here(source)}
    _keep(app, lambda mount: mount is None or mount.target not in absent)
    return [
        f"{target} of an instance, {source} of an agent: this machine does not have it, so it was left out"
        for target, source in absent.items()
    ]


def _is_here(source: str) -> bool:
    return source.startswith("/") and os.path.exists(source)  # noqa: PTH110 - no error without permission to look


def _keep(app: dict[str, Any], wanted: Callable[[Mount | None], bool]) -> None:
    """Keep the volumes, and the parameters of docker, whose mount is wanted; None stands for a non-mount."""
    container = app["container"]
    if "volumes" in container:
        secrets = mapping(app.get("secrets"))
        container["volumes"] = [
            volume for volume in items(container["volumes"]) if wanted(_by_volume(volume, secrets))
        ]
    docker = container.get("docker")
    if isinstance(docker, dict) and "parameters" in docker:
        docker["parameters"] = [
            parameter for parameter in items(docker["parameters"]) if wanted(_by_parameter(parameter))
        ]


def secrets_of(app: App) -> str:
    """Return the file of the host with an instance's database access; "" for none.

    It does not matter whether that file is mounted, its folder or one above. Another file counts as another
    database until proven. Changes inside a file, or in a folder that is not on the host, cannot be seen from here.
    """
    return source_of(app, f"{SECRETS}/{TO_DATABASE}")


def clean(path: str) -> str:
    """Return an absolute path in its shortest form; anything else, such as a volume's name, unchanged."""
    return normpath(f"/{path.strip('/')}") if path.startswith("/") else path


def _by_volume(given: object, known: Mapping[str, Any] | None = None) -> Mount | None:
    """Parse a volume. known: the secrets of the app, which give the source of a mounted one."""
    volume = mapping(given)
    target, external, secret = (volume.get(key) for key in ("containerPath", "external", "secret"))
    source = text(volume.get("hostPath")) or text(mapping(external).get("name"))
    if not source and text(secret):
        source = text(mapping((known or {}).get(text(secret))).get("source"), text(secret))
    return Mount(clean(f"/{text(target)}"), clean(source)) if text(target) else None


def _by_parameter(given: object) -> Mount | None:
    """Parse a parameter of docker that mounts something: -v SOURCE:TARGET:..., --mount target=..., --tmpfs ..."""
    parameter = mapping(given)
    key, value = _key(parameter), text(parameter.get("value"))
    target = source = ""
    if key in ("volume", "v"):
        source, _, rest = value.partition(":")
        target, source = rest.partition(":")[0] or source, source if rest else ""
    if key in ("mount", "tmpfs"):
        # Docker reads a line of CSV, whose parts may be quoted, with names in any case.
        parts = (part.strip().strip('"').partition("=") for part in value.split(","))
        said = {name.lower(): word for name, _, word in parts}
        inside = next((said[name] for name in ("target", "destination", "dst") if name in said), "")
        target, source = inside or value.partition(":")[0], said.get("source", said.get("src", ""))
    return Mount(clean(f"/{target}"), clean(source)) if target else None


def _key(parameter: Mapping[str, Any]) -> str:
    return text(parameter.get("key")).strip("-")


def _covers(target: str, path: str) -> bool:
    """Tell whether a mount at one path includes another path, because it is the same or above it."""
    return f"{path}/".startswith(f"{target.rstrip('/')}/")


def _meets(mount: Mount | None, path: str) -> bool:
    return mount is not None and (_covers(mount.target, path) or _covers(path, mount.target))
