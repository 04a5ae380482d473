"""Images that the user names instead of those that are built here, and which image such a name means.

A tag is a name that moves: this machine keeps the image that it once pulled, an agent may find another one.
"""

from __future__ import annotations

import os

from docker import DockerClient

OVERRIDE_VARIABLE = "RT_HARNESS_IMAGES"
"""Images named by the user: "mariadb-10.11=mariadb:10.11,rt-5.0.3=example.org/rt:5.0.3"."""


def named_by_user(name: str) -> str | None:
    """Return the image that the user named in the place of a built one ("rt-5.0.3"), None without."""
    pairs = (item.partition("=") for item in os.environ.get(OVERRIDE_VARIABLE, "").split(",") if item.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}.get(name)


def pinned(image: str) -> bool:
    """Whether a name says by itself which image it means: by a digest, or by the image's own id."""
    return "@sha256:" in image or image.startswith("sha256:")


def digest_of(client: DockerClient, image: str) -> str:
    """Return the name with digest under which a registry has an image; "" for one that was never pushed or pulled.

    Where several have it, the one that it was asked for by counts.
    """
    known = [str(one) for one in (client.images.get(image).attrs or {}).get("RepoDigests") or []]
    name = image.partition("@")[0]
    name = name if ":" not in name.rpartition("/")[2] else name.rpartition(":")[0]
    return next((one for one in known if one.partition("@")[0] == name), next(iter(known), ""))


def reservation(image: str) -> str:
    """Say what was not asked of an image that was named without its digest; "" for nothing."""
    if pinned(image):
        return ""
    return (
        f"whether {image} is the same image elsewhere: what this machine has under that name was judged, and an "
        "agent may find another one; name and deploy it by its digest, NAME@sha256:... (docs/pipeline.md)"
    )
