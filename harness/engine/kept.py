"""List and remove what outlives a run on the engine: images, prepared databases and the cache."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from docker import DockerClient
from docker.errors import NotFound

from harness.common import cache, owner, private
from harness.engine.listed import volumes_of

NOTES = "baselines"
"""Folder of the cache with a note for each prepared database."""
_IMAGE = re.compile(rf"(?:localhost/|docker\.io/)?{owner.PREFIX}/")
"""Names of our images; Podman puts a registry before them."""


def remove(client: DockerClient) -> list[str]:
    """Remove this cache's prepared databases, the harness's images and the files it made in the cache.

    Images that others built from ours inherit our labels, but have other names: those stay.
    """
    removed = []
    here = {owner.HOST: owner.host_name(), owner.PLACE: str(cache.directory(NOTES))}
    found = {volume.name for volume in volumes_of(client, here) if owner.CACHE in volume.labels}
    for name in sorted(found | set(_noted(client))):  # before the notes: if removal fails, the notes stay
        client.api.remove_volume(name, force=True)
        removed.append(f"volume {name}")
    # not images.list(): it fails if an image is removed while it inspects each one
    for image in client.api.images():
        for tag in image["RepoTags"] or []:
            if _IMAGE.match(tag):
                with contextlib.suppress(NotFound):
                    client.api.remove_image(tag, force=True)
                    removed.append(f"image {tag}")
    remove_files()
    return removed


def remove_files(spared: Collection[str] = ()) -> None:
    """Remove the files that the harness made in the cache. spared: names of folders that stay."""
    for directory in private.root().iterdir():
        if private.labels_of(directory):
            private.erase(directory)
    cache.empty(spared)


def notes() -> list[Path]:
    """Return the files in this cache that each name a prepared database on an engine."""
    return sorted(cache.directory(NOTES).glob("*.json"))


def _noted(client: DockerClient) -> Iterable[str]:
    """Yield the existing prepared databases that notes in this cache name.

    Their labels may hold another host and path than now: an agent in a container, a renamed machine, a symbolic
    link.
    """
    for note in notes():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, NotFound):
            name = str(json.loads(note.read_text(encoding="utf-8"))["volume"])
            if not name.startswith(f"rt-harness-baseline-{note.stem}-"):
                continue
            if owner.CACHE in (client.volumes.get(name).attrs["Labels"] or {}):
                yield name
