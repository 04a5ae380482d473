"""Resolve images that the user names in place of those built here, and tell whether the name is unambiguous.

A tag may move: this machine keeps the image that it once pulled, while a Marathon agent may pull another one.
"""

from __future__ import annotations

import os

from docker import DockerClient

from harness.errors import UsageError
from harness.releases import releases, servers

OVERRIDE_VARIABLE = "RT_HARNESS_IMAGES"
"""Variable with images named by the user: "mariadb-10.11=mariadb:10.11,rt-5.0.3=example.org/rt:5.0.3"."""


def all_named() -> dict[str, str]:
    """Return all images that the user named: what each stands for ("rt-5.0.3"), and its name.

    Raises UsageError for a word that names no image or stands for nothing: what was meant would be judged by
    the built image.
    """
    found: dict[str, str] = {}
    known = [*(f"rt-{version}" for version in releases()), *servers()]
    for word in filter(None, map(str.strip, os.environ.get(OVERRIDE_VARIABLE, "").split(","))):
        name, _, image = map(str.strip, word.partition("="))
        if not image:
            raise UsageError(f"{OVERRIDE_VARIABLE} names no image in {word!r}.", repair=f"write {name}=IMAGE")
        if name not in known:
            raise UsageError(
                f"{OVERRIDE_VARIABLE} names an image for {name!r}, which is neither a release nor a server here.",
                repair=f"choose one of: {', '.join(known)}",
            )
        # The last one of a name counts: a pipeline puts the image to deploy behind those of its agent.
        found[name] = image
    return found


def named_by_user(name: str) -> str | None:
    """Return the image that the user named in place of a built one ("rt-5.0.3"), None if there is none.

    Raises UsageError as `all_named` does, whichever of its words is wrong.
    """
    return all_named().get(name)


def is_pinned(image: str) -> bool:
    """Tell whether a name identifies one image: by a digest, or by the image's own id."""
    return "@sha256:" in image or image.startswith("sha256:")


def digest_of(client: DockerClient, image: str) -> str:
    """Return an image's name with its registry digest; "" for one that was never pushed or pulled.

    If several registries have it, the one in its name is preferred.
    """
    known = [str(digest) for digest in (client.images.get(image).attrs or {}).get("RepoDigests") or []]
    name = image.partition("@")[0]
    name = name if ":" not in name.rpartition("/")[2] else name.rpartition(":")[0]
    return next((digest for digest in known if digest.partition("@")[0] == name), next(iter(known), ""))


def describe_unpinned(image: str) -> str:
    """Return a sentence about what an image name without digest leaves unchecked; "" for one with digest."""
    if is_pinned(image):
        return ""
    return (
        f"whether {image} is the same image elsewhere: what this machine has under that name was judged, and an "
        "agent may find another one; name and deploy it by its digest, NAME@sha256:... (docs/pipeline.md)"
    )
