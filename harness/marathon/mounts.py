"""What is mounted into an instance and where from, in every spelling that Marathon and docker take.

A volume of the definition and a parameter of docker come to the same, a slash more or less changes nothing, and a
file is there as well where one of the folders above it is mounted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from posixpath import normpath
from typing import Any, NamedTuple

from harness.marathon.definition import App, items, mapping, text
from harness.rt import SECRETS

TO_DATABASE = "rt-db"
"""The file among the secrets that says where the database is."""


class Mount(NamedTuple):
    """A path in the container, and what of the host is there: a folder, a file, a volume's name, "" for none."""

    target: str
    source: str


def mounts_of(app: App) -> dict[str, str]:
    """What is mounted where, by path in the container, as volumes or by parameters of docker; "" for no folder."""
    container = mapping(app.get("container"))
    secrets = mapping(app.get("secrets"))
    volumes = (_by_volume(one, secrets) for one in items(container.get("volumes")))
    parameters = map(_by_parameter, items(mapping(container.get("docker")).get("parameters")))
    return {one.target: one.source for one in (*volumes, *parameters) if one is not None}


def source_of(app: App, path: str) -> str:
    """Return what of the host is at a path in the container, by the nearest mount at or above it, or ""."""
    mounts = mounts_of(app)
    nearest = max((target for target in mounts if _covers(target, path)), key=len, default="")
    source, rest = mounts.get(nearest, ""), path[len(nearest.rstrip("/")) :]
    return f"{source.rstrip('/')}{rest}" if source else ""


def put_mount(app: dict[str, Any], path: str, folder: str) -> None:
    """Mount a folder of the host at a path, read-only, in the place of whatever is mounted there, below or above.

    Also in that of all which another container lends (--volumes-from), for nobody knows where.
    """
    _keep(app, lambda mount: not _meets(mount, path))
    container = app["container"]
    docker = container.get("docker")
    if isinstance(docker, dict) and "parameters" in docker:
        docker["parameters"] = [one for one in items(docker["parameters"]) if _key(mapping(one)) != "volumes-from"]
    volume = {"containerPath": path, "hostPath": folder, "mode": "RO"}
    container["volumes"] = [*items(container.get("volumes")), volume]


def leave_absent_out(app: dict[str, Any]) -> list[str]:
    """Take out what is to be mounted from a place that this machine does not have; return a sentence for each.

    For what is tried here: a definition names places of Marathon's agents, and an engine makes what it does not
    find, an empty folder where a file was meant, or a volume, which stay.
    """
    absent = {target: source for target, source in mounts_of(app).items() if source and not _is_here(source)}
    _keep(app, lambda mount: mount is None or mount.target not in absent)
    return [
        f"{target} of an instance, {source} of an agent: this machine does not have it, so it was left out"
        for target, source in absent.items()
    ]


def _is_here(source: str) -> bool:
    return source.startswith("/") and os.path.exists(source)  # noqa: PTH110 - what may not be looked at is no error


def _keep(app: dict[str, Any], wanted: Callable[[Mount | None], bool]) -> None:
    """Keep the volumes, and the parameters of docker, whose mount is wanted; None stands for one that is none."""
    container = app["container"]
    if "volumes" in container:
        secrets = mapping(app.get("secrets"))
        container["volumes"] = [one for one in items(container["volumes"]) if wanted(_by_volume(one, secrets))]
    docker = container.get("docker")
    if isinstance(docker, dict) and "parameters" in docker:
        docker["parameters"] = [one for one in items(docker["parameters"]) if wanted(_by_parameter(one))]


def secrets_of(app: App) -> str:
    """Return the file of the host in which an instance finds how to reach its database; "" for none.

    Whether that file is mounted, its folder or one above is all the same. Another file is another database until
    proven. What changes inside of one, or in a folder that is none of the host's, cannot be seen from here.
    """
    return source_of(app, f"{SECRETS}/{TO_DATABASE}")


def clean(path: str) -> str:
    """Return an absolute path as it is said shortest; anything else, such as a volume's name, as it is."""
    return normpath(f"/{path.strip('/')}") if path.startswith("/") else path


def _by_volume(one: object, known: Mapping[str, Any] | None = None) -> Mount | None:
    """Read a volume. known: the secrets of the app, which say where one that is mounted comes from."""
    volume = mapping(one)
    target, external, secret = (volume.get(key) for key in ("containerPath", "external", "secret"))
    source = text(volume.get("hostPath")) or text(mapping(external).get("name"))
    if not source and text(secret):
        source = text(mapping((known or {}).get(text(secret))).get("source"), text(secret))
    return Mount(clean(f"/{text(target)}"), clean(source)) if text(target) else None


def _by_parameter(one: object) -> Mount | None:
    """Read a parameter of docker that mounts something: -v SOURCE:TARGET:..., --mount target=..., --tmpfs ..."""
    parameter = mapping(one)
    key, value = _key(parameter), text(parameter.get("value"))
    target = source = ""
    if key in ("volume", "v"):
        source, _, rest = value.partition(":")
        target, source = rest.partition(":")[0] or source, source if rest else ""
    if key in ("mount", "tmpfs"):
        # Docker reads a line of CSV, whose parts may be quoted, and takes their names in any case.
        parts = (part.strip().strip('"').partition("=") for part in value.split(","))
        said = {name.lower(): word for name, _, word in parts}
        inside = next((said[name] for name in ("target", "destination", "dst") if name in said), "")
        target, source = inside or value.partition(":")[0], said.get("source", said.get("src", ""))
    return Mount(clean(f"/{target}"), clean(source)) if target else None


def _key(parameter: Mapping[str, Any]) -> str:
    return text(parameter.get("key")).strip("-")


def _covers(target: str, path: str) -> bool:
    """Whether a mount at one path brings what is at another, for it is the same or above it."""
    return f"{path}/".startswith(f"{target.rstrip('/')}/")


def _meets(mount: Mount | None, path: str) -> bool:
    return mount is not None and (_covers(mount.target, path) or _covers(path, mount.target))
