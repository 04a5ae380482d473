"""Where a Debian base comes from: a registry when one answers quickly, else the mirror through mmdebstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

from docker import DockerClient
from docker.errors import APIError

from harness.common import cache
from harness.common.notify import Notify
from harness.errors import InfrastructureError, UsageError
from harness.images import mirror
from harness.images.mirror import VARIABLE as MIRROR_VARIABLE
from harness.images.mirror import Mirror
from harness.releases import Suite

VARIABLE = "RT_HARNESS_BASE"
"""auto (the default), registry, or mirror."""
REGISTRY_PATIENCE = 4.0
"""Seconds that a registry gets to say that it has the image."""


def origin(client: DockerClient, suite: Suite, sources: Mirror, notify: Notify) -> str:
    """Return the name of an image that holds a plain Debian of this suite.

    Raises UsageError when RT_HARNESS_BASE is none of its values, InfrastructureError when no way works.
    """
    way = os.environ.get(VARIABLE, "auto")
    if way not in ("auto", "registry", "mirror"):
        raise UsageError(f"{VARIABLE} is {way!r}.", repair="set it to auto, registry or mirror")
    name = f"debian:{suite.name}-slim"
    if way != "mirror" and _registry_has(client, name):
        notify(f"pulling {name}")
        client.images.pull(name)
        return name
    if way == "registry":
        raise InfrastructureError(
            f"No registry answered for {name} within {REGISTRY_PATIENCE:g} s.",
            repair=f"set {VARIABLE}=mirror, or give the engine a registry mirror",
        )
    return _from_mirror(client, suite, sources, notify)


def _registry_has(client: DockerClient, name: str) -> bool:
    """Ask the engine to ask the registry; a registry that is slow to answer counts as absent."""
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(client.api.inspect_distribution, name).result(REGISTRY_PATIENCE)
    except (APIError, FutureTimeoutError):
        return False
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return True


def _from_mirror(client: DockerClient, suite: Suite, sources: Mirror, notify: Notify) -> str:
    key = cache.digest(suite.name, *suite.apt, sources.archive, "")
    tag = f"rt-harness/debian:{suite.name}-{key}"
    if client.images.list(tag):
        return tag
    if not sources.archive:
        raise InfrastructureError(
            "No registry answers, and this machine's apt names no Debian mirror.",
            repair=f"set {MIRROR_VARIABLE} to the address of a Debian archive",
        )
    _need_mmdebstrap(notify)
    notify(f"bootstrapping Debian {suite.name} from the mirror")
    command = ["mmdebstrap", "--variant=minbase", "--include=ca-certificates", "--quiet"]
    command += [f"--aptopt={option}" for option in suite.apt]
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as tree:
        done = subprocess.run(
            [*command, suite.name, "-", sources.archive], stdout=tree, stderr=errors, check=False,
            env=os.environ | sources.environment,
        )  # fmt: skip
        if done.returncode:
            errors.seek(0)
            text = errors.read().decode(errors="replace")
            raise InfrastructureError(
                f"Debian {suite.name} could not be bootstrapped (mmdebstrap ended with {done.returncode}).",
                [("Last lines", "\n".join(text.splitlines()[-15:]))],
                f"check that the mirror carries {suite.name}; {MIRROR_VARIABLE} names another one",
            )
        tree.seek(0)
        # An iterator, not the file: given a file, requests sends its length beside a chunked body.
        # The whole name as the repository, which Docker takes as well: Podman forgets a tag of its own here.
        client.api.import_image_from_stream(iter(lambda: tree.read(1 << 20), b""), repository=tag)
    return tag


def _need_mmdebstrap(notify: Notify) -> None:
    """Install mmdebstrap where that is possible. Raises InfrastructureError where it is not."""
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        notify("installing mmdebstrap")
        mirror.install("mmdebstrap")
    if not shutil.which("mmdebstrap"):
        raise InfrastructureError(
            "No registry answers, and mmdebstrap, which makes a base from the mirror, is not installed.",
            repair="install the package mmdebstrap, or give the engine a registry",
        )
