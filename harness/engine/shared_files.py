"""Check that containers see this machine's files: the engine may be remote, or be denied access to them."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, ContainerError, DockerException
from docker.types import Mount
from requests import RequestException

from harness.common import owner
from harness.engine.containers import unique_name
from harness.errors import InfrastructureError

REPAIR = (
    "run this where the engine is, or give the harness's own container a folder of the engine's machine at the "
    "same path, and name it in TMPDIR; user namespaces (userns-remap) and SELinux in enforcing mode keep "
    "containers from a private folder, too"
)


def need_seen(client: DockerClient, image: str, folder: Path) -> None:
    """Check from a container that a file just written into `folder` is visible to the image's default user.

    image: any with `grep`, whose exit code is the answer, because log drivers may drop a container's output.
    Raises InfrastructureError if the file is not found: otherwise instances would not find their files either,
    which looks like a defect of theirs. Mounted with `mounts`, not the older `volumes`, which would create a
    missing directory.
    """
    word, asked = secrets.token_hex(8), folder / f"asked-{secrets.token_hex(4)}"
    asked.write_text(word, encoding="ascii")
    name = unique_name("files")
    try:
        client.containers.run(
            image,
            ["-qx", word, f"/seen/{asked.name}"],
            entrypoint="grep",
            name=name,
            network_mode="none",
            labels=owner.labels("files"),
            mounts=[Mount("/seen", str(folder), type="bind", read_only=True)],
        )
    except ContainerError as error:
        said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr
        raise _unseen(folder, f"grep ended with {error.exit_status}. {said or ''}") from error
    except APIError as error:
        if str(folder) not in str(error):  # not about the mount
            raise
        raise _unseen(folder, error.explanation or str(error)) from error
    finally:
        asked.unlink()
        with contextlib.suppress(DockerException, RequestException):
            client.api.remove_container(name, v=True, force=True)


def _unseen(folder: Path, said: str) -> InfrastructureError:
    return InfrastructureError(
        f"This engine's containers do not see what this machine has in {folder}, so they cannot be given files.",
        [("Asked for a file there", said.strip())],
        REPAIR,
    )
