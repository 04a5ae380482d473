"""Obtain a Debian base: from a registry if one answers quickly, else from the mirror through mmdebstrap."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError
from requests import RequestException

from harness.common import cache
from harness.common.notify import Notify
from harness.errors import InfrastructureError, UsageError
from harness.images import mirror, mmdebstrap
from harness.images.mirror import VARIABLE as MIRROR_VARIABLE
from harness.images.mirror import Mirror
from harness.releases import Suite

VARIABLE = "RT_HARNESS_BASE"
"""Variable with one of auto (the default), registry, or mirror."""
AUTO = "auto"
REGISTRY_PATIENCE = 4.0
"""Seconds for a registry to answer whether it has the image."""
NOT_ASKED = (404, 501)
"""Status codes of Podman, which does not know that request. A pull then decides; with Docker it fails at once."""
PULL_PATIENCE = 120.0
"""Seconds for a pull if it is unknown whether a registry exists."""
KEYRING, KEYRINGS = "debian-archive-keyring", Path("/usr/share/keyrings")


def chosen_way() -> str:
    """Return where the user wants a base from. Raises UsageError if RT_HARNESS_BASE has an unknown value."""
    way = os.environ.get(VARIABLE, AUTO)
    if way not in (AUTO, "registry", "mirror"):
        raise UsageError(f"{VARIABLE} is {way!r}.", repair="set it to auto, registry or mirror")
    return way


def origin(client: DockerClient, suite: Suite, sources: Mirror, notify: Notify) -> str:
    """Return the name of an image with a plain Debian of this suite.

    Raises UsageError if RT_HARNESS_BASE has an unknown value, InfrastructureError if no source works.
    """
    way = chosen_way()
    name = f"debian:{suite.name}-slim"
    if way == "mirror":
        return _from_mirror(client, suite, sources, notify)
    trouble = _from_registry(client, name, notify)
    if not trouble:
        return name
    if way == "registry":
        raise InfrastructureError(
            trouble, repair=f"set {VARIABLE}=mirror, or give the engine a registry that answers"
        )
    return _from_mirror(client, suite, sources, notify)


def _from_registry(client: DockerClient, name: str, notify: Notify) -> str:
    """Pull an image; return "" on success, else the reason why not: then the mirror is tried."""
    limit = None
    try:
        _call_within(REGISTRY_PATIENCE, client.api.inspect_distribution, name)
    except FutureTimeoutError:
        return f"No registry answered for {name} within {REGISTRY_PATIENCE:g} s."
    except APIError as error:
        if error.status_code not in NOT_ASKED:
            return f"No registry answered for {name}: {error.explanation}."
        limit = PULL_PATIENCE
    notify(f"pulling {name}")
    try:
        _call_within(limit, client.images.pull, name)
    except FutureTimeoutError:
        trouble = f"No registry gave {name} within {PULL_PATIENCE:g} s."
    except (APIError, RequestException) as error:  # 429 and 5xx may follow a successful inspection
        trouble = f"A registry answers, and {name} could not be pulled: {_explain(error)}."
    else:
        return ""
    notify(trouble)
    return trouble


def _call_within(limit: float | None, work: Callable[[str], object], name: str) -> None:
    """Call `work` with an image name, for `limit` seconds (None: unlimited).

    Raises FutureTimeoutError, and the exceptions of `work`.
    """
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(work, name).result(limit)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _explain(error: Exception) -> str:
    return str(getattr(error, "explanation", "") or type(error).__name__)


def _from_mirror(client: DockerClient, suite: Suite, sources: Mirror, notify: Notify) -> str:
    key = cache.digest(suite.name, *suite.apt, sources.archive, "")
    tag = f"rt-harness/debian:{suite.name}-{key}"
    if client.api.images(tag):
        return tag
    if not sources.archive:
        raise InfrastructureError(
            "No registry answers, and this machine's apt names no Debian mirror.",
            repair=f"set {MIRROR_VARIABLE} to the address of a Debian archive",
        )
    _need_mmdebstrap(notify)
    notify(f"bootstrapping Debian {suite.name} from the mirror")
    options = ["--variant=minbase", "--include=ca-certificates", "--quiet"]
    options += [f"--aptopt={option}" for option in suite.apt]
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as tree:
        code = mmdebstrap.run([*options, suite.name, "-", sources.archive], sources.environment, tree, errors)
        if code:
            errors.seek(0)
            text = errors.read().decode(errors="replace")
            raise InfrastructureError(
                f"Debian {suite.name} could not be bootstrapped (mmdebstrap ended with {code}).",
                [("Last lines", "\n".join(text.splitlines()[-15:]))],
                f"check that the mirror carries {suite.name}; {MIRROR_VARIABLE} names another one",
            )
        tree.seek(0)
        # An iterator, not the file: given a file, requests sends its length beside a chunked body.
        # The whole name is the repository, which Docker accepts too: Podman ignores a separate tag here.
        client.api.import_image_from_stream(iter(lambda: tree.read(1 << 20), b""), repository=tag)
    return tag


def _need_mmdebstrap(notify: Notify) -> None:
    """Install mmdebstrap if possible. Raises InfrastructureError if it is not available.

    Debian's archive keys are installed too: Ubuntu lacks them by default, and without them no Debian package list
    is trusted.
    """
    wanted = [] if mirror.find_program("mmdebstrap") else ["mmdebstrap"]
    wanted += [] if [*KEYRINGS.glob(f"{KEYRING}.*")] else [KEYRING]
    if wanted and os.geteuid() == 0 and mirror.find_program("apt-get"):
        notify(f"installing {' and '.join(wanted)}")
        mirror.install(*wanted)
    if not mirror.find_program("mmdebstrap"):
        raise InfrastructureError(
            "No registry answers, and mmdebstrap, which makes a base from the mirror, is not installed.",
            repair="install the package mmdebstrap, or give the engine a registry",
        )
